"""Pixels, masks, boxes and points move alike, whatever is drawn."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from striate.core.records import Preprocess
from striate.data.augment import Augmentation, augment, draw_geometry
from striate.data.batches import step_generator
from striate.data.geometry import Geometry, scaled_parts
from striate.data.picture import network_geometry, scaled, to_network_size, working_geometry
from striate.data.working_size import to_working_size

many = settings(max_examples=100, deadline=None, derandomize=True)
SIDES = st.tuples(st.integers(1, 24), st.integers(1, 24))
SIZES = st.tuples(st.integers(1, 24), st.integers(2, 24))  # torch scales to a single column wrongly, by the layout
LARGER_SIDES = st.tuples(st.integers(16, 48), st.integers(16, 48))
GEOMETRIES = st.builds(
    Augmentation,
    crop_padding_px=st.integers(0, 6),
    min_area=st.sampled_from([1.0, 0.999, 0.5, 0.08, 0.01]),
    max_aspect=st.sampled_from([1.0, 4 / 3, 4.0]),
    rotate_degrees=st.sampled_from([0.0, 1e-6, 10.0, 180.0]),
    flip=st.booleans(),
)
TURNS = GEOMETRIES.filter(lambda augmentation: augmentation.rotate_degrees > 0)
SCALES = GEOMETRIES.map(lambda augmentation: replace(augmentation, rotate_degrees=0.0)).filter(lambda it: it.resamples)
MOVES = st.builds(Augmentation, crop_padding_px=st.integers(0, 6), flip=st.booleans())
CHOSEN = st.sampled_from([None, torch.tensor([True, False, True])])


def noise(working: tuple[int, int], seed: int = 0) -> torch.Tensor:
    values = torch.randint(0, 256, (3, *working, 3), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    return values.permute(0, 3, 1, 2)


def drawn(augmentation: Augmentation, working: tuple[int, int], size: tuple[int, int], seed: int = 0) -> Geometry:
    return draw_geometry(augmentation, 3, working, size, step_generator(seed, 0))


# Augmentation as it was when it drew and sampled in one go: what any rewriting must give, bit for bit.


def as_it_was(batch, augmentation, size, generator, mirrored):
    if not augmentation.resamples:
        return cropped_as_it_was(batch, augmentation, size, generator, mirrored)
    count, channels, height, width = batch.shape
    padding, stretch = augmentation.crop_padding_px, math.log(augmentation.max_aspect)
    area = torch.empty(count).uniform_(augmentation.min_area, 1, generator=generator)
    aspect = torch.empty(count).uniform_(-stretch, stretch, generator=generator).exp()
    scale_x, scale_y = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    shift_x = torch.empty(count).uniform_(-1, 1, generator=generator) * (1 - scale_x + 2 * padding / width)
    shift_y = torch.empty(count).uniform_(-1, 1, generator=generator) * (1 - scale_y + 2 * padding / height)
    angle = torch.empty(count).uniform_(-1, 1, generator=generator) * math.radians(augmentation.rotate_degrees)
    mirrored = flips_as_they_were(count, augmentation, generator) if mirrored is None else mirrored
    if not augmentation.rotate_degrees:
        boxes = []
        for middle, half, length in ((shift_x, scale_x, width), (shift_y, scale_y, height)):
            taken = (half * length).round().clamp_(min=1)
            first = ((middle + 1) / 2 * length - taken / 2 + padding).round()
            first = torch.minimum(first.clamp_(min=0), length + 2 * padding - taken)
            boxes.append([first.int(), (first + taken).int()])
        (left, right), (top, bottom) = boxes
        rows, columns = (torch.arange(-padding, side + padding).clamp(0, side - 1) for side in (height, width))
        padded = batch.index_select(2, rows).index_select(3, columns) if padding else batch
        parts = scaled_parts(padded, torch.stack([left, top, right, bottom], 1).tolist(), size)
        return torch.where(mirrored[:, None, None, None], parts.flip(3), parts)
    mirror, ratio = 1 - 2 * mirrored.to(torch.float32), width / height
    rows_x = torch.stack([angle.cos() * scale_x * mirror, -angle.sin() * scale_y / ratio, shift_x], 1)
    rows_y = torch.stack([angle.sin() * scale_x * mirror * ratio, angle.cos() * scale_y, shift_y], 1)
    grid = F.affine_grid(torch.stack([rows_x, rows_y], 1), [count, channels, *size], align_corners=False)
    return F.grid_sample(batch.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)


def cropped_as_it_was(batch, augmentation, size, generator, mirrored):
    count, _, height, width = batch.shape
    size, padding = (min(size[0], height), min(size[1], width)), augmentation.crop_padding_px
    if padding == 0 and (height, width) == size and mirrored is None and not augmentation.flip:
        return batch
    top = torch.randint(-padding, height - size[0] + padding + 1, (count, 1), generator=generator)
    left = torch.randint(-padding, width - size[1] + padding + 1, (count, 1), generator=generator)
    rows = (top + torch.arange(size[0])).clamp(0, height - 1)
    columns = (left + torch.arange(size[1])).clamp(0, width - 1)
    mirrored = flips_as_they_were(count, augmentation, generator) if mirrored is None else mirrored
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    return batch[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def flips_as_they_were(count, augmentation, generator):
    return torch.rand(count, generator=generator) < (0.5 if augmentation.flip else 0.0)


@many
@given(GEOMETRIES, SIDES, SIZES, CHOSEN, st.integers(0, 10_000))
def test_pixels_are_those_of_before_the_geometry_was_drawn_apart(augmentation, working, size, mirrored, seed):
    batch, generators = noise(working), (step_generator(seed, 0), step_generator(seed, 0))
    before = as_it_was(batch, augmentation, size, generators[0], mirrored)
    after = augment(batch, augmentation, Preprocess((1, 1)).at(size, size), generators[1], mirrored)
    assert after.dtype == before.dtype and torch.equal(after, before)
    assert torch.equal(generators[0].get_state(), generators[1].get_state())  # colours go on where they did


def centres(size: tuple[int, int]) -> torch.Tensor:
    """The centres of all pixels, float64 (H W, 2), x before y."""
    rows, columns = torch.meshgrid(*(torch.arange(side) + 0.5 for side in size), indexing="ij")
    return torch.stack([columns.flatten(), rows.flatten()], 1).double()


def ramps(working: tuple[int, int]) -> torch.Tensor:
    """Three pictures, float32, whose pixels hold the coordinates of their centres: x, y and nothing."""
    x, y = centres(working).float().T.reshape(2, *working)
    return torch.stack([x, y, torch.zeros_like(x)]).expand(3, 3, *working).contiguous(memory_format=torch.channels_last)


def backs(geometry: Geometry, picture: int) -> torch.Tensor:
    """Where the centres of the pixels of a result are in its picture, (H W, 2)."""
    places = centres(geometry.size)
    return geometry.back(places, torch.full((len(places),), picture))


def inside(working: tuple[int, int], xy: torch.Tensor) -> torch.Tensor:
    """Places, or the centre of the pixel at the edge that is nearest."""
    return xy.clamp(torch.full((2,), 0.5), torch.tensor(working[::-1]) - 0.5)


@many
@given(st.one_of(MOVES, TURNS), SIDES, SIZES, st.integers(0, 10_000))
def test_a_pixel_of_the_result_shows_the_place_that_it_came_from(augmentation, working, size, seed):
    geometry = drawn(augmentation, working, size, seed)
    shown = geometry.pixels(ramps(working))[:, :2].flatten(2).mT.double()
    for picture in range(3):
        expected = inside(working, backs(geometry, picture))
        torch.testing.assert_close(shown[picture], expected, rtol=0, atol=1e-3)


@many
@given(SCALES, LARGER_SIDES, LARGER_SIDES, st.integers(0, 10_000))
def test_a_scaled_pixel_shows_the_place_that_it_came_from(augmentation, working, size, seed):
    geometry = drawn(augmentation, working, size, seed)
    shown = geometry.pixels(ramps(working))[:, :2].flatten(2).mT.double()
    for picture in range(3):
        places = backs(geometry, picture)
        step = (geometry.extents[picture] / torch.tensor(geometry.size[::-1])).clamp(min=1)  # in working pixels
        off = (shown[picture] - inside(working, places)).abs() / step
        assert (off <= 1).all()  # a window ends at the edge of the box, so what it shows lies further in
        corners = torch.tensor([[0, 0], size[::-1]])
        (left_top, right_bottom) = geometry.back(corners, torch.full((2,), picture)).sort(0).values
        left_top, right_bottom = left_top.clamp(min=0), torch.minimum(right_bottom, torch.tensor(working[::-1]))
        inner = ((places > left_top + 2.5 * step) & (places < right_bottom - 2.5 * step)).all(1)
        assert (off[inner] <= 0.1).all()


@many
@given(GEOMETRIES, LARGER_SIDES, LARGER_SIDES, st.integers(0, 10_000))
def test_masks_move_with_the_pixels_that_they_are_of(augmentation, working, size, seed):
    geometry = drawn(augmentation, working, size, seed)
    x, y = centres(working).T.reshape(2, *working)
    regions = ((x < working[1] * 0.4) ^ (y < working[0] * 0.7)).to(torch.uint8).expand(3, *working)
    shown = geometry.pixels((regions * 255)[:, None].contiguous(memory_format=torch.channels_last))[:, 0].float()
    moved = geometry.masks(regions, fill=7)
    there, clear = moved != 7, (shown < 5) | (shown > 250)  # in between lie the borders of the regions
    assert torch.equal(shown[there & clear] > 250, moved[there & clear] == 1)
    assert clear.float().mean() > 0.3


@many
@given(GEOMETRIES, SIDES, SIZES, st.integers(0, 10_000))
def test_points_that_are_moved_there_and_back_stay(augmentation, working, size, seed):
    geometry = drawn(augmentation, working, size, seed)
    xy = (torch.rand(50, 2, generator=step_generator(seed, 1)) * 1.4 - 0.2) * torch.tensor(working[::-1])
    picture = torch.randint(0, 3, (50,), generator=step_generator(seed, 2))
    there = geometry.points(xy, picture)
    assert there.dtype == torch.float32 and there.shape == (50, 2)
    torch.testing.assert_close(geometry.back(there, picture), xy, rtol=0, atol=1e-3)
    torch.testing.assert_close(geometry.points(geometry.back(there, picture), picture), there, rtol=0, atol=3e-2)


@many
@given(GEOMETRIES, SIDES, SIZES, st.integers(0, 10_000))
def test_a_mask_shows_what_lies_under_the_centre_of_each_pixel(augmentation, working, size, seed):
    geometry = drawn(augmentation, working, size, seed)
    numbers = torch.arange(3 * working[0] * working[1]).view(3, *working)
    moved = geometry.masks(numbers, fill=-1)
    assert moved.shape == (3, *geometry.size) and moved.dtype == torch.int64
    for picture in range(3):
        x, y = backs(geometry, picture).floor().long().T
        there = (x >= 0) & (x < working[1]) & (y >= 0) & (y < working[0])
        under = numbers[picture][y.clamp(0, working[0] - 1), x.clamp(0, working[1] - 1)]
        assert torch.equal(moved[picture].flatten(), under.where(there, torch.tensor(-1)))


@many
@given(GEOMETRIES, SIDES, SIZES, st.integers(0, 10_000), st.integers(0, 3), st.integers(0, 3))
def test_a_part_of_the_batch_moves_as_in_the_batch(augmentation, working, size, seed, first, last):
    geometry, batch, rows = drawn(augmentation, working, size, seed), noise(working), slice(first, last)
    part = geometry[rows]
    assert len(part) == len(range(*rows.indices(3)))
    if len(part):
        assert torch.equal(part.pixels(batch[rows]).float(), geometry.pixels(batch)[rows].float())
        assert torch.equal(part.masks(batch[rows, 0], 9), geometry.masks(batch[:, 0], 9)[rows])
        xy, numbers = torch.ones(len(part), 2), torch.arange(len(part))
        assert torch.equal(part.points(xy, numbers), geometry.points(xy, numbers + first))


def test_each_object_may_have_a_mask_of_its_own():
    geometry, picture = drawn(Augmentation(flip=True), (6, 8), (4, 4)), torch.tensor([2, 0, 2, 1])
    objects = torch.rand(4, 6, 8, generator=step_generator(0, 0)) > 0.5
    moved = geometry[picture].masks(objects, fill=0)
    for number, of in enumerate(picture.tolist()):
        assert torch.equal(moved[number], geometry[of : of + 1].masks(objects[number : number + 1], fill=0)[0])


def taken(left: float, top: float, right: float, bottom: float, size=(4, 4), mirrored=False, radians=None) -> Geometry:
    """A box of one picture of 8x10 px."""
    offsets = torch.tensor([[(left + right) / 2 - 5, (top + bottom) / 2 - 4]], dtype=torch.float64)
    extents = torch.tensor([[right - left, bottom - top]], dtype=torch.float64)
    turned = None if radians is None else torch.tensor([radians])
    return Geometry((8, 10), size, offsets, extents, torch.tensor([mirrored]), turned)


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (taken(0, 0, 10, 8, size=(8, 10)), [1, 2, 4, 7]),  # as it is
        (taken(1, 2, 5, 6), [0, 0, 3, 5]),  # one to the left of and two below what is cut off, one hangs out
        (taken(1, 2, 5, 6, mirrored=True), [1, 0, 4, 5]),  # 4 - 3 and 4 - 0
        (taken(-2, -2, 6, 6), [1.5, 2, 3, 4.5]),  # from two pixels beyond the edge, halved
        (taken(1, 3, 3, 5, mirrored=True), [-2, -2, 4, 8]),  # doubled: 0..3 is 0..6, mirrored 4 - 6 and 4 - 0
        (taken(0, 0, 8, 8, size=(8, 8), radians=math.pi / 2), [2, 4, 7, 7]),  # x is 8 - y before, y is x before
    ],
)
def test_boxes_by_hand(geometry, expected):
    found = geometry.boxes(torch.tensor([[1.0, 2.0, 4.0, 7.0]]), torch.tensor([0]))
    torch.testing.assert_close(found, torch.tensor([expected], dtype=torch.float32))


def test_the_box_of_a_turned_square_is_the_hull_of_its_corners():
    geometry = taken(0, 0, 8, 8, size=(8, 8), radians=math.pi / 4)
    found = geometry.boxes(torch.tensor([[3.0, 3.0, 5.0, 5.0]]), torch.tensor([0]))
    root = math.sqrt(2)
    torch.testing.assert_close(found, torch.tensor([[4 - root, 4 - root, 4 + root, 4 + root]]))


def test_no_boxes_are_no_boxes():
    assert taken(0, 0, 8, 8).boxes(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)).shape == (0, 4)


def test_a_blob_is_where_its_point_has_moved_and_where_the_smaller_picture_shows_it():
    """Cut at the network's size and scaled to the size of a step that sees less, as growing pictures are."""
    batch = torch.zeros(8, 1, 60, 80, dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    batch[:, :, 24:30, 40:46] = 255  # about (43, 27)
    geometry = draw_geometry(Augmentation(flip=True), 8, (60, 80), (48, 64), step_generator(0, 0))
    small = scaled(geometry.pixels(batch), (24, 32))[:, 0]
    found = geometry.scaled((24, 32)).points(torch.tensor([[43.0, 27.0]]).expand(8, 2), torch.arange(8))
    places = centres((24, 32)).float()
    weights = small.flatten(1) / small.sum((1, 2))[:, None]
    torch.testing.assert_close(weights @ places, found, rtol=0, atol=0.05)


@many
@given(SIDES, SIZES, st.booleans())
def test_what_the_network_sees_in_use_is_a_geometry(working, size, enlarges):
    lower, upper = zip(*(sorted(pair) for pair in zip(working, size, strict=True)), strict=True)
    record = Preprocess(upper, lower) if enlarges else Preprocess(lower, upper)
    assume(record.size[1] > 1)
    batch = (
        noise(record.resize) // 2 + 64
    )  # nothing overshoots 0..255, which whole numbers cut between the two directions
    geometry = network_geometry(3, record)
    found, expected = geometry.pixels(batch), to_network_size(batch, record)
    assert len(geometry) == 3 and geometry.size == record.size
    if enlarges:  # to whole numbers here, to broken ones there
        assert (found.float() - expected.float()).abs().max() <= 1.5
    else:
        assert torch.equal(found, expected)


@many
@given(st.tuples(st.integers(1, 250), st.integers(1, 250)), SIDES, st.sampled_from(["cover", "contain", "stretch"]))
def test_a_working_picture_shows_the_places_of_its_file(file, working, fit):
    """Of a picture whose pixels hold their columns and rows, and beyond which there are bars of 255."""
    x, y = (centres(file) - 0.5).T.reshape(2, *file)
    pixels = torch.stack([x, y, torch.zeros_like(x)], 2).to(torch.uint8).numpy()
    record = Preprocess(working, working, mean=(1.0, 1.0, 1.0), fit=fit)
    shown = torch.from_numpy(to_working_size(pixels, record)[:, :, :2].copy()).flatten(0, 1).double() + 0.5
    geometry = working_geometry(file, record)
    there = geometry.masks(torch.ones(1, *file, dtype=torch.uint8), fill=0)[0].flatten() == 1
    expected = backs(geometry, 0)
    step = (geometry.extents[0] / torch.tensor(geometry.size[::-1])).clamp(min=1)
    off = (shown - inside(file, expected)).abs() / step
    assert (off[there] <= 1).all()
    inner = ((expected > step) & (expected < torch.tensor(file[::-1]) - step)).all(1)
    assert ((shown - expected).abs()[inner] <= 0.51 + 0.05 * step).all()  # half a pixel is that of whole grey levels
