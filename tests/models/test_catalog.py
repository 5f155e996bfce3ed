"""The catalogue covers the zoo; its depths are counted again on the networks, its numbers bounded by sense."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from striate.models import ZOO, Network, list_models
from striate.models.catalog import CATALOG


def test_every_network_has_its_line() -> None:
    assert list(CATALOG) == list(ZOO)


def test_errors_have_sources() -> None:
    for name, entry in CATALOG.items():
        assert (entry.top5_pct is None) == (entry.source == ""), name
        assert entry.top5_pct is None or 5 <= entry.top5_pct <= 21
        assert 1958 <= entry.year <= 2016 or name in ("quick_regnet26", "quick_regnet29")  # our own


def longest_path(model: Network) -> int:
    """Weight layers on the longest path, by carrying counts along the operators of one forward pass on meta."""
    depth: dict[int, int] = {}
    alive: list[Tensor] = []  # keeps ids from being used again

    class Count(torch.overrides.TorchFunctionMode):
        def __torch_function__(
            self, func: Callable, types: object, args: tuple = (), kwargs: dict | None = None
        ) -> object:
            result = func(*args, **(kwargs or {}))
            if isinstance(result, Tensor):
                flat = [each for arg in args for each in (arg if isinstance(arg, list | tuple) else [arg])]
                before = max((depth.get(id(each), 0) for each in flat if isinstance(each, Tensor)), default=0)
                weighted = func in (torch.conv2d, nn.functional.conv2d, nn.functional.linear)
                depth[id(result)] = max(before + weighted, depth.get(id(result), 0))
                alive.append(result)
            return result

    images = torch.empty(1, model.in_channels, *model.preprocess.size, device="meta")
    with Count(), torch.no_grad():
        logits = model(images)
    return depth[id(logits)]


COUNTED_OTHERWISE = {
    "fractalnet20": 21,  # the paper leaves out the classifier
    "fractalnet40": 41,
    "quick_regnet29": 29 + 2 * 9,
    "quick_regnet26": 26 + 2 * 8,  # squeeze-and-excitation is not counted, as in the SE-ResNet-50 of its paper
}


@pytest.mark.parametrize("name", list_models())
def test_depth_is_the_longest_path(name: str, on_meta: Callable[[str], Network]) -> None:
    if name == "lenet5_1998":  # the paper counts its sub-sampling and its fixed outputs, too
        units = [path for path, _ in on_meta(name).named_modules() if path.split(".")[-1] in
                 ("c1", "s2", "c3", "s4", "c5", "f6", "output")]  # fmt: skip
        assert len(units) == CATALOG[name].depth
        return
    assert longest_path(on_meta(name)) == COUNTED_OTHERWISE.get(name, CATALOG[name].depth)
