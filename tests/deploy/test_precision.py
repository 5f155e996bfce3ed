"""Numbers are in the precision that is said."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import striate
from striate.data.picture import normalise, to_batch, to_network_size
from striate.data.sources import open_data
from striate.data.working_size import to_working_size
from striate.frozen.table import extract
from striate.runtime import runtime as runtime_module
from striate.runtime.runtime import in_precision, natively
from striate.tasks.classification import evaluate  # noqa: F401 - the same way as training's own

QUICK = {"recipe": "digits_lenet5", "epochs": 1, "autotune": False, "threads": 1}


@pytest.fixture
def fast_bf16(monkeypatch):
    """A processor that multiplies bf16 natively, and networks that are large enough to gain by it."""
    monkeypatch.setattr(runtime_module, "has_fast_bf16", lambda device: True)
    monkeypatch.setattr(runtime_module, "LARGE_FROM_MACS", 1)


@pytest.fixture(scope="module")
def fp32_run(tmp_path_factory):
    return striate.train("digits", run=tmp_path_factory.mktemp("fp32") / "run", precision="fp32", **QUICK).path


def pictures(count: int = 40):
    dataset = open_data("digits")
    return [dataset.pictures.decode(index, 1) for index in range(count)]


def test_a_run_of_fp32_predicts_what_its_network_computes_in_fp32(fp32_run, fast_bf16):
    assert striate.load("embedded").runtime.precision == "bf16"
    run = striate.load(fp32_run)
    assert run.runtime.precision == "fp32"
    batch = to_batch(np.stack([to_working_size(picture, run.preprocess) for picture in pictures()]))
    with torch.inference_mode():
        logits = run.network(normalise(to_network_size(batch, run.preprocess), run.preprocess))
    told = [prediction.probability for prediction in run.predict(pictures())]
    torch.testing.assert_close(torch.tensor(told), logits.softmax(1).amax(1), rtol=0, atol=2e-6)


def test_a_run_of_bf16_answers_in_bf16_where_the_processor_has_it(tmp_path, fp32_run, fast_bf16, monkeypatch):
    run = striate.train("digits", run=tmp_path / "run", precision="bf16", **QUICK)
    assert json.loads((run.path / "recipe.json").read_text())["machine"]["precision"] == "bf16"
    assert striate.load(run.path).runtime.precision == "bf16"
    assert striate.load(run.path, precision="fp32").runtime.precision == "fp32"
    monkeypatch.setattr(runtime_module, "has_fast_bf16", lambda device: False)
    assert striate.load(run.path).runtime.precision == "fp32"


@pytest.mark.parametrize(
    ("precision", "device", "fast", "taken"),
    [
        ("bf16", "cpu", True, "bf16"),
        ("bf16", "cpu", False, "fp32"),
        ("fp16", "cpu", True, "fp32"),
        ("fp16", "cuda", False, "fp16"),
        ("fp32", "cuda", True, "fp32"),
        ("unknown", "cpu", True, "fp32"),
    ],
)
def test_what_a_device_only_imitates_becomes_fp32(precision, device, fast, taken, monkeypatch):
    monkeypatch.setattr(runtime_module, "has_fast_bf16", lambda device: fast)
    assert natively(precision, device) == taken


def test_features_are_fp32_unless_asked_otherwise(fast_bf16):
    run = striate.load("embedded")
    assert run.runtime.precision == "bf16"
    given = [np.repeat(picture, 3, axis=2) for picture in pictures(6)]
    exact, rounded = extract(run, given).by_layer["last"], extract(run, given, precision="auto").by_layer["last"]
    assert extract(run, given, precision="bf16").by_layer["last"].tobytes() == rounded.tobytes()
    assert exact.dtype == rounded.dtype == np.float32
    assert (exact.view(np.uint32) & 0xFFFF).any()
    assert 0 < np.abs(exact - rounded).max() < 0.2
    whole = striate.load("embedded", precision="fp32")
    assert np.array_equal(extract(whole, given, precision="auto").by_layer["last"], exact)
    with pytest.raises(striate.StriateError, match="unknown precision 'fp64'; did you mean"):
        extract(run, given, precision="fp64")


def test_label_check_and_curve_describe_pictures_in_the_run_s_own_precision(fp32_run, fast_bf16, monkeypatch):
    from striate.frozen import of_dataset

    seen = []
    real = of_dataset.features_of
    monkeypatch.setattr(of_dataset, "features_of", lambda *given: seen.append(given[4].precision) or real(*given))
    of_dataset.extract_features("digits", fp32_run)
    assert seen == ["fp32"]


def test_a_placement_in_another_precision_keeps_the_rest():
    before = runtime_module.default_runtime("fp32", 0)
    after = in_precision(before, "bf16")
    assert (after.precision, after.threads, after.channels_last) == ("bf16", before.threads, before.channels_last)
