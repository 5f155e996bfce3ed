from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.augment import LIGHTING_VALUES, LIGHTING_VECTORS, Augmentation, augment
from striate.data.batches import step_generator
from striate.data.geometry import scaled_parts

SAME = Preprocess((12, 12), (12, 12))
SMALLER = Preprocess((8, 8), (12, 12))


def pictures(count: int = 16, side_px: int = 12) -> torch.Tensor:
    values = np.random.default_rng(0).integers(0, 256, (count, side_px, side_px, 3), dtype=np.uint8)
    return torch.from_numpy(values).permute(0, 3, 1, 2)


def varied(augmentation: Augmentation, record: Preprocess = SAME, seed: int = 0) -> torch.Tensor:
    return augment(pictures(), augmentation, record, step_generator(seed, 0))


def test_nothing_asked_nothing_done():
    assert torch.equal(varied(Augmentation()), pictures())


def test_a_flip_mirrors_about_half_and_leaves_the_rest():
    before, after = pictures(), varied(Augmentation(flip=True))
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(after, before, strict=True)]
    same = [torch.equal(a, b) for a, b in zip(after, before, strict=True)]
    assert all(m != s for m, s in zip(mirrored, same, strict=True))
    assert 3 <= sum(mirrored) <= 13


def test_a_crop_is_a_window_of_the_picture():
    before, after = pictures(), varied(Augmentation(), SMALLER)
    assert after.shape == (16, 3, 8, 8)
    places = set()
    for picture, cut in zip(before, after, strict=True):
        windows = [(y, x) for y in range(5) for x in range(5) if torch.equal(picture[:, y : y + 8, x : x + 8], cut)]
        assert len(windows) == 1
        places.add(windows[0])
    assert len(places) > 8  # not all the same place


def test_padding_repeats_the_edge():
    before, after = pictures(), varied(Augmentation(crop_padding_px=2))
    padded = torch.nn.functional.pad(before.float(), (2, 2, 2, 2), mode="replicate").to(torch.uint8)
    for picture, cut in zip(padded, after, strict=True):
        assert any(torch.equal(picture[:, y : y + 12, x : x + 12], cut) for y in range(5) for x in range(5))


def test_a_whole_area_resampled_crop_is_the_picture():
    after = varied(Augmentation(min_area=1.0, max_aspect=1.0, rotate_degrees=1e-9))
    assert (after - pictures()).abs().max() < 1e-2


def test_a_resized_crop_enlarges_a_part():
    ramp = torch.arange(12, dtype=torch.uint8).mul(20).view(1, 1, 1, 12).expand(64, 3, 12, 12)
    after = augment(ramp, Augmentation(min_area=0.25), SAME, step_generator(0, 0))
    slopes = (after[:, 0, 6, 10] - after[:, 0, 6, 1]) / (9 * 20)
    assert slopes.min() > 0.49  # at most doubled
    assert slopes.max() < 1.01  # never shrunk
    assert slopes.std() > 0.05


@pytest.mark.parametrize("wanted", [(12, 12), (5, 30), (40, 7)])
def test_a_box_is_scaled_as_pillow_scales_it(wanted):
    boxes = [[0, 0, 12, 12], [3, 0, 9, 5], [11, 2, 12, 12]]
    middling = pictures(3) // 2 + 64  # nothing overshoots 0..255, which is cut off between the two directions
    found = scaled_parts(middling, boxes, wanted)
    assert found.dtype == torch.uint8 and found.is_contiguous(memory_format=torch.channels_last)
    for picture, part, (left, top, right, bottom) in zip(middling, found, boxes, strict=True):
        box = Image.fromarray(picture.permute(1, 2, 0).numpy()).crop((left, top, right, bottom))
        expected = np.asarray(box.resize(wanted[::-1], Image.Resampling.BICUBIC), np.int64)
        assert np.abs(part.permute(1, 2, 0).numpy() - expected).max() <= 1


def test_a_resized_crop_reaches_over_the_edge_only_with_padding():
    frame = torch.zeros(64, 1, 12, 12, dtype=torch.uint8)
    frame[:, :, 1:-1, 1:-1] = 255  # a dark edge, which padding repeats
    record = SAME.for_channels(1)
    darkest = [
        augment(frame, Augmentation(min_area=0.9, crop_padding_px=padding), record, step_generator(0, 0)).float().mean()
        for padding in (0, 4)
    ]
    assert darkest[1] < 0.9 * darkest[0]


def test_a_mirrored_crop_is_the_mirror_image_of_the_crop():
    crops = Augmentation(min_area=0.3, max_aspect=4 / 3)
    upright, mirrored = (
        augment(pictures(), crops, SMALLER, step_generator(0, 0), mirrored=torch.full((16,), mirror))
        for mirror in (False, True)
    )
    assert upright.shape == (16, 3, 8, 8) and upright.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(upright.flip(3), mirrored)
    assert upright.float().std() > 30


def test_a_rotation_turns_about_the_centre_without_stretching():
    tall = torch.zeros(1, 1, 41, 61, dtype=torch.uint8)
    tall[0, 0, 20, 25:36] = 255  # a level bar of 11 px about the centre
    record = Preprocess((41, 61), (41, 61)).for_channels(1)
    batch = tall.expand(200, 1, 41, 61).contiguous(memory_format=torch.channels_last)
    after = augment(batch, Augmentation(rotate_degrees=90), record, step_generator(0, 0))
    assert (after[:, 0, 20, 30] > 200).all()
    mass = after.sum((1, 2, 3)) / 255
    assert mass.min() > 8
    assert mass.max() < 14
    upright = after[:, 0, :, 30].sum(1) / 255
    assert upright.max() > 9  # some of them stand


def test_lighting_adds_one_colour_per_picture_along_the_principal_components():
    grey = torch.full((2000, 3, 2, 2), 128, dtype=torch.uint8)
    shift = augment(grey, Augmentation(lighting_std=0.1), Preprocess((2, 2), (2, 2)), step_generator(0, 0)) - 128
    assert (shift.amax((2, 3)) == shift.amin((2, 3))).all()
    vectors = torch.tensor(LIGHTING_VECTORS)
    expected = vectors @ torch.diag((0.1 * 255 * torch.tensor(LIGHTING_VALUES)) ** 2) @ vectors.T
    assert torch.allclose(torch.cov(shift[:, :, 0, 0].T), expected, rtol=0.15, atol=0.2)


def test_jitter_stays_in_range_and_changes_colours():
    after = varied(Augmentation(jitter=0.4))
    assert after.min() >= 0
    assert after.max() <= 255
    assert (after - pictures()).abs().mean() > 2


def test_erasing_fills_rectangles_with_the_mean():
    before = torch.full((400, 3, 32, 32), 7, dtype=torch.uint8)
    record = Preprocess((32, 32), (32, 32), mean=(0.5, 0.5, 0.5), std=(1, 1, 1))
    after = augment(before, Augmentation(erase=0.5), record, step_generator(0, 0))
    share = (after[:, 0] == 128).float().mean((1, 2))
    assert set(after.unique().tolist()) == {7, 128}
    assert 0.4 < (share > 0).float().mean() < 0.6
    assert share.max() <= 0.4


def test_randomness_is_a_function_of_seed_and_step():
    everything = Augmentation(
        crop_padding_px=2, min_area=0.3, max_aspect=1.3, rotate_degrees=20, flip=True, lighting_std=0.1, jitter=0.3,
        erase=0.5,
    )  # fmt: skip
    assert torch.equal(varied(everything), varied(everything))
    assert not torch.equal(varied(everything), varied(everything, seed=1))


@pytest.mark.parametrize(
    ("field", "value"), [("min_area", 0.0), ("max_aspect", 0.5), ("jitter", 2.0), ("crop_padding_px", -1)]
)
def test_nonsense_is_refused(field, value):
    with pytest.raises(StriateError, match=f"{field} must be between .* got {value}"):
        Augmentation(**{field: value})
