"""The weights that are in the package: whole, small, described by their card, and worth beginning from."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from safetensors import safe_open
from sklearn.datasets import load_digits

from striate.data.picture import to_batch
from striate.data.working_size import to_working_size
from striate.frozen.extract import features_of
from striate.frozen.linear import cross_validate
from striate.models import create_model
from striate.models.linear_probe import PRE_LOGITS
from striate.models.stored import EMBEDDED_FOLDER, WEIGHTS, digest, read_stored
from striate.runtime.runtime import default_runtime

LARGEST_BYTES = 12_000_000
PICTURES = 600


@pytest.fixture(scope="module")
def packaged():
    return read_stored(EMBEDDED_FOLDER)


def test_they_are_small_whole_and_in_half_precision(packaged):
    tensors = packaged.tensors()
    assert (EMBEDDED_FOLDER / WEIGHTS).stat().st_size <= LARGEST_BYTES
    with safe_open(EMBEDDED_FOLDER / WEIGHTS, framework="pt") as file:
        assert file.metadata()["sha256"] == digest(tensors)
    assert {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()} == {torch.float16}
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    assert len(set(packaged.classes)) == len(packaged.classes) == 200


def test_the_card_tells_the_figures_of_the_config(packaged):
    card = (EMBEDDED_FOLDER / "README.md").read_text(encoding="utf-8")
    top1, top5 = re.search(r"Top-1 ([\d.]+)% .*top-5 ([\d.]+)%", card).groups()
    assert (float(top1), float(top5)) == pytest.approx(
        [100 * packaged.config.metrics[name] for name in ("val_top1", "val_top5")], abs=0.005
    )
    assert f"{(EMBEDDED_FOLDER / WEIGHTS).stat().st_size:,} bytes" in card
    network = create_model(packaged.architecture)
    assert f"{sum(parameter.numel() for parameter in network.parameters()):,} parameters" in card


def digits_features(network):
    """What the last layer reads of scikit-learn's digits, and their labels."""
    digits = load_digits()
    record = network.preprocess
    shown = [np.repeat((image * 255 / 16).astype(np.uint8)[:, :, None], 3, 2) for image in digits.images[:PICTURES]]
    pictures = to_batch(np.stack([to_working_size(pixels, record) for pixels in shown]))
    found = features_of(
        network, pictures.split(100), network.preprocess, (PRE_LOGITS,), default_runtime("fp32", macs=0, device="cpu")
    )
    return found[PRE_LOGITS].double().numpy(), digits.target[:PICTURES].astype(np.int64)


def test_their_features_tell_handwritten_digits_apart_better_than_drawn_weights_do(packaged):
    torch.manual_seed(0)
    drawn, trained = (create_model(packaged.architecture, weights=weights) for weights in (None, "embedded"))
    drawn.preprocess = trained.preprocess
    by_drawn, by_trained = (cross_validate(*digits_features(network), 10) for network in (drawn, trained))
    gained = by_trained.is_correct - by_drawn.is_correct  # of the same pictures
    assert gained.mean() > 2 * gained.std(ddof=1) / np.sqrt(PICTURES)
