"""By covering parts of the picture: nothing but answers is needed. Zeiler and Fergus, arXiv:1311.2901, section 4.2."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from striate.visual.attribution.asked import Asked
from striate.visual.occlusion import mean_loss, squares


@torch.no_grad()
def occlusion(asked: Asked) -> Tensor:
    """What the score loses while a square of the mean colour covers a place, in the mean over those that do."""
    images, score, losses = asked.images, asked.score(asked.images), []
    for rows, columns in squares(*asked.size):
        covered = images.clone()
        covered[:, :, rows, columns] = 0
        losses.append((score - asked.score(covered)).double().cpu().numpy())
    return torch.from_numpy(mean_loss(np.stack(losses), *asked.size)).to(images)
