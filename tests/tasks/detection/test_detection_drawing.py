"""What is to be found, drawn into the pictures of a batch."""

from dataclasses import replace

import numpy as np
import torch

from factories import batch_of
from striate.answers.palette import colour_of
from striate.tasks.detection.drawing import NOT_ASKED, drawn

BOXES = torch.tensor([[10.0, 10, 20, 20], [0, 0, 60, 40], [30, 5, 50, 25]])


def test_boxes_have_the_colours_of_their_classes_and_small_ones_lie_above():
    batch = batch_of(BOXES, torch.tensor([1, 0, 2]), torch.tensor([0, 0, 1]), (40, 60))
    batch = replace(batch, ignored=torch.tensor([False, False, True]))
    over = replace(batch, boxes=torch.tensor([[0.0, 10, 20, 20], [0, 0, 60, 40], [30, 5, 50, 25]]))
    grey = np.zeros((2, 40, 60, 1), np.uint8)
    first, second = drawn(grey, batch)
    assert first[10, 15].tolist() == list(colour_of(1))
    assert first[0, 30].tolist() == list(colour_of(0))
    assert second[5, 40].tolist() == list(NOT_ASKED)
    assert first[15, 15].tolist() == [0, 0, 0]
    assert drawn(grey, over)[0][15, 0].tolist() == list(colour_of(1))


def test_pixels_of_objects_are_coloured_and_the_picture_is_seen_through_them():
    masks = torch.zeros(3, 40, 60, dtype=torch.bool)
    masks[0, 12:18, 12:18] = True
    batch = replace(batch_of(BOXES, torch.tensor([1, 0, 2]), torch.tensor([0, 0, 1]), (40, 60)), masks=masks)
    picture = drawn(np.full((2, 40, 60, 3), 100, np.uint8), batch)[0]
    np.testing.assert_allclose(picture[15, 15], 60 + 0.4 * np.array(colour_of(1)), atol=1)
    assert picture[30, 30].tolist() == [100, 100, 100]
