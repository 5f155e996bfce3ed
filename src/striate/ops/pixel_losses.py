"""Losses of segmentation. N pictures, K classes, H W pixels.

logits: (N, K, H, W). truth: whole numbers (N, H, W), class numbers or IGNORED. All are computed in float32, or float64
of such, and are 0 where every pixel is ignored. Each is a mean over the labelled pixels, or over pictures by how many
of these they have, so that the losses of the parts of a batch, weighted by `labelled`, sum to that of the whole.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.ops.pixels import IGNORED

FOCUS = 2.0  # gamma, arXiv:1708.02002, section 4.1


def labelled(truth: Tensor) -> Tensor:
    """How many pixels of each picture have a class: int64 (N,)."""
    return (truth != IGNORED).flatten(1).sum(1)


def pixel_cross_entropy(logits: Tensor, truth: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy, a scalar. weights: of the classes, float32 (K,), such as `median_frequency_weights`; they scale.

    >>> pixel_cross_entropy(torch.zeros(1, 4, 1, 2), torch.tensor([[[3, IGNORED]]])).exp().round().item()
    4.0
    """
    return focal_loss(logits, truth, 0.0, weights)


def focal_loss(logits: Tensor, truth: Tensor, gamma: float = FOCUS, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy in which a pixel counts by (1 - p) ** gamma, p the probability of its class; a scalar.

    gamma 0 is cross-entropy. weights: of the classes, float32 (K,).
    Source: Lin et al., arXiv:1708.02002, equations 4 and 5.
    """
    logits, truth_NHW = _precise(logits), truth.long()
    each = F.cross_entropy(logits, truth_NHW, weights, ignore_index=IGNORED, reduction="none")
    if gamma:
        plain = each if weights is None else F.cross_entropy(logits, truth_NHW, ignore_index=IGNORED, reduction="none")
        unlikely = -torch.expm1(-plain)
        each = each * unlikely.clamp_min(torch.finfo(torch.float32).tiny) ** gamma  # the slope of 0 ** 0.5 is no number
    return each.sum() / labelled(truth).sum().clamp_min(1)


def dice_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """1 less Dice's coefficient of probabilities, the mean of the classes that a picture shows; a scalar.

    Source: Milletari et al., arXiv:1606.04797, section 3, the plain sums of probabilities below the line.

    >>> sure = torch.tensor([[[[9.0, -9.0]], [[-9.0, 9.0]]]])
    >>> [round(dice_loss(sure, torch.tensor([[truth]])).item(), 6) for truth in ([0, 1], [1, 0])]
    [0.0, 1.0]
    """
    probability, right = _flat(logits, truth)
    shared, all_of_both = (probability * right).sum(2), probability.sum(2) + right.sum(2)
    lost = 1 - 2 * shared / all_of_both.clamp_min(torch.finfo(torch.float32).tiny)
    return _mean_of_shown(lost, right, truth)


def lovasz_softmax_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """The Lovász extension of 1 less IoU, the mean of the classes that a picture shows; a scalar.

    Source: Berman, Rannen Triki and Blaschko, arXiv:1705.08790, section 2.2 and algorithm 1.
    """
    probability, right = _flat(logits, truth)
    error, order = (right - probability).abs().sort(dim=2, descending=True, stable=True)
    right_NKP = right.gather(2, order)
    hits, missed = right_NKP.sum(2, keepdim=True), right_NKP.cumsum(2)
    wrong = (1 - right_NKP).cumsum(2)
    lost = 1 - (hits - missed) / (hits + wrong).clamp_min(1)
    slope = torch.cat([lost[..., :1], lost.diff(dim=2)], 2)
    return _mean_of_shown((error * slope).sum(2), right, truth)


def _precise(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _flat(logits: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities and, as 0 and 1, the truth, both (N, K, H * W); both 0 where a pixel is ignored."""
    counts = (truth != IGNORED)[:, None]
    probability = _precise(logits).softmax(1) * counts
    classes = torch.arange(logits.shape[1], device=truth.device)[:, None, None]
    return probability.flatten(2), (truth[:, None] == classes).to(probability.dtype).flatten(2)


def _mean_of_shown(lost: Tensor, right: Tensor, truth: Tensor) -> Tensor:
    """The mean of losses (N, K) over the classes that each picture shows, and that over its labelled pixels."""
    shown, count = right.amax(2), labelled(truth)
    of_pictures = (lost * shown).sum(1) / shown.sum(1).clamp_min(1)
    return (of_pictures * count).sum() / count.sum().clamp_min(1)
