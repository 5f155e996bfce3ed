"""The head on cached features against the plain loop that runs the frozen backbone in every epoch: seconds, accuracy.

    python benchmarks/head.py DATA --epochs 30 [--weights embedded]

Both see the same pictures at the same size, with one number of threads: the head solved on features of each picture and
its mirror image, which the backbone makes once; and a head that SGD trains on mirrored pictures, the backbone frozen
below it and run in evaluation, for so many epochs. DATA has train/ and test/, or is split. Both keep freed memory in
the process, as a run does. Decoding is in neither, nor what Python loads when something is used for the first time.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from striate.data.batches import Batches, batches_of
from striate.data.cache import working_pictures
from striate.data.picture import normalise, to_network_size
from striate.data.sources import open_data
from striate.data.targets.classes import labels_of
from striate.data.working import WorkingPictures
from striate.frozen.extract import form_for, images_features
from striate.frozen.linear import cross_validate, fit, one_thread
from striate.models import Network, architecture_of, create_model
from striate.models.linear_probe import PRE_LOGITS
from striate.runtime.malloc import keep_freed_memory
from striate.runtime.runtime import Runtime
from striate.tasks.classification import evaluate
from striate.training.finetune.head import write_head

BATCH_SIZE, PEAK_LR = 32, 0.05


def solved(network: Network, train: Batches, runtime: Runtime) -> None:
    """Features once per picture and view, then the linear classifier of the cross-validated strength."""
    views: list[np.ndarray] = []
    labels = torch.cat([labels_of(batch.targets) for batch in train.in_order()]).numpy()
    form = form_for(network, (PRE_LOGITS,))
    for mirrored in (False, True):
        images = (seen(network, batch.pictures, mirrored) for batch in train.in_order())
        views.append(images_features(form, images, (PRE_LOGITS,), runtime)[PRE_LOGITS].double().numpy())
    strength = cross_validate(views[0], labels, network.classes).C
    with one_thread():
        write_head(network, fit(np.concatenate(views), np.tile(labels, 2), network.classes, strength / 2))


def looped(network: Network, train: Batches, runtime: Runtime, epochs: int) -> None:
    """SGD with momentum and a cosine, as a training script writes it: the backbone runs in every step."""
    network.eval()
    head = network.get_classifier()
    optimizer = torch.optim.SGD(head.parameters(), lr=PEAK_LR, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * train.steps)
    for epoch in range(epochs):
        for number, batch in enumerate(train.shuffled(0, epoch)):
            images = runtime.images(seen(network, batch.pictures, bool((epoch + number) % 2)))
            with runtime.autocast():
                with torch.no_grad():
                    features = network.forward_head(network.forward_features(images), pre_logits=True)
                loss = F.cross_entropy(head(features).float(), labels_of(batch.targets))
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()


def seen(network: Network, pictures: Tensor, mirrored: bool) -> Tensor:
    """What the network sees of pictures."""
    cut = to_network_size(pictures, network.preprocess)
    return normalise(cut.flip(3) if mirrored else cut, network.preprocess)


def prepared(data: str, weights: str) -> tuple[tuple[str, ...], dict[str, Batches]]:
    """Class names, and the splits as batches of decoded pictures."""
    dataset = open_data(data)
    network = create_model(architecture_of(weights), weights=weights)
    working: WorkingPictures = working_pictures(dataset, network.preprocess)[0]
    splits = {name: batches_of(dataset, name, working, BATCH_SIZE) for name in dataset.splits}
    return dataset.classes, splits


def warm_up(classes: tuple[str, ...], weights: str, train: Batches, runtime: Runtime) -> None:
    """Each way once, on few pictures."""
    network = create_model(architecture_of(weights), len(classes), weights=weights)
    runtime.network(network)
    few = replace(train, indices=train.indices[:: max(1, len(train.indices) // 32)])
    solved(network, few, runtime)
    looped(network, few, runtime, epochs=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--weights", default="embedded")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    runtime = Runtime("cpu", options.precision, channels_last=True, threads=options.threads)
    classes, splits = prepared(options.data, options.weights)
    train, test = splits["train"], splits.get("test", splits["val"])
    print(f"{Path(options.data).name}: {len(train.indices)} pictures to train on, {len(test.indices)} to test")
    print(f"{options.threads} threads, {options.precision}\n\n| way | seconds | test accuracy | 95 % interval |")
    print("|---|---:|---:|---:|")
    taken = {}
    with runtime.processor_threads(), keep_freed_memory():  # as in a run
        warm_up(classes, options.weights, train, runtime)
        for name in ("solved on cached features", f"plain loop, {options.epochs} epochs"):
            torch.manual_seed(0)
            network = create_model(architecture_of(options.weights), len(classes), weights=options.weights)
            runtime.network(network)
            begun, cpu = time.perf_counter(), time.process_time()
            if name.startswith("plain"):
                looped(network, train, runtime, options.epochs)
            else:
                solved(network, replace(train, batch_size=128), runtime)
            taken[name], cpu = time.perf_counter() - begun, time.process_time() - cpu
            network.preprocess = replace(network.preprocess, mirrored=True)
            found = evaluate(network, test.in_order(), network.preprocess, classes, runtime)
            low, high = found.interval
            print(
                f"| {name} | {taken[name]:.2f} ({cpu:.2f} of the processor) | {found.accuracy:.1%} | "
                f"{low:.1%} to {high:.1%} |",
                flush=True,
            )
    first, second = taken.values()
    print(f"\n{second / first:.1f} times as fast")


if __name__ == "__main__":
    main()
