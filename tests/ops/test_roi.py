from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from of_others import torchvision_detectors, torchvision_module
from striate.ops.roi import pyramid_level, pyramid_roi_align, roi_align, roi_pool

FEW = settings(max_examples=40, deadline=None, derandomize=True)
HEIGHT, WIDTH = 9, 13
SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4))
SIDES = st.tuples(*[st.floats(0, 1, width=32)] * 4)


def maps(pictures: int = 2, channels: int = 3, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.randn(pictures, channels, HEIGHT, WIDTH, dtype=dtype, generator=generator)


def regions(shares, scale: float = 1.0) -> torch.Tensor:
    """Boxes inside the picture that the maps are of, from pairs of shares of its sides."""
    rows = torch.tensor(shares, dtype=torch.float64)
    x, y = rows[:, :2].sort(1).values * WIDTH / scale, rows[:, 2:].sort(1).values * HEIGHT / scale
    return torch.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], 1)


def in_turn(boxes: torch.Tensor, pictures: int = 2) -> torch.Tensor:
    return torch.arange(len(boxes)) % pictures


def read(plane: torch.Tensor, y: float, x: float) -> float:
    """One number between places, as the operator's definition has it."""
    height, width = plane.shape
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    upper = plane[top, left] * (1 - across) + plane[top, right] * across
    lower = plane[bottom, left] * (1 - across) + plane[bottom, right] * across
    return float(upper * (1 - down) + lower * down)


def one_point_at_a_time(features, boxes, picture, size, scale, samples, aligned) -> torch.Tensor:
    out = features.new_zeros(len(boxes), features.shape[1], *size)
    for k, box in enumerate(boxes.tolist()):
        left, top, right, bottom = (edge * scale - 0.5 * aligned for edge in box)
        width, height = right - left, bottom - top
        if not aligned:
            width, height = max(width, 1.0), max(height, 1.0)
        rows = samples or max(1, math.ceil(height / size[0]))
        columns = samples or max(1, math.ceil(width / size[1]))
        for c, plane in enumerate(features[picture[k]]):
            for i in range(size[0]):
                for j in range(size[1]):
                    points = [
                        read(plane, top + (i + (a + 0.5) / rows) * height / size[0],
                             left + (j + (b + 0.5) / columns) * width / size[1])
                        for a in range(rows) for b in range(columns)
                    ]  # fmt: skip
                    out[k, c, i, j] = sum(points) / len(points)
    return out


@FEW
@given(
    st.lists(SIDES, min_size=1, max_size=3), SIZES, st.sampled_from([1.0, 0.25]), st.integers(0, 3), st.booleans(),
    st.sampled_from([0.0, -3.0, 2.5]),
)  # fmt: skip
def test_roi_align_reads_the_points_of_its_definition(shares, size, scale, samples, aligned, moved):
    features, boxes = maps(), regions(shares, scale) + moved
    picture = in_turn(boxes)
    expected = one_point_at_a_time(features, boxes, picture, size, scale, samples, aligned)
    found = roi_align(features, boxes, picture, size, scale, samples, aligned)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("samples", [0, 2])
def test_roi_align_equals_torchvisions_python_definition(samples, aligned):
    torchvision_detectors()
    theirs = torchvision_module("torchvision.ops.roi_align")._roi_align
    theirs = getattr(theirs, "__wrapped__", theirs)  # without a compiler
    features = maps(dtype=torch.float32).requires_grad_()
    shares = torch.rand(20, 4, generator=torch.Generator().manual_seed(1)) * 0.85  # beyond the map it reads the border
    boxes = regions(shares.tolist(), 0.25).float()
    picture = in_turn(boxes)
    rois = torch.cat([picture[:, None].float(), boxes], 1)
    expected = theirs(features, rois, 0.25, 7, 5, samples or -1, aligned)
    (expected_gradient,) = torch.autograd.grad((expected**2).sum(), features)
    found = roi_align(features, boxes, picture, (7, 5), 0.25, samples, aligned)
    (gradient,) = torch.autograd.grad((found**2).sum(), features)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("samples", [0, 2])
def test_the_gradient_of_roi_align(samples):
    boxes = regions([[0.1, 0.7, 0.2, 0.9], [0.0, 1.0, 0.4, 0.5], [0.3, 0.3, 0.6, 0.6]])
    features = maps().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: roi_align(x, boxes, in_turn(boxes), (3, 2), 1.0, samples), features)


def test_a_plane_is_read_as_it_is_and_its_averages_sum_up():
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(13.0), indexing="ij")
    plane = (2 * rows + 3 * columns)[None, None]
    box = torch.tensor([[2.0, 1.0, 8.0, 7.0]])
    found = roi_align(plane, box, torch.tensor([0]), (2, 3), 1.0, aligned=True)
    # middles of the cells are at y 2.5 and 5.5, x 3, 5 and 7; the number of a place stands half a place further
    expected = [[2 * (y - 0.5) + 3 * (x - 0.5) for x in (3, 5, 7)] for y in (2.5, 5.5)]
    assert found[0, 0].tolist() == expected
    corner = roi_align(plane, box, torch.tensor([0]), (2, 3), 1.0)
    torch.testing.assert_close(corner[0, 0], torch.tensor(expected) + 2.5)


def test_a_pyramid_is_read_as_each_of_its_levels_alone():
    levels = [maps(), F.avg_pool2d(maps(), 2, ceil_mode=True)]
    boxes = regions(torch.rand(9, 4, generator=torch.Generator().manual_seed(2)).tolist(), 0.25)
    picture, level = in_turn(boxes), torch.arange(9) % 3 // 2
    found = pyramid_roi_align(levels, boxes, picture, level, (3, 3), (0.25, 0.125))
    for number, scale in enumerate((0.25, 0.125)):
        of = level == number
        torch.testing.assert_close(found[of], roi_align(levels[number], boxes[of], picture[of], (3, 3), scale))


def test_no_boxes_have_no_features_and_give_no_gradient():
    features = maps().requires_grad_()
    none = torch.zeros(0, 4, dtype=torch.float64), torch.zeros(0, dtype=torch.int64)
    for pooled in (
        roi_align(features, *none, (2, 2), 1.0),
        roi_align(features, *none, (2, 2), 1.0, 0),
        roi_pool(features, *none, (2, 2), 1.0),
    ):
        assert pooled.shape == (0, 3, 2, 2)
        (gradient,) = torch.autograd.grad(pooled.sum(), features)
        assert not gradient.any()


def test_maps_in_bf16_are_averaged_in_float():
    features = maps(dtype=torch.float32)
    boxes = regions([[0.1, 0.7, 0.2, 0.9]]).float()
    found = roi_align(features.bfloat16(), boxes, in_turn(boxes), (2, 2), 1.0)
    assert found.dtype == torch.float32
    torch.testing.assert_close(
        found, roi_align(features.bfloat16().float(), boxes, in_turn(boxes), (2, 2), 1.0), rtol=0, atol=0
    )


def test_levels_by_the_side_of_a_box():
    sides = torch.tensor([0.0, 1.0, 111.9, 112.0, 223.9, 224.0, 447.9, 448.0, 4000.0])
    boxes = torch.stack([sides * 0 + 5, sides * 0, sides + 5, sides], 1)
    assert pyramid_level(boxes, 2, 5).tolist() == [2, 2, 2, 3, 3, 4, 4, 5, 5]
    assert pyramid_level(boxes * 0.25, 2, 5, side_px=56).tolist() == [2, 2, 2, 3, 3, 4, 4, 5, 5]


@FEW
@given(st.lists(SIDES, min_size=1, max_size=4), SIZES, st.sampled_from([1.0, 0.25]))
def test_roi_pool_is_adaptive_max_pooling_of_the_places_that_a_region_covers(shares, size, scale):
    features, boxes = maps(), regions(shares, scale)
    boxes = boxes.minimum(boxes.new_tensor([WIDTH, HEIGHT, WIDTH, HEIGHT]) / scale - 1 / scale)
    picture = in_turn(boxes)
    found = roi_pool(features, boxes, picture, size, scale)
    for k, box in enumerate((boxes * scale + 0.5).floor().long().tolist()):
        left, top, right, bottom = box
        crop = features[picture[k], :, top : bottom + 1, left : right + 1]
        torch.testing.assert_close(found[k], F.adaptive_max_pool2d(crop, size), rtol=0, atol=0)


def test_a_region_that_rounds_beyond_the_map_keeps_what_is_inside():
    features = torch.arange(16.0).reshape(1, 1, 4, 4) - 20
    found = roi_pool(features, torch.tensor([[0.0, 0, 64, 64], [80, 80, 96, 96]]), torch.tensor([0, 0]), (2, 2), 1 / 16)
    # 5 places from 0 to 4 in two cells: 0 to 2 and 2 to 4, of which 2 and 3 are there
    assert found[0, 0].tolist() == [[-10.0, -9.0], [-6.0, -5.0]]
    assert found[1, 0].tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_the_gradient_of_roi_pool():
    boxes = regions([[0.1, 0.7, 0.2, 0.9], [0.0, 1.0, 0.4, 0.5], [0.3, 0.3, 0.6, 0.6]])
    features = torch.randperm(2 * 3 * HEIGHT * WIDTH, generator=torch.Generator().manual_seed(3)).double()
    features = features.reshape(2, 3, HEIGHT, WIDTH).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: roi_pool(x, boxes, in_turn(boxes), (3, 2), 1.0), features, eps=1e-2, rtol=1e-6, atol=1e-6
    )


class Reading(torch.nn.Module):
    """One box of every picture, read from two levels."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        count = images.shape[0]
        boxes = torch.tensor([[1.0, 2, 9, 8]]).expand(count, -1)
        level = torch.arange(count) % 2
        return pyramid_roi_align(
            [images, F.avg_pool2d(images, 2)], boxes, torch.arange(count), level, (2, 3), (1.0, 0.5)
        )


def test_regions_are_read_in_exported_programs_of_any_number_and_size():
    sides = {0: torch.export.Dim("batch"), 2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    program = torch.export.export(
        Reading(), (torch.randn(2, 3, 16, 18),), dynamic_shapes=(sides,),
        prefer_deferred_runtime_asserts_over_guards=True,
    )  # fmt: skip
    for shape in ((3, 3, 16, 18), (4, 3, 10, 31)):
        images = torch.randn(shape)
        torch.testing.assert_close(program.module()(images), Reading()(images))
