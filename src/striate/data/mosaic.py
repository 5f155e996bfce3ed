"""Mosaics: a picture of a batch becomes a part of four of them, side by side, and their boxes go with them.

Source: Bochkovskiy et al., "YOLOv4", arXiv:2004.10934, section 3.3 and figure 3.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from striate.data.augment import Augmentation, draw_geometry
from striate.data.targets.box_batch import BoxBatch

LEAST_AREA = 0.25  # of the four, side by side, that is shown: objects are half as large to as large as they were
PART = Augmentation(min_area=LEAST_AREA, max_aspect=1.25)


def mosaic(pictures: Tensor, targets: BoxBatch, share: float, generator: torch.Generator) -> tuple[Tensor, BoxBatch]:
    """Make mosaics of a share of the pictures, (N, C, H, W) on the scale 0..255, each of itself and three others drawn.

    The four stand in two rows of two, of which a part, drawn as a random resized crop is, takes the picture's place.
    Returns pictures of the same size and type, and their boxes, cut as any crop cuts them.
    """
    count, (height, width) = len(pictures), (pictures.shape[2], pictures.shape[3])
    chosen = torch.nonzero(torch.rand(count, generator=generator) < share).flatten()
    if not len(chosen):
        return pictures, targets
    others = torch.randint(count, (len(chosen), 3), generator=generator)
    sources = torch.cat([chosen[:, None], others], 1)
    geometry = draw_geometry(PART, len(chosen), (2 * height, 2 * width), (height, width), generator)
    rows = [torch.cat([pictures[sources[:, n]], pictures[sources[:, n + 1]]], 3) for n in (0, 2)]
    taken = geometry.pixels(torch.cat(rows, 2))
    mixed, whole = pictures.clone(), not pictures.is_floating_point()
    mixed[chosen.to(pictures.device)] = (taken.round() if whole else taken).clamp(0, 255).to(pictures.dtype)
    return mixed, _together(targets, chosen, side_by_side(targets, sources).moved(geometry))


def side_by_side(targets: BoxBatch, sources: Tensor) -> BoxBatch:
    """The boxes of pictures of four each, two above two. sources: numbers in the batch, int64 (P, 4), row by row."""
    (height, width), parts = targets.size, []
    for quarter in range(4):
        down, right = quarter // 2 * height, quarter % 2 * width
        own, place = torch.nonzero(targets.picture.cpu()[:, None] == sources[:, quarter]).T.to(targets.picture.device)
        boxes = targets.boxes[own] + targets.boxes.new_tensor([right, down, right, down])
        some = replace(targets, boxes=boxes, labels=targets.labels[own], ignored=targets.ignored[own], picture=place)
        if targets.masks is not None:
            masks = targets.masks.new_zeros(len(own), 2 * height, 2 * width)
            masks[:, down : down + height, right : right + width] = targets.masks[own]
            some = replace(some, masks=masks)
        parts.append(some)
    shown = targets.shown_px[sources[:, 0].to(targets.shown_px.device)]
    whole = replace(targets, size=(2 * height, 2 * width), pictures=len(sources), shown_px=shown)
    return _gathered(whole, parts)


def _together(targets: BoxBatch, chosen: Tensor, made: BoxBatch) -> BoxBatch:
    """A batch in which some pictures have other boxes."""
    chosen = chosen.to(targets.picture.device)
    stays = targets.those(~torch.isin(targets.picture, chosen))
    return _gathered(targets, [stays, replace(made, picture=chosen[made.picture])])


def _gathered(whole: BoxBatch, parts: list[BoxBatch]) -> BoxBatch:
    """The boxes of several parts in the order of their pictures, without areas, which files say; all else is that of
    the whole.
    """
    picture = torch.cat([part.picture for part in parts])
    order = picture.argsort(stable=True)
    boxes, labels, ignored = (
        torch.cat([getattr(part, name) for part in parts])[order] for name in ("boxes", "labels", "ignored")
    )
    masks = [part.masks for part in parts if part.masks is not None]
    return replace(
        whole,
        boxes=boxes,
        labels=labels,
        ignored=ignored,
        picture=picture[order],
        areas=None,
        masks=torch.cat(masks)[order] if masks else None,
        outlines=(),
    )
