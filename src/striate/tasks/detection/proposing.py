"""The boxes in which a network is to look, of the pictures of a batch: made once, then read from the disk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from striate.core.records import Preprocess
from striate.data.picture import network_geometry
from striate.data.proposals.kept import kept_proposals
from striate.data.targets.boxes import BoxBatch
from striate.models.detection.proposals import Proposed
from striate.models.detection.regions import padded_boxes

MOST = 2000
"""Of a picture, the likeliest. Source: Girshick et al., arXiv:1311.2524, section 2.2, "around 2000"."""


def with_proposals(pictures: Tensor, targets: BoxBatch, preprocess: Preprocess) -> BoxBatch:
    """The boxes of a batch with the proposals of its pictures, uint8 (N, C, h, w) of the working size."""
    if preprocess.proposals is None:
        return targets
    return replace(targets, proposals=proposals_of_batch(pictures, preprocess.proposals))


def proposed_of(pictures: Tensor, method: str, preprocess: Preprocess) -> Proposed:
    """The same as a network takes them, in pixels of the images that it sees."""
    moved = proposals_of_batch(pictures, method).moved(network_geometry(len(pictures), preprocess))
    return padded_boxes(moved.boxes, moved.picture, len(pictures))


def proposals_of_batch(pictures: Tensor, method: str) -> BoxBatch:
    """Boxes without a class, in pixels of these pictures."""
    pixels = pictures.expand(-1, 3, -1, -1) if pictures.shape[1] == 1 else pictures
    shown = [np.ascontiguousarray(each) for each in pixels.permute(0, 2, 3, 1).cpu().numpy()]
    found = [torch.from_numpy(kept_proposals(each, method)[:MOST]) for each in shown]
    boxes, size = torch.cat(found), (pictures.shape[2], pictures.shape[3])
    picture = torch.repeat_interleave(torch.arange(len(found)), torch.tensor([len(each) for each in found]))
    nothing = torch.zeros_like(picture)
    shown_px = torch.tensor([size]).float().expand(len(found), 2)
    return BoxBatch(boxes, nothing, picture, len(found), size, nothing.bool(), shown_px)
