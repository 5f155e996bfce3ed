"""Deep-feature distances: by hand, by a second way, and what holds of every distance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.models import create_model
from striate.visual.distance import Measure, bounding_vectors, chosen_layers, layer_maps
from striate.visual.near import MOST_PARTNERS, NearPair, candidates, near_pairs


def two_layers(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 5, 3, stride=2), nn.Flatten())


def written_out(one: Tensor, other: Tensor, weights: list[float]) -> float:
    """Equation 1 of the paper, place by place, of maps (channels, h, w) as they are."""
    total = 0.0
    for y in range(one.shape[1]):
        for x in range(one.shape[2]):
            a, b = one[:, y, x].double(), other[:, y, x].double()
            a, b = (v / v.norm() if v.norm() > 0 else v for v in (a, b))
            total += sum(w * (float(p) - float(q)) ** 2 for w, p, q in zip(weights, a, b, strict=True))
    return total / (one.shape[1] * one.shape[2])


@pytest.mark.parametrize("weighted", [False, True])
def test_a_distance_is_the_papers_equation_written_out(weighted):
    network = two_layers().eval()
    one, other = torch.rand(2, 3, 9, 8), torch.rand(2, 3, 9, 8)
    weights = ([0.5, 0.0, 2.0, 1.0], [1.0, 3.0, 0.0, 0.0, 0.25]) if weighted else ([1.0] * 4, [1.0] * 5)
    given = tuple(map(torch.tensor, weights)) if weighted else None
    found = Measure(network, ("0", "2"), given).between(one, other)
    with torch.no_grad():
        firsts = [network[0](each) for each in (one, other)]
        seconds = [network[2](first.relu()) for first in firsts]
    expected = [
        [written_out(maps[0][row], maps[1][row], w) for maps, w in zip((firsts, seconds), weights, strict=True)]
        for row in range(2)
    ]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), height=st.integers(5, 12), width=st.integers(5, 12))
def test_a_distance_is_0_of_equal_images_symmetric_and_above_its_bound(seed, height, width):
    network = two_layers(seed).eval()
    one, other = torch.rand(2, 3, height, width), torch.rand(2, 3, height, width)
    measure = Measure(network, ("0", "2"))
    assert measure.between(one, one.clone()).tolist() == [[0, 0], [0, 0]]
    there, back = measure.between(one, other), measure.between(other, one)
    assert torch.equal(there, back)
    differ = [(a != b).flatten(1).any(1) for a, b in zip(measure.maps(one), measure.maps(other), strict=True)]
    assert torch.equal(there > 0, torch.stack(differ, 1))  # a drawn layer may give zeros for both
    assert bool((there <= 4 + 1e-5).all())
    apart = (bounding_vectors(measure.maps(one)) - bounding_vectors(measure.maps(other))).square().sum(1)
    assert bool((apart <= there.sum(1) + 1e-5).all())


def test_the_bound_is_the_distance_where_the_grid_has_every_place():
    measure = Measure(two_layers().eval(), ("0", "2"))
    one, other = (measure.maps(torch.rand(1, 3, 9, 8)) for _ in range(2))
    apart = (bounding_vectors(one) - bounding_vectors(other)).square().sum()
    terms = sum((a - b).square().sum(1).mean() for a, b in zip(one, other, strict=True))
    assert apart.item() == pytest.approx(float(terms), rel=1e-5)


def test_what_an_inplace_relu_writes_over_is_kept_as_it_was():
    network = two_layers().eval()
    images = torch.rand(1, 3, 6, 6)
    (maps,) = layer_maps(network, images, ["0"])
    assert bool((maps < 0).any())


def test_vectors_and_tokens_are_maps_too():
    class Tokens(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.flatten(2).transpose(1, 2)

    network = nn.Sequential(Tokens(), nn.Flatten(), nn.Linear(48, 7))
    shapes = [tuple(maps.shape) for maps in layer_maps(network, torch.rand(2, 3, 4, 4), ["0", "2"])]
    assert shapes == [(2, 3, 16, 1), (2, 7, 1, 1)]


def test_a_layer_that_is_not_called_is_no_silent_zero():
    network = two_layers()
    network.add_module("spare", nn.Identity())
    network.forward = network[0].forward
    with pytest.raises(StriateError, match=r"layer 'spare' is not called when the network answers; name one that is"):
        layer_maps(network, torch.rand(1, 3, 6, 6), ["spare"])


def test_a_layer_that_there_is_not_has_a_nearest():
    with pytest.raises(StriateError, match=r"unknown layer of resnet20 'layr2'; did you mean 'layer2'"):
        chosen_layers(create_model("resnet20"), ["layr2"])


def test_near_pairs_are_those_of_all_pairs_looked_at_one_by_one():
    torch.manual_seed(3)
    network = two_layers().eval()
    centres = torch.rand(12, 3, 9, 8)
    images = torch.cat([centres, centres[:6] + 0.05 * torch.rand(6, 3, 9, 8), centres[:1]])
    measure = Measure(network, ("0", "2"))
    every = {
        (i, j): measure.between(images[i : i + 1], images[j : j + 1]).sum().item()
        for i in range(len(images))
        for j in range(i + 1, len(images))
    }
    threshold = float(np.median(list(every.values())))
    vectors = bounding_vectors(measure.maps(images))
    found = near_pairs(measure, vectors, lambda places: images[list(places)], threshold)
    assert {pair[:2] for pair in found} == {pair for pair, distance in every.items() if distance <= threshold}
    assert found[0][:2] == (0, 18)
    assert [pair.distance for pair in found] == sorted(pair.distance for pair in found)
    for pair in found:
        assert pair.distance == pytest.approx(every[pair[:2]], abs=1e-5)


def test_of_many_equal_pictures_each_has_its_nearest_partners_and_they_hang_together():
    from striate.visual.near import groups_of_pairs

    many = 3 * MOST_PARTNERS
    pairs = candidates(torch.zeros(many, 4), threshold=0.5)
    assert len(pairs) <= many * MOST_PARTNERS
    assert {place for pair in pairs for place in pair} == set(range(many))
    chain = [NearPair(place, place + 1, 0.0) for place in range(many - 1)]
    assert groups_of_pairs(chain, many) == [list(range(many))]
