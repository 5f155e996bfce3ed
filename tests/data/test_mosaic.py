"""Mosaics of four pictures: boxes and masks stay on what they are of."""

from dataclasses import replace

import torch

from factories import batch_of
from striate.data.mosaic import mosaic, side_by_side

SIDE = 32


def marked():
    """Six pictures, each with one bright rectangle of its own grey on black, its box and its mask."""
    pictures, boxes = torch.zeros(6, 3, SIDE, SIDE, dtype=torch.uint8), []
    masks = torch.zeros(6, SIDE, SIDE, dtype=torch.bool)
    for number in range(6):
        left, top, right, bottom = 4 + number, 6, 20 + number, 26 - number
        pictures[number, :, top:bottom, left:right] = 100 + 25 * number
        masks[number, top:bottom, left:right] = True
        boxes.append([left, top, right, bottom])
    batch = batch_of(torch.tensor(boxes).float(), torch.arange(6), torch.arange(6), (SIDE, SIDE))
    return pictures, replace(batch, masks=masks)


def test_four_side_by_side_by_hand():
    _, batch = marked()
    four = side_by_side(batch, torch.tensor([[0, 1, 2, 0]]))
    assert (four.size, four.pictures, four.labels.tolist()) == ((64, 64), 1, [0, 1, 2, 0])
    assert four.boxes.tolist() == [[4, 6, 20, 26], [37, 6, 53, 25], [6, 38, 22, 56], [36, 38, 52, 58]]
    assert four.masks.sum((1, 2)).tolist() == batch.masks.sum((1, 2))[[0, 1, 2, 0]].tolist()


def test_boxes_and_masks_are_about_what_the_mosaic_shows():
    pictures, batch = marked()
    mixed, moved = mosaic(pictures, batch, 1.0, torch.Generator().manual_seed(0))
    assert (mixed.shape, mixed.dtype, moved.size, moved.pictures) == (pictures.shape, torch.uint8, (SIDE, SIDE), 6)
    assert (moved.picture.diff() >= 0).all()
    assert len(moved.labels) > 9
    for box, label, picture, mask in zip(moved.boxes, moved.labels, moved.picture, moved.masks, strict=True):
        left, top, right, bottom = box.round().int().tolist()
        inside = mixed[picture, 0, top + 1 : bottom - 1, left + 1 : right - 1]
        if inside.numel() > 8:
            for shown in (inside, mixed[picture, 0][mask]):  # bicubic scaling goes beyond by some at edges
                assert (shown.float().median() - (100 + 25 * label)).abs() < 12


def test_a_share_of_the_pictures_by_a_seed_and_none_at_all():
    pictures, batch = marked()
    some, targets = mosaic(pictures, batch, 0.5, torch.Generator().manual_seed(1))
    again, others = mosaic(pictures, batch, 0.5, torch.Generator().manual_seed(1))
    assert torch.equal(some, again)
    assert torch.equal(targets.boxes, others.boxes)
    same = (some == pictures).flatten(1).all(1)
    assert 0 < same.sum() < 6
    for number in torch.nonzero(same).flatten().tolist():
        assert targets.boxes[targets.picture == number].tolist() == batch.boxes[batch.picture == number].tolist()
    untouched, whole = mosaic(pictures, batch, 0.0, torch.Generator())
    assert untouched is pictures
    assert whole is batch
    floats, _ = mosaic(pictures.float(), batch, 1.0, torch.Generator().manual_seed(0))
    assert floats.dtype == torch.float32
