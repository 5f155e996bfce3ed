"""CutMix: shares of pixels and of labels are the same numbers, and every rectangle is one."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from striate.data.targets.classes import ClassBatch
from striate.models import create_model
from striate.tasks.classification.losses import losses
from striate.tasks.classification.mixing import cut_mix
from striate.tasks.task import NETWORK
from striate.training.recipe import Recipe

COUNT, CLASSES = 200, 5


def flat_pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Each picture of one value, its number."""
    images = torch.arange(float(COUNT)).view(COUNT, 1, 1, 1).expand(COUNT, 3, 12, 20).clone()
    return images, torch.arange(COUNT) % CLASSES


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_labels_are_shared_as_the_pixels_are() -> None:
    images, labels = flat_pictures()
    mixed, shares = cut_mix(images, labels, CLASSES, 1.0, seeded())
    torch.testing.assert_close(shares.sum(1), torch.ones(COUNT))
    for number, (picture, share) in enumerate(zip(mixed, shares, strict=True)):
        expected = F.one_hot(picture[0].flatten().long() % CLASSES, CLASSES).float().mean(0)
        torch.testing.assert_close(share, expected)
        foreign = picture[0] != number
        if foreign.any():
            assert len(picture[0][foreign].unique()) == 1
            rows, columns = foreign.any(1).sum(), foreign.any(0).sum()
            assert foreign.sum() == rows * columns  # one whole rectangle
        assert torch.equal(picture[0], picture[2])


def test_area_is_uniform_before_the_edges_cut_it() -> None:
    """Mean area by hand: E[a] over centres is (s - s^2 / 4)^2 for a side s = sqrt(u), integrated over u."""
    images = torch.zeros(20_000, 1, 16, 16)
    _, shares = cut_mix(images, torch.arange(20_000) % 2, 2, 1.0, seeded(1))
    sides = torch.linspace(0.0005, 0.9995, 1000).sqrt()
    taken = (1 - shares.max(1).values)[(shares != shares.round()).any(1)]
    assert taken.max() <= 0.5 + 1e-6  # what is more than half is told as the other's
    expected = ((sides - sides.square() / 4) ** 2).mean()
    found = cut_mix(images, torch.zeros(20_000, dtype=torch.long), 1, 1.0, seeded(1))[1]
    torch.testing.assert_close(found, torch.ones(20_000, 1))
    marked = torch.arange(20_000.0).view(-1, 1, 1, 1).expand(-1, 1, 16, 16)
    mixed, _ = cut_mix(marked, torch.zeros(20_000, dtype=torch.long), 1, 1.0, seeded(1))
    assert abs((mixed != marked).float().mean() - expected) < 0.01


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.3, 30, 90), (1.0, 180, 200)])
def test_a_share_of_the_pictures_is_mixed(share: float, low: int, high: int) -> None:
    images, labels = flat_pictures()
    mixed, _ = cut_mix(images, labels, CLASSES, share, seeded(2))
    changed = (mixed != images).flatten(1).any(1).sum()
    assert low <= changed <= high


def test_equal_seeds_mix_equally() -> None:
    images, labels = flat_pictures()
    first, second, other = (cut_mix(images, labels, CLASSES, 0.5, seeded(seed))[0] for seed in (1, 1, 2))
    assert torch.equal(first, second) and not torch.equal(first, other)


def test_loss_of_shared_labels_is_the_shared_loss() -> None:
    """Cross-entropy is linear in the labels: hand arithmetic from two plain losses."""
    torch.manual_seed(0)
    network = create_model("lenet5", CLASSES).eval()
    images, a, b = torch.rand(8, 1, 32, 32), torch.randint(0, CLASSES, (8,)), torch.randint(0, CLASSES, (8,))
    shares = 0.75 * F.one_hot(a, CLASSES) + 0.25 * F.one_hot(b, CLASSES)
    recipe = Recipe(model="lenet5", label_smoothing=0.1)
    made = [losses(network, NETWORK, images, ClassBatch(labels), recipe) for labels in (shares, a, b)]
    mixed, of_a, of_b = (each.losses["loss"] for each in made)
    right, right_a = (each.counted["accuracy"] for each in made[:2])
    torch.testing.assert_close(mixed, 0.75 * of_a + 0.25 * of_b)
    assert right == right_a
