"""Anchors and default boxes against torchvision's and by hand."""

from __future__ import annotations

import pytest
import torch

from of_others import torchvision_module
from striate.models.detection.anchors import (
    anchors_of_maps,
    cell_anchors,
    default_boxes,
    default_shapes,
    linear_scales,
    sizes_of_octave,
)

torch.set_num_threads(1)


def blank(*shapes: tuple[int, int]) -> list[torch.Tensor]:
    return [torch.empty(1, 1, *shape) for shape in shapes]


def test_anchors_by_hand() -> None:
    """Stride 8 across, 10 down: a square of 4 and one of 8, at two places of one row and one below."""
    (found,) = anchors_of_maps([cell_anchors([4, 8], [1.0])], blank((2, 2)), torch.empty(1, 3, 20, 16))
    assert found[:4].tolist() == [[-2, -2, 2, 2], [-4, -4, 4, 4], [8 - 2, -2, 8 + 2, 2], [8 - 4, -4, 8 + 4, 4]]
    assert found[4].tolist() == [-2, 10 - 2, 2, 10 + 2]


def test_default_boxes_by_hand() -> None:
    """A quarter of 16 px and the geometric mean of a quarter and 1, at steps of 8 px, centres at 4 and 12."""
    shapes = [default_shapes(0.25, 1.0, [])]
    (found,) = default_boxes(shapes, blank((2, 2)), torch.empty(1, 3, 16, 16), [8])
    assert found[:3].tolist() == [[2, 2, 6, 6], [0, 0, 8, 8], [12 - 2, 2, 12 + 2, 6]]
    assert found[-1].tolist() == [12 - 4, 12 - 4, 12 + 4, 12 + 4]


@pytest.mark.parametrize("size", [(64, 64), (75, 97)])
def test_anchors_are_torchvisions(size: tuple[int, int]) -> None:
    others = torchvision_module("torchvision.models.detection.anchor_utils")
    images = torch.empty(2, 3, *size)
    maps = blank(*[(-(-size[0] // stride), -(-size[1] // stride)) for stride in (8, 16, 32, 64)])
    sizes = [sizes_of_octave(first) for first in (32, 64, 128, 256)]
    generator = others.AnchorGenerator(tuple(sizes), ((0.5, 1.0, 2.0),) * 4)
    theirs = generator(others.ImageList(images, [size]), maps)
    ours = anchors_of_maps([cell_anchors(each) for each in sizes], maps, images)
    torch.testing.assert_close(torch.cat(ours), theirs[0], rtol=0, atol=0)


@pytest.mark.parametrize("size", [(300, 300), (240, 320)])
def test_default_boxes_are_torchvisions(size: tuple[int, int]) -> None:
    others = torchvision_module("torchvision.models.detection.anchor_utils")
    ratios, scales, steps = [[2], [2, 3], [2]], [0.07, 0.15, 0.33, 0.99], [8, 16, 32]
    maps, images = blank((4, 5), (2, 3), (1, 1)), torch.empty(1, 3, *size)
    (theirs,) = others.DefaultBoxGenerator(ratios, scales=scales, steps=steps)(others.ImageList(images, [size]), maps)
    shapes = [default_shapes(*scales[number : number + 2], each) for number, each in enumerate(ratios)]
    torch.testing.assert_close(torch.cat(default_boxes(shapes, maps, images, steps)), theirs, rtol=0, atol=1e-4)


def test_linear_scales_are_equation_4_of_the_paper() -> None:
    assert linear_scales(6) == pytest.approx((0.2, 0.34, 0.48, 0.62, 0.76, 0.9, 1.0))
    others = torchvision_module("torchvision.models.detection.anchor_utils")
    assert linear_scales(6) == pytest.approx(others.DefaultBoxGenerator([[2]] * 6, 0.2, 0.9).scales)
