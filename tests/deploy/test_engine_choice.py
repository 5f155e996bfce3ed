"""One network, several engines: the same answers, the fastest chosen once, what cannot be is said."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch

import striate
from striate.core.errors import StriateError
from striate.deploy import engine_choice
from striate.deploy.engine_form import EngineForm
from striate.deploy.run import Run

ENGINES = ("onnxruntime", "openvino")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    run = striate.train("digits", "lenet5", run=tmp_path_factory.mktemp("engines") / "run", epochs=1, quiet=True)
    return run.path


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path_factory.getbasetemp() / "engines-cache"))


def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 40, 40, 3), np.uint8)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_engine_answers_as_torch_does(folder, engine, precision):
    if (engine, precision) == ("openvino", "bf16") and "ONEDNN_MAX_CPU_ISA" in os.environ:
        pytest.skip("OpenVINO asks the processor, not oneDNN, whether it has bf16")
    run = Run(folder, precision)
    expected = run.predict(pictures())
    lines: list[str] = []
    run.choose_engine(engine, tell=lines.append)
    found = run.predict(pictures())
    assert [each.label for each in found] == [each.label for each in expected]
    close = 1e-5 if precision == "fp32" else 0.05
    assert [each.probability for each in found] == pytest.approx([each.probability for each in expected], abs=close)
    assert isinstance(run._form, EngineForm)
    assert run.engine_words.split()[0] in ("ONNX", "OpenVINO") and run.engine_words.endswith(precision)
    run.choose_engine("torch")
    assert run.predict(pictures()) == expected


def test_a_file_is_made_once(folder):
    lines: list[str] = []
    for _ in range(2):
        Run(folder, "fp32").choose_engine("onnxruntime", tell=lines.append)
    assert len(lines) <= 1


def test_a_measurement_is_made_for_many_pictures_kept_and_made_anew_for_other_versions(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    run, lines = Run(folder, "fp32"), []
    run.choose_engine("auto", 3, lines.append)
    assert lines == [] and not isinstance(run._form, EngineForm)
    run.choose_engine("auto", 10_000, lines.append)
    assert lines[0] == "making an ONNX file of lenet5 for ONNX Runtime, once"
    assert "answers fastest here: " in lines[-1] and "images/s" in lines[-1]
    (kept,) = (tmp_path / "engines").glob("*.json")
    measured = json.loads(kept.read_text())
    assert set(measured["images_per_s"]) == {"torch", *ENGINES}
    assert measured["engine"] == max(measured["images_per_s"], key=measured["images_per_s"].get)
    for engine in ("openvino", "torch"):
        kept.write_text(json.dumps({**measured, "engine": engine}))
        again, told = Run(folder, "fp32"), []
        again.choose_engine("auto", None, told.append)
        assert isinstance(again._form, EngineForm) == (engine != "torch") and told == []
    kept.write_text(json.dumps({**measured, "engine": "openvino"}))
    run.choose_engine("auto", 3, lines.append)  # torch is done before another engine has begun
    assert not isinstance(run._form, EngineForm)
    kept.write_text(json.dumps({**measured, "versions": {"torch": "1.0"}}))
    run.choose_engine("auto", 10_000, lines.append)
    assert json.loads(kept.read_text())["versions"] == measured["versions"]
    kept.write_text("{")
    run.choose_engine("auto", None, lines.append)
    assert not isinstance(run._form, EngineForm)


def test_an_engine_that_answers_otherwise_is_not_chosen(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    opened = engine_choice.open_engine

    def wrong(path, name, precision):
        engine = opened(path, name, precision)
        return lambda images, threads: -engine(images, threads) if name == "openvino" else engine(images, threads)

    monkeypatch.setattr(engine_choice, "open_engine", wrong)
    run, lines = Run(folder, "fp32"), []
    run.choose_engine("auto", 10_000, lines.append)
    assert "OpenVINO" not in lines[-1] and "ONNX Runtime" in lines[-1]


def test_what_cannot_be_is_one_sentence(folder, monkeypatch):
    run = Run(folder, "fp32")
    with pytest.raises(StriateError, match="unknown engine 'tensorrt'"):
        run.choose_engine("tensorrt")
    monkeypatch.setattr(run, "runtime", replace(run.runtime, device="cuda"))
    with pytest.raises(StriateError, match="OpenVINO runs on the processor in fp32 or bf16, not on cuda in fp32"):
        run.choose_engine("openvino")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StriateError, match=r"the package openvino, .* pip install 'striate\[openvino\]'"):
        run.choose_engine("openvino")
    run.choose_engine("auto", 10_000)
    assert not isinstance(run._form, EngineForm)


def test_what_a_network_cannot_be_exported_as_is_answered_by_torch(monkeypatch, tmp_path):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))

    class Deciding(torch.nn.Module):
        def __init__(self, classes=3):
            super().__init__()
            self.layer = torch.nn.Conv2d(3, classes, 3)

        def forward(self, images):
            maps = self.layer(images)
            return maps.mean((2, 3)) if maps.sum() > 0 else maps.amax((2, 3))

    torch.manual_seed(0)
    run, lines = striate.load("own", model=Deciding()), []
    run.choose_engine("auto", 10_000, lines.append)
    assert "torch answers, as the network cannot be given to another engine" in lines[-1]
    assert len(run.predict(pictures())) == 6
