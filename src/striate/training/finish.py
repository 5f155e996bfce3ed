"""What follows training: the test, the files that say how good the network is, the report."""

from __future__ import annotations

from contextlib import suppress

import torch
from torch import Tensor

from striate.analysis.summary import summarize
from striate.core.commands import shown
from striate.core.files import write_bytes, write_json
from striate.data.batches import Batches
from striate.data.dataset import Dataset, Indices
from striate.data.decode import DecodeError
from striate.data.unreadable import UnreadablePictures
from striate.data.working import WorkingPictures
from striate.deploy.bundle import save_config
from striate.deploy.inputs import split_to_evaluate
from striate.deploy.run import Run
from striate.report.facts import Mistake, ReportFacts, Sample
from striate.report.page import write_report
from striate.tasks.classification import Evaluation, evaluate
from striate.training.card import model_card
from striate.training.finetune.feature_space import feature_space
from striate.training.finetune.transfer import transfer_facts
from striate.training.folder.begun import read_begun
from striate.training.folder.layout import EVALUATION, REPORT, read_validations
from striate.training.folder.state import Counters
from striate.training.job import Job
from striate.training.step import varied_batch

SHOWN_MISTAKES = 24
SHOWN_SAMPLES = 16
SHOWN_PX = (160, 160)


def finish(
    job: Job, dataset: Dataset, working: WorkingPictures, counters: Counters, unreadable: UnreadablePictures
) -> Run:
    """Test the best weights, write config, evaluation, model card and report, say the result.

    job: as it was trained, so that the report shows the pictures that the network saw.
    """
    folder, runtime = job.folder, job.runtime
    run = Run(folder)
    split = split_to_evaluate(dataset, None)
    begun, record = read_begun(folder)
    recipe = begun.recipe
    at_once = runtime.at_once(recipe.batch_size)
    batches = Batches(working, dataset.labels, dataset.splits[split], at_once, unreadable=unreadable)
    found = evaluate(runtime.network(run.network), batches.in_order(), run.preprocess, run.classes, runtime)
    mistakes = confident_mistakes(found, dataset, unreadable.without(dataset.splits[split]), run.preprocess.white)
    metrics = {
        f"{split}_top1": found.accuracy,
        f"{split}_top1_interval": list(found.interval),
        f"{split}_pictures": found.total,
        "val_top1": counters.best_accuracy,
        "epoch": counters.best_epoch,
        "seconds": round(counters.seconds, 1),
    }
    save_config(folder, run.network, run.classes, metrics)
    facts = ReportFacts(
        title=folder.name,
        command=shown(record["command"]),
        evaluation=found,
        evaluated_split=split,
        history=read_validations(folder),
        mistakes=mistakes,
        augmented=augmented_samples(job),
        cost=summarize(run.network),
        recipe={"name": record["recipe_name"], **record["recipe"], "seed": record["seed"]},
        machine=record["machine"],
        data=record["data"],
        seconds=counters.seconds,
        best_epoch=counters.best_epoch,
        transfer=transfer_facts(folder, run.network, recipe.epochs, counters.best_epoch),
        space=feature_space(run.network, recipe, dataset, working, runtime, unreadable),
    )
    write_bytes(folder / "README.md", model_card(facts, run.network, folder).encode("utf-8", "replace"))
    write_report(folder / REPORT, facts)
    listed = [
        {"name": m.name, "truth": m.truth, "predicted": m.predicted, "probability": m.probability} for m in mistakes
    ]
    write_json(folder / EVALUATION, {"split": split, **found.to_dict(), "mistakes": listed})
    job.watch.result(facts)
    return Run(folder)


def confident_mistakes(
    found: Evaluation, dataset: Dataset, numbers: Indices, white: float | None = None
) -> list[Mistake]:
    """The wrong answers that the network was surest of, with their pictures, where those can still be decoded.

    numbers: of the pictures that were evaluated, in that order. white: see `Preprocess.white`.
    """
    wrong = torch.nonzero(found.predicted != found.truth).flatten()
    order = wrong[found.probabilities[wrong].argsort(descending=True)][:SHOWN_MISTAKES].tolist()
    mistakes, channels = [], 3
    for place in order:
        index = int(numbers[place])
        with suppress(DecodeError):
            mistake = Mistake(
                name=dataset.pictures.name(index),
                truth=dataset.classes[int(found.truth[place])],
                predicted=dataset.classes[int(found.predicted[place])],
                probability=float(found.probabilities[place]),
                pixels=dataset.pictures.decode(index, channels, SHOWN_PX, white),
            )
            mistakes.append(mistake)
    return mistakes


def augmented_samples(job: Job) -> list[Sample]:
    """The first pictures of training as the network saw them; `job` as `loop.prepare` gives it."""
    batch = next(iter(job.train.shuffled(job.seed, 0)))
    pictures, labels = varied_batch(job, batch, step=0)
    pixels = pictures[:SHOWN_SAMPLES].clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    names = (label_text(label, job.classes) for label in labels[:SHOWN_SAMPLES].cpu())
    return [Sample(name, picture) for name, picture in zip(names, pixels, strict=True)]


def label_text(label: Tensor, classes: tuple[str, ...]) -> str:
    """The name of a class by its number, or the names and shares of a mixed picture by its probabilities.

    >>> label_text(torch.tensor(1), ("ant", "bee")), label_text(torch.tensor([0.25, 0.75]), ("ant", "bee"))
    ('bee', 'bee 75 %, ant 25 %')
    """
    if not label.dim():
        return classes[int(label)]
    shares = sorted(zip(label.tolist(), classes, strict=True), reverse=True)
    parts = [(share, name) for share, name in shares if share > 0]
    return parts[0][1] if len(parts) == 1 else ", ".join(f"{name} {100 * share:.0f} %" for share, name in parts)
