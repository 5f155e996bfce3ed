from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import balanced_accuracy_score, classification_report
from torch import nn

from striate.core.records import Preprocess
from striate.data.batches import Batches
from striate.data.picture import normalise
from striate.data.targets.classes import ClassBatch, ClassTargets
from striate.data.working import WorkingPictures
from striate.models import create_model
from striate.runtime.runtime import LARGE_FROM_MACS, Runtime, default_runtime, has_fast_bf16
from striate.tasks import classification
from striate.tasks.classification import Evaluation, evaluate
from striate.tasks.classification.losses import inverse_frequency_weights, losses, losses_for
from striate.tasks.task import NETWORK
from striate.training.recipe import Recipe

PLAIN = Runtime("cpu", "fp32", channels_last=False, threads=1)
RECORD = Preprocess((32, 32), (32, 32)).for_channels(1)


class InMemory(WorkingPictures):
    def __init__(self, pixels):
        self.pixels, self.shape = pixels, pixels.shape[1:]

    def fill(self, index, pixels):
        pixels[...] = self.pixels[index]


def lenet():
    torch.manual_seed(0)
    return create_model("lenet5", classes=4)


def noise(count: int, batch_size: int) -> Batches:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, 32, 32, 1), dtype=np.uint8)
    return Batches(
        InMemory(pixels), ClassTargets(random.integers(0, 4, count), tuple("abcd")), np.arange(count), batch_size
    )


def test_the_result_does_not_depend_on_the_batches():
    network, classes = lenet(), tuple("abcd")
    whole, parts = (evaluate(network, noise(50, size).in_order(), RECORD, classes, PLAIN) for size in (50, 7))
    assert torch.equal(whole.confusion, parts.confusion)
    assert whole.top5_hits == parts.top5_hits == 50
    assert whole.mean_loss == pytest.approx(parts.mean_loss, rel=1e-5)


def test_the_figures_agree_with_scikit_learn():
    found = evaluate(lenet(), noise(80, 16).in_order(), RECORD, tuple("abcd"), PLAIN)
    truth, predicted = found.truth.numpy(), found.predicted.numpy()
    report = classification_report(truth, predicted, output_dict=True, zero_division=0.0)
    assert found.accuracy == pytest.approx(report["accuracy"])
    assert found.to_dict()["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, predicted))
    for number, row in enumerate(found.per_class()):
        assert row["recall"] == pytest.approx(report[str(number)]["recall"])
        assert row["pictures"] == report[str(number)]["support"]
        if row["precision"] is not None:
            assert row["precision"] == pytest.approx(report[str(number)]["precision"])


def test_evaluation_leaves_the_mode_and_the_statistics_alone():
    network = create_model("resnet20").train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    pixels = np.zeros((4, 32, 32, 3), np.uint8)
    data = Batches(InMemory(pixels), ClassTargets(np.zeros(4, np.int64), tuple("abcd")), np.arange(4), 2)
    evaluate(network, data.in_order(), network.preprocess, tuple("0123456789"), PLAIN)
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_a_class_without_pictures_has_no_recall():
    confusion = torch.tensor([[2, 1], [0, 0]])
    found = Evaluation(("a", "b"), confusion, 3, 1.0, torch.ones(3), torch.tensor([0, 0, 1]), torch.zeros(3).long())
    assert [row["recall"] for row in found.per_class()] == [2 / 3, None]
    assert found.to_dict()["balanced_accuracy"] == pytest.approx(2 / 3)


def test_label_smoothing_by_hand():
    network = lenet()
    images, labels = torch.randn(3, 1, 32, 32), torch.tensor([0, 1, 2])
    made = losses(network, NETWORK, images, ClassBatch(labels), Recipe(model="lenet5", label_smoothing=0.1))
    loss, right = made.losses["loss"], made.counted["accuracy"]
    log_probabilities = F.log_softmax(network(images), 1)
    target = torch.full((3, 4), 0.1 / 4)
    target[range(3), labels] += 0.9
    assert loss.item() == pytest.approx(-(target * log_probabilities).sum(1).mean().item(), rel=1e-5)
    assert int(right) == int((network(images).argmax(1) == labels).sum())


def test_weights_by_inverse_frequency_are_one_as_a_mean_over_the_pictures():
    counts = torch.tensor([6, 3, 0, 1])
    weights = inverse_frequency_weights(counts)
    assert weights[:2].tolist() == pytest.approx([10 / 18, 10 / 9]) and weights[3] == pytest.approx(10 / 3)
    assert (weights * counts).sum() / counts.sum() == pytest.approx(1)


def test_weighted_losses_by_hand():
    network, images = lenet(), torch.randn(3, 1, 32, 32)
    targets = ClassTargets(np.array([0, 0, 0, 1, 2, 3]), tuple("abcd"))
    recipe = Recipe(model="lenet5", label_smoothing=0.1, balance="weights")
    weighted = losses_for(targets, np.arange(6), recipe)
    weights = torch.tensor([0.5, 1.5, 1.5, 1.5])  # 6 pictures by 4 classes and the pictures of each
    labels, mixed = torch.tensor([0, 1, 3]), torch.tensor([[0.5, 0.5, 0, 0], [0, 1.0, 0, 0], [0, 0, 0.25, 0.75]])
    log_probabilities = F.log_softmax(network(images), 1)
    for given, shares in ((labels, F.one_hot(labels, 4).float()), (mixed, mixed)):
        each = -((0.9 * shares + 0.1 / 4) * log_probabilities).sum(1)
        loss = weighted(network, NETWORK, images, ClassBatch(given), recipe).losses["loss"]
        assert loss.item() == pytest.approx(((shares @ weights) * each).mean().item(), rel=1e-5)
    assert losses_for(targets, np.arange(6), replace(recipe, balance="none")) is losses


def test_auxiliary_heads_count_with_their_weights():
    torch.manual_seed(0)
    network = create_model("googlenet", classes=3, size=(96, 96)).train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    images, labels = torch.randn(2, 3, 96, 96), torch.tensor([0, 2])
    loss = losses(network, NETWORK, images, ClassBatch(labels), Recipe(model="googlenet")).losses["loss"]
    heads = network.training_logits(images)
    assert [weight for weight, _ in heads] == [1.0, 0.3, 0.3]  # arXiv:1409.4842, section 5
    assert loss.item() == pytest.approx(sum(w * F.cross_entropy(x, labels).item() for w, x in heads), rel=1e-5)


def test_a_small_network_stays_in_fp32_on_one_thread_and_a_large_one_takes_what_is_fast():
    small, large = default_runtime("auto", LARGE_FROM_MACS - 1), default_runtime("auto", LARGE_FROM_MACS)
    assert (small.precision, small.threads) == ("fp32", 1)
    assert large.precision == ("bf16" if has_fast_bf16(large.device) else "fp32")
    assert large.channels_last
    assert default_runtime("fp32", LARGE_FROM_MACS).precision == "fp32"


def test_bf16_stays_close_to_fp32():
    torch.manual_seed(0)
    network = create_model("resnet20").eval()
    images = torch.randn(4, 3, 32, 32)
    with Runtime("cpu", "bf16", True, 1).autocast():
        half = network(images).float()
    assert torch.allclose(half, network(images), atol=0.05, rtol=0.05)


def test_answers_in_bf16_are_those_of_fp32():
    """Near-ties are computed again: without, answers differ; with, none does, and the others are bf16's own numbers."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 10))
    preprocess = Preprocess((8, 8), (8, 8), (0.5, 0.5, 0.5), (0.3, 0.3, 0.3))
    pictures = torch.randint(0, 256, (2000, 3, 8, 8), dtype=torch.uint8)
    with torch.no_grad():
        exact, half = (
            classification.predict_logits(network, pictures, preprocess, Runtime("cpu", kind, True, 1))
            for kind in ("fp32", "bf16")
        )
        with torch.autocast("cpu", torch.bfloat16):
            rounded = network(normalise(pictures, preprocess)).float()
    assert (rounded.argmax(1) != exact.argmax(1)).any()
    assert torch.equal(half.argmax(1), exact.argmax(1))
    again = (half != rounded).any(1)
    assert 0 < again.sum() < len(pictures)


def test_threads_are_restored():
    before = torch.get_num_threads()
    with Runtime("cpu", "fp32", False, 1).processor_threads():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_thousands_of_classes_are_written_by_their_cells():
    classes = tuple(f"class {number}" for number in range(4_000))
    confusion = torch.zeros(4_000, 4_000, dtype=torch.int64)
    confusion[7, 7], confusion[7, 3_999] = 5, 2
    found = classification.Evaluation(classes, confusion, 5, 1.0, torch.ones(7), torch.zeros(7), torch.zeros(7))
    fields = found.to_dict()
    assert fields["confusion_cells"] == [[7, 7, 5], [7, 3_999, 2]] and "confusion" not in fields
    assert len(json.dumps(fields)) < 1_000_000
    few = classification.Evaluation(
        classes[:3], confusion[5:8, 5:8], 5, 1.0, torch.ones(5), torch.zeros(5), torch.zeros(5)
    )
    assert few.to_dict()["confusion"] == [[0, 0, 0], [0, 0, 0], [0, 0, 5]]
