"""Reading masks: every kind of file that people have, what is refused, and that no number is ever mixed."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from factories import encoded, noise, saved
from striate.core.records import Preprocess
from striate.data.augment import Augmentation, draw_geometry
from striate.data.batches import step_generator
from striate.data.decode import DecodeError
from striate.data.masks.mask_file import mask_of, read_mask, to_working_mask
from striate.data.masks.survey import seen_in
from striate.data.targets.masks import MaskBatch
from striate.data.working_size import to_working_size
from striate.ops.pixels import IGNORED

IDS = np.array([[0, 3, 3], [7, 255, 0]], np.uint8)


def refused(content: bytes, text: str) -> None:
    with pytest.raises(DecodeError, match=text) as caught:
        seen_in(mask_of(content, "m.png"), "m.png")
    assert str(caught.value).startswith("m.png ")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_grey_files_hold_numbers(kind):
    mask = mask_of(encoded(IDS, kind), "m")
    assert mask.numbers.tolist() == IDS.tolist()
    assert not mask.coloured


def test_a_palette_holds_places_and_their_colours():
    picture = Image.fromarray(IDS)
    picture.putpalette([level for place in range(256) for level in (place, 0, 128)])
    mask = mask_of(saved(picture), "m.png")
    assert mask.numbers.tolist() == IDS.tolist()
    assert mask.colours[0, 1] == 0x030080


def test_16_bits_hold_large_numbers():
    ids = np.array([[0, 1200], [40_000, 7]], np.uint16)
    assert mask_of(encoded(ids), "m.png").numbers.tolist() == ids.tolist()


def test_1_bit_holds_0_and_1():
    picture = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("1")
    assert mask_of(saved(picture), "m.png").numbers.tolist() == [[0, 1], [1, 0]]


def test_colours_and_opaque_colours():
    pixels = np.array([[[128, 64, 0], [0, 0, 255]]], np.uint8)
    opaque = np.concatenate([pixels, np.full((1, 2, 1), 255, np.uint8)], 2)
    for content in (encoded(pixels), encoded(opaque)):
        mask = mask_of(content, "m.png")
        assert (mask.numbers.tolist(), mask.coloured, mask.is_grey) == ([[0x804000, 0x0000FF]], True, False)
    assert mask_of(encoded(np.repeat(IDS[..., None], 3, 2)), "m.png").is_grey


def test_what_can_be_no_mask_is_one_sentence():
    refused(encoded(IDS, "JPEG"), "is a JPEG file, which blurs class numbers and so can be no mask; save masks as PNG")
    refused(encoded(noise(1, 40)[0]), r"has 1,\d\d\d colours, so it is a picture and no mask")
    refused(encoded(np.full((2, 2, 4), 100, np.uint8)), "is transparent in places")
    refused(saved(Image.new("F", (2, 2)), "TIFF"), "is a picture of the kind F, which is no mask")
    refused(saved(Image.new("CMYK", (2, 2)), "TIFF"), "is a picture of the kind CMYK, which is no mask")
    refused(b"", "is empty")
    refused(b"sky,road", "is not a picture in a known format")


def test_a_jpeg_is_refused_whatever_it_is_called(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(encoded(IDS, "JPEG"))
    with pytest.raises(DecodeError, match="is a JPEG file"):
        read_mask(tmp_path / "a.png")


def test_masks_turn_as_their_pictures_do():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert mask_of(saved(Image.fromarray(IDS), exif=exif), "m.png").numbers.shape == (3, 2)


def test_mutated_masks_are_read_or_named():
    content = encoded(np.kron(IDS, np.ones((8, 8), np.uint8)))
    chance = random.Random(0)
    outcomes = set()
    for _ in range(150):
        mutated = bytearray(content[: chance.choice([len(content), chance.randrange(len(content))])])
        for _ in range(chance.randrange(4)):
            if mutated:
                mutated[chance.randrange(len(mutated))] ^= 1 << chance.randrange(8)
        try:
            outcomes.add(type(seen_in(mask_of(bytes(mutated), "m.png"), "m.png")).__name__)
        except DecodeError as error:
            outcomes.add("named" if str(error).startswith("m.png ") else str(error))
    assert outcomes == {"Seen", "named"}


MASKS = st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(0, 999)).map(
    lambda drawn: np.random.default_rng(drawn[2]).choice(np.array([0, 2, 9, 200], np.uint8), drawn[:2])
)
many = settings(max_examples=100, deadline=None, derandomize=True)


@many
@given(MASKS, st.integers(1, 24), st.integers(1, 24), st.sampled_from(["cover", "contain", "stretch"]))
def test_no_scaling_makes_a_number_that_was_not_there(mask, height, width, fit):
    working = to_working_mask(mask, Preprocess((1, 1), (height, width), fit=fit))
    assert working.shape == (height, width)
    beyond = {IGNORED} if fit == "contain" else set()
    assert set(np.unique(working)) <= set(np.unique(mask)) | beyond
    if mask.shape == (height, width):
        assert (working == mask).all()


@many
@given(
    MASKS,
    st.integers(0, 99),
    st.builds(
        Augmentation,
        crop_padding_px=st.integers(0, 4),
        min_area=st.sampled_from([1.0, 0.3]),
        rotate_degrees=st.sampled_from([0.0, 30.0]),
        flip=st.booleans(),
    ),
)
def test_no_augmentation_does_either(mask, step, augmentation):
    geometry = draw_geometry(augmentation, 2, mask.shape, (7, 9), step_generator(0, step))
    moved = MaskBatch(torch.from_numpy(np.stack([mask, mask]))).moved(geometry).masks
    assert moved.shape == (2, *geometry.size)
    assert moved.dtype == torch.uint8
    assert set(moved.unique().tolist()) <= {*np.unique(mask).tolist(), IGNORED}


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
@pytest.mark.parametrize("size", [(40, 40), (24, 64), (90, 30)])
def test_masks_come_where_their_pictures_come(fit, size):
    mask = np.kron(np.array([[10, 60, 110], [150, 190, 230]], np.uint8), np.ones((30, 30), np.uint8))  # 60 x 90
    preprocess = Preprocess((8, 8), size, fit=fit, mean=(0.5,), std=(0.5,))
    picture = to_working_size(mask[:, :, None], preprocess)[:, :, 0].astype(int)
    working = to_working_mask(mask, preprocess).astype(int)
    inside = working != IGNORED
    alike = np.abs(picture - working) <= 1
    assert alike[inside].mean() > 0.75  # all but the edges of areas, where the picture is mixed
    assert (np.abs(picture - working)[inside] <= 115).all()  # half the step across a corner
    assert inside.all() == (fit != "contain")
    assert (picture[~inside] == preprocess.mean_colour[0]).all()
