"""A run becomes a file, in each format; the file alone answers as the run does."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

import striate
from factories import network_of
from striate.data.sources import open_data
from striate.deploy.engines import open_engine
from striate.deploy.export.exporting import Wanted

ENDINGS = (".onnx", ".xml", ".pt2")
NO_OLDER_BF16 = pytest.mark.skipif(
    "ONEDNN_MAX_CPU_ISA" in os.environ, reason="OpenVINO asks the processor, not oneDNN, whether it has bf16"
)


@pytest.fixture
def run(digits_run):
    return striate.load(digits_run)


@pytest.fixture(scope="module")
def digits():
    """Twenty pictures of digits, uint8 (8, 8, 1) each."""
    data = open_data("digits")
    return [data.pictures.decode(index, 1) for index in data.splits["test"][:20].tolist()]


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_file_answers_as_the_run(run, digits, tmp_path, ending):
    found = run.export(tmp_path / f"digits{ending}")
    with safe_open(run.path / "model.safetensors", framework="pt") as file:
        assert found.record.sha256 == file.metadata()["sha256"]
    validated = len(open_data("digits").splits["val"])
    assert found.tried_on == f"{min(validated, 256)} validation pictures"
    assert found.record.proof.pictures == min(validated, 256)
    assert found.record.proof.largest_difference < 1e-4
    opened = striate.load(found.path)
    assert opened.classes == tuple("0123456789")
    assert opened.preprocess == run.preprocess
    ours, theirs = run.predict(digits, top=3), opened.predict(digits, top=3)
    assert [[label for label, _ in each.top] for each in theirs] == [[label for label, _ in each.top] for each in ours]
    for a, b in zip(ours, theirs, strict=True):
        assert a.probability == pytest.approx(b.probability, abs=1e-3)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_takes_pixels_answers_as_the_run(run, digits, tmp_path, ending):
    found = run.export(tmp_path / f"digits{ending}", with_preprocessing=True)
    assert found.record.with_preprocessing
    opened = striate.load(found.path)
    assert [each.label for each in opened.predict(digits)] == [each.label for each in run.predict(digits)]


@pytest.mark.parametrize("ending", ENDINGS)
def test_any_number_of_pictures_of_any_size(exported, tmp_path, ending):
    network = network_of("resnet20", 32).eval()
    found = exported(network, f"net{ending}")
    assert found.any_size
    engine = open_engine(found.path)
    for shape in ((1, 3, 32, 32), (5, 3, 32, 32), (2, 3, 45, 71)):
        images = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            expected = network(images).numpy()
        np.testing.assert_allclose(engine(images.numpy()), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_network_of_one_size_says_so(exported, ending):
    network = network_of("(conv8-relu)-pool-fc16-relu")
    found = exported(network, f"net{ending}")
    assert not found.any_size
    height, width = network.preprocess.size
    engine = open_engine(found.path)
    assert engine(np.zeros((3, network.in_channels, height, width), np.float32)).shape == (3, 4)
    with pytest.raises(Exception, match=r"(?i)shape|dimension|index|size"):
        engine(np.zeros((1, network.in_channels, height + 8, width), np.float32))


@pytest.mark.parametrize("ending", [pytest.param(".xml", marks=NO_OLDER_BF16), ".pt2"])
def test_bf16_is_half_as_large(exported, tmp_path, ending):
    network = network_of("(conv128-relu)*2-gap", 16)
    whole, half = (exported(network, f"{p}{ending}", precision=p) for p in ("fp32", "bf16"))
    assert half.size_bytes < 0.75 * whole.size_bytes
    assert half.record.proof.largest_difference > 0
    assert half.record.precision == "bf16"


def test_the_format_is_named_or_the_ending_of_the_file():
    assert Wanted.of(None, None, "cats").path.name == "cats.onnx"
    assert Wanted.of(None, "openvino", "cats").path.name == "cats.xml"
    assert Wanted.of("a.pt2", None, "cats").format == "pt2"
    with pytest.raises(striate.StriateError, match=r"unknown format 'tflite'"):
        Wanted.of(None, "tflite", "cats")
    with pytest.raises(striate.StriateError, match=r"^a file in the format pt2 ends in \.pt2, got a\.onnx$"):
        Wanted.of("a.onnx", "pt2", "cats")
    with pytest.raises(striate.StriateError, match=r"unknown precision 'fp64'"):
        Wanted.of("a.onnx", None, "cats", precision="fp64")
    with pytest.raises(striate.StriateError, match=r"onnx files are fp32"):
        Wanted.of("a.onnx", None, "cats", precision="bf16")


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_of_this_machine_is_in_the_file(exported, ending):
    found = exported(network_of("(conv8-relu)-gap"), f"net{ending}")
    content = found.path.read_bytes()
    for told in (b".py", str(Path.home()).encode(), str(Path(striate.__file__).parent).encode(), b"stack_trace"):
        assert told not in content


def test_an_older_torch_is_refused(exported, monkeypatch):
    def export(mod, args, *, dynamic_shapes=None, strict=False):
        raise AssertionError

    monkeypatch.setattr(torch.export, "export", export)
    with pytest.raises(striate.StriateError, match=r"takes a newer torch than 2\..*; 2\.13 does$"):
        exported(network_of("(conv8-relu)-gap"))
