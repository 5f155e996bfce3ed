"""`run.preprocess` as a function: the very tensor that the network sees, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import striate
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.deploy.preprocessing import Preprocessing


@pytest.fixture
def pictures(tmp_path):
    """Files of several sizes and kinds, and pictures in memory."""
    random = np.random.default_rng(0)
    pixels = [random.integers(0, 256, shape, np.uint8) for shape in ((40, 52, 3), (21, 17), (64, 64, 3))]
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(pixels[0]).save(tmp_path / "turned.jpg", exif=turned)
    Image.fromarray(pixels[1]).save(tmp_path / "grey.png")
    return [tmp_path / "turned.jpg", str(tmp_path / "grey.png"), Image.fromarray(pixels[2]), pixels[0]]


def given_to_the_network(run, pictures) -> torch.Tensor:
    """What the network of `predict`, in its inference form, is called with."""
    run.predict(pictures)  # before the first answer it is tried on drawn pictures
    seen: list[torch.Tensor] = []
    handle = run._form.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
    run.predict(pictures)
    handle.remove()
    return torch.cat(seen)


@pytest.mark.parametrize("kind", ["embedded", "digits"])
def test_it_makes_the_very_tensor_that_the_network_sees(pictures, embedded, digits_run, kind, monkeypatch):
    monkeypatch.setattr("striate.deploy.predictor.cores", lambda: 1)  # one batch, for its order
    run = striate.load("embedded" if kind == "embedded" else digits_run)
    seen = given_to_the_network(run, pictures)
    if run.preprocess.mirrored:
        seen = seen[: len(pictures)]
    made = run.preprocess.batch(pictures)
    assert made.dtype == torch.float32
    assert made.shape == (4, run.preprocess.channels, *run.preprocess.size)
    assert made.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(made, seen)
    for picture, image in zip(pictures, made, strict=True):
        assert torch.equal(run.preprocess(picture), image)


def test_a_folder_is_a_batch_of_its_pictures(pictures, embedded):
    preprocess = striate.load("embedded").preprocess
    folder = pictures[0].parent
    assert torch.equal(preprocess.batch(folder / "grey.png"), preprocess.batch(pictures[1:2]))
    (folder / "more").mkdir()
    Image.open(pictures[1]).save(folder / "more" / "grey.png")
    assert torch.equal(preprocess.batch(folder / "more"), preprocess.batch(pictures[1:2]))
    with pytest.raises(StriateError, match=r"more is a folder, not a picture; preprocess.batch takes all pictures"):
        preprocess(folder / "more")


def test_the_network_is_a_plain_module_that_answers_what_predict_reads(pictures, embedded, digits_run):
    for run in (striate.load("embedded", precision="fp32"), striate.load(digits_run, precision="fp32")):
        assert not run.network.training
        images = run.preprocess.batch(pictures)
        with torch.no_grad():
            logits = run.network(images)
            if run.preprocess.mirrored:
                logits = (logits + run.network(images.flip(3))) / 2
            alone = run.network(run.preprocess(pictures[0])[None])
        assert logits.shape == (4, len(run.classes))
        for row, prediction in zip(logits.softmax(1), run.predict(pictures, top=len(run.classes)), strict=True):
            read = dict(prediction.top)
            assert row.tolist() == pytest.approx([read[name] for name in run.classes], abs=1e-5)
        if not run.preprocess.mirrored:
            torch.testing.assert_close(alone, logits[:1], rtol=1e-4, atol=1e-5)


def test_it_is_the_record_too():
    record = Preprocess((32, 48), (40, 60), mirrored=True, fit="contain", white=4095.0)
    called = Preprocessing.of(record)
    assert called == record and record == called and hash(called) == hash(record)
    assert called != record.at((32, 32)) and record.at((32, 32)) != called
    assert called != "record" and {called: 1}[record] == 1
    assert replace(called, white=None) == replace(record, white=None)
    assert called.to_dict() == record.to_dict()
    assert Preprocessing.from_dict(record.to_dict()) == record


def test_what_cannot_be_prepared_is_one_sentence(tmp_path):
    preprocess = Preprocessing((8, 8))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    with pytest.raises(StriateError, match=r"broken\.png"):
        preprocess(tmp_path / "broken.png")
    with pytest.raises(StriateError, match=r"missing\.png"):
        preprocess.batch([np.zeros((8, 8), np.uint8), tmp_path / "missing.png"])
    with pytest.raises(StriateError, match=r"picture 0 must be a path, a Pillow picture or an array uint8"):
        preprocess(np.zeros((2, 8, 8, 3), np.uint8))
    with pytest.raises(StriateError, match="no pictures were given to preprocess"):
        preprocess.batch([])
