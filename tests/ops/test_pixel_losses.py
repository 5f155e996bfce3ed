"""Losses of segmentation: worked by hand, their gradients, and what must hold of all."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from striate.ops.pixel_losses import dice_loss, focal_loss, labelled, lovasz_softmax_loss, pixel_cross_entropy
from striate.ops.pixels import IGNORED

LOSSES = (pixel_cross_entropy, focal_loss, dice_loss, lovasz_softmax_loss)
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)


def drawn(pictures: int = 3, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(pictures, classes, 5, 6, generator=generator)
    truth = torch.randint(0, classes, (pictures, 5, 6), generator=generator)
    truth[torch.rand(truth.shape, generator=generator) < 0.2] = IGNORED
    truth[1, :3] = IGNORED  # pictures differ in how much of them is labelled
    return logits, truth.to(torch.uint8)


def of_probabilities(rows: list[list[float]]) -> torch.Tensor:
    """Logits (1, K, 1, W) of the probabilities of each pixel."""
    return torch.tensor(rows).T.log()[None, :, None]


def test_cross_entropy_is_that_of_torch():
    logits, truth = drawn()
    expected = F.cross_entropy(logits, truth.long(), ignore_index=IGNORED)
    torch.testing.assert_close(pixel_cross_entropy(logits, truth), expected)


def test_weights_scale_the_pixels_of_their_class():
    logits = of_probabilities([[0.5, 0.5], [0.25, 0.75]])
    loss = pixel_cross_entropy(logits, torch.tensor([[[0, 1]]]), torch.tensor([1.0, 3.0]))
    assert float(loss) == pytest.approx((math.log(2) - 3 * math.log(0.75)) / 2)


def test_focal_loss_by_hand_and_gamma_0_is_cross_entropy():
    logits = of_probabilities([[0.9, 0.1], [0.4, 0.6]])
    loss = focal_loss(logits, torch.tensor([[[0, 0]]]))
    assert float(loss) == pytest.approx(-(0.1**2 * math.log(0.9) + 0.6**2 * math.log(0.4)) / 2, rel=1e-5)
    logits, truth = drawn()
    assert torch.equal(focal_loss(logits, truth, gamma=0.0), pixel_cross_entropy(logits, truth))


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_a_pixel_that_is_certain_has_a_slope_that_is_a_number(gamma):
    logits = torch.tensor([[[[200.0]], [[-200.0]]]], requires_grad=True)
    focal_loss(logits, torch.tensor([[[0]]]), gamma).backward()
    assert logits.grad.tolist() == [[[[0.0]], [[0.0]]]]


def test_dice_by_hand():
    # class 0: 2 * 0.9 / (0.9 + 0.4 + 1); class 1: 2 * 0.6 / (0.1 + 0.6 + 1); class 2 is not shown and does not count
    logits = of_probabilities([[0.9, 0.1, 1e-30], [0.4, 0.6, 1e-30]])
    loss = dice_loss(logits, torch.tensor([[[0, 1]]]))
    assert float(loss) == pytest.approx(1 - (1.8 / 2.3 + 1.2 / 1.7) / 2)


def test_lovasz_by_hand():
    # Class 0, errors 0.8, 0.4, 0.1 of pixels that are it, are not, are it. Going down them, 1 less the IoU of taking
    # all so far to be wrong is 1/2, 2/3, 1: slopes 1/2, 1/6, 1/3. Class 1, of the same errors, is the middle pixel:
    # 1/2, 1, 1: slopes 1/2, 1/2, 0.
    logits = of_probabilities([[0.2, 0.8], [0.4, 0.6], [0.9, 0.1]])
    loss = lovasz_softmax_loss(logits, torch.tensor([[[0, 1, 0]]]))
    assert float(loss) == pytest.approx((0.8 / 2 + 0.4 / 6 + 0.1 / 3 + 0.8 / 2 + 0.4 / 2) / 2)


def test_lovasz_of_sure_answers_is_one_less_iou():
    truth, found = torch.tensor([[[0, 0, 0, 1, 1]]]), torch.tensor([[[0, 0, 1, 1, 1]]])
    logits = F.one_hot(found, 2).permute(0, 3, 1, 2) * 100.0
    assert float(lovasz_softmax_loss(logits, truth)) == pytest.approx(1 - (2 / 3 + 2 / 3) / 2)


@each_loss
def test_gradients_are_those_of_differences(loss):
    logits, truth = drawn(2, 3)
    logits = logits.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda logits: loss(logits, truth), logits)
    (slope,) = torch.autograd.grad(loss(logits, truth), logits)
    assert not slope.permute(0, 2, 3, 1)[truth == IGNORED].any()


@each_loss
def test_parts_of_a_batch_sum_to_the_whole_by_their_labelled_pixels(loss):
    logits, truth = drawn()
    count = labelled(truth)
    parts = sum(float(loss(logits[n : n + 1], truth[n : n + 1])) * int(count[n]) for n in range(3)) / int(count.sum())
    assert float(loss(logits, truth)) == pytest.approx(parts, rel=1e-5)


@each_loss
def test_the_right_answer_costs_nothing_another_something_and_nothing_asked_is_0(loss):
    _, truth = drawn()
    certain = F.one_hot(truth.long() % 4, 4).permute(0, 3, 1, 2) * 100.0
    assert float(loss(certain, truth)) == pytest.approx(0, abs=1e-6)
    assert float(loss(certain.roll(1, dims=1), truth)) > 0.9
    nothing = certain.clone().requires_grad_()
    loss(nothing, torch.full_like(truth, IGNORED)).backward()
    assert not nothing.grad.any()


@each_loss
def test_half_precision_is_computed_in_single(loss):
    logits, truth = drawn()
    half = logits.to(torch.bfloat16)
    assert torch.equal(loss(half, truth), loss(half.float(), truth))


@each_loss
def test_descent_finds_the_masks(loss):
    logits, truth = drawn()
    logits = torch.zeros_like(logits).requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(40):
        optimizer.zero_grad()
        loss(logits, truth).backward()
        optimizer.step()
    asked = truth != IGNORED
    assert (logits.argmax(1)[asked] == truth[asked]).all()
