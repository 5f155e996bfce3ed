"""The focal loss of detectors, in which the many places that are easily told for background count little."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

ALPHA, GAMMA = 0.25, 2.0
"""Weight of what is there against what is not, and how little is left of what is easy: section 5.1."""


def sigmoid_focal_loss(logits: Tensor, truth: Tensor, alpha: float = ALPHA, gamma: float = GAMMA) -> Tensor:
    """Focal loss of logits of any shape, one for each class, against truth of that shape, 0 or 1; float32, unsummed.

    With gamma 0 and alpha 0.5 it is half of the binary cross-entropy.
    Source: Lin et al., "Focal loss for dense object detection", arXiv:1708.02002, equation 5.

    >>> sigmoid_focal_loss(torch.zeros(2), torch.tensor([1.0, 0.0])).mul(16).exp().round(decimals=3).tolist()
    [2.0, 8.0]
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    each = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    unlikely = torch.where(truth > 0, -logits, logits).sigmoid()  # 1 - p of what is so
    return torch.where(truth > 0, alpha, 1 - alpha) * unlikely**gamma * each
