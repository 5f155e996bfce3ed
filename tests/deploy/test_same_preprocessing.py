"""Whichever way a picture takes to the network, the network sees the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.modules.module import register_module_forward_pre_hook

import striate
from striate.data.decode import read_picture
from striate.data.picture import normalise, to_batch, to_network_size
from striate.data.sources import open_data
from striate.data.working_size import to_working_size
from striate.deploy.run import Run
from striate.runtime.program.quick import QuickForm
from striate.training import network as built


def noise(seed: int, *shape: int) -> np.ndarray:
    """Smooth enough for JPEG, different in every corner."""
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, *shape[2:]), np.uint8)
    return np.asarray(Image.fromarray(small).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def turned(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


@pytest.fixture
def album(tmp_path):
    """Two classes; what validates is of every kind: turned, grey, palette, alpha, 16 bits, CMYK, odd sizes, large."""
    for split, kind in (("train", "a"), ("train", "b"), ("val", "a"), ("val", "b")):
        (tmp_path / "album" / split / kind).mkdir(parents=True)
    for kind in "ab":
        for number in range(8):
            Image.fromarray(noise(100 * ord(kind) + number, 40, 52, 3)).save(
                tmp_path / "album" / "train" / kind / f"{number}.png"
            )
    val = tmp_path / "album" / "val"
    for number in (1, 3, 6, 8):
        Image.fromarray(noise(number, 60, 90, 3)).save(val / "a" / f"turned{number}.jpg", exif=turned(number))
    Image.fromarray(noise(20, 37, 53, 3)).save(val / "a" / "odd.jpg", quality=95)
    Image.fromarray(noise(21, 700, 500, 3)).save(val / "a" / "large.jpg")  # decoded at a part of its size
    Image.fromarray(noise(22, 45, 61)).save(val / "b" / "grey.png")
    Image.fromarray(noise(23, 64, 48, 3)).quantize(16).save(val / "b" / "palette.png")
    Image.fromarray(noise(24, 50, 50, 4)).save(val / "b" / "alpha.png")
    Image.fromarray(noise(25, 41, 43).astype(np.uint16) * 257).save(val / "b" / "deep.png")
    Image.fromarray(noise(26, 41, 99, 3)).convert("CMYK").save(val / "b" / "print.jpg")
    Image.fromarray(noise(27, 9, 13, 3)).save(val / "b" / "tiny.png")
    return tmp_path / "album"


@pytest.fixture
def seen():
    """Everything that a network in evaluation mode was given, in order."""
    batches: list[torch.Tensor] = []

    def note(module, inputs):
        if isinstance(module, QuickForm):
            batches.append(inputs[0].clone())

    handle = register_module_forward_pre_hook(note)
    yield batches
    handle.remove()


def taken(batches: list[torch.Tensor]) -> torch.Tensor:
    together = torch.cat(batches)
    batches.clear()
    return together


def tried(run: Run, batches: list[torch.Tensor]) -> Run:
    """A run that has asked its network about drawn pictures, as it does once in fp32."""
    run.predict_pixels([noise(0, 9, 9, 3)[:, :, : run.preprocess.channels]], [""])
    batches.clear()
    return run


@pytest.mark.parametrize(
    ("model", "margin_px", "fields"),
    [
        ("resnet20", 0, {}),  # RGB in channels last
        ("resnet20", 7, {}),
        ("lenet5", 0, {}),  # grey
        ("lenet5", 7, {"white": 4095.0}),
        ("resnet20", 0, {"fit": "contain"}),
        ("resnet20", 0, {"fit": "stretch", "size_px": (32, 48)}),
        ("lenet5", 0, {"fit": "contain", "white": 4095.0}),
        ("resnet20", 7, {"size_px": (24, 56), "white": 4095.0}),
    ],
    ids=str,
)
def test_training_evaluation_and_prediction_see_the_same(album, tmp_path, seen, monkeypatch, model, margin_px, fields):
    record = built.fit_size

    def with_margin(*given):
        fitted = record(*given)
        return fitted.at(fitted.size, (fitted.size[0] + margin_px, fitted.size[1] + margin_px))

    monkeypatch.setattr(built, "fit_size", with_margin)
    monkeypatch.setattr(
        "striate.deploy.predictor.cores", lambda: 1
    )  # one batch after the other, to compare their order
    run = striate.train(album, model, run=tmp_path / "run", epochs=1, batch_size=5, warmup_epochs=0, **fields)
    dataset = open_data(album)
    indices = dataset.splits["val"].tolist()
    assert len(indices) == 12
    everything = taken(seen)  # validation of the epoch, a look at some training pictures, validation of the best
    in_training = torch.stack([everything[:12], everything[-12:]])
    assert torch.equal(in_training[0], in_training[1])

    files = [dataset.pictures.path(index) for index in indices]
    run.evaluate(dataset, "val")
    evaluated = taken(seen)
    tried(run, seen).predict(files)
    predicted = taken(seen)
    assert torch.equal(evaluated, in_training[0])
    assert torch.equal(predicted, in_training[0])
    assert evaluated.dtype == torch.float32
    assert evaluated.shape[2:] == fields.get("size_px", run.preprocess.size)
    assert (run.preprocess.fit, run.preprocess.white) == (fields.get("fit", "cover"), fields.get("white"))
    assert run.preprocess.resize == tuple(side + margin_px for side in run.preprocess.size)

    tried(striate.load(run.path), seen).predict(files[3])
    assert torch.equal(taken(seen)[0], in_training[0][3])

    how = run.preprocess.channels, run.preprocess.resize, run.preprocess.white
    pixels = [read_picture(file, *how) for file in files]
    run.predict_pixels(pixels, [str(file) for file in files])
    assert torch.equal(taken(seen), in_training[0])
    by_hand = to_batch(np.stack([to_working_size(picture, run.preprocess) for picture in pixels]))
    assert torch.equal(normalise(to_network_size(by_hand, run.preprocess), run.preprocess), in_training[0])


def seen_shape(run):
    return run.preprocess.channels, *run.preprocess.size


def test_a_turned_picture_is_seen_upright(digits_run, tmp_path, seen):
    pixels = noise(3, 48, 48)
    Image.fromarray(pixels).save(tmp_path / "upright.png")
    Image.fromarray(np.rot90(pixels)).save(tmp_path / "turned.png", exif=turned(6))
    tried(striate.load(digits_run), seen).predict([tmp_path / "upright.png", tmp_path / "turned.png"])
    upright, once_turned = taken(seen)[:2]  # in fp32 black ones are asked beside them
    assert torch.equal(upright, once_turned)
