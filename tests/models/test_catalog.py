"""The catalogue covers the zoo; its depths are counted again on the networks, its numbers bounded by sense."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from striate.models import DETECTORS, FILES, INSTANCES, SEGMENTATION, ZOO, Network, list_models
from striate.models.catalog import CATALOG, CATALOG_OF_OBJECTS, CATALOG_OF_PIXELS, PROTOCOLS, TORCHVISION


def test_every_network_has_its_line() -> None:
    assert list(CATALOG) == list(ZOO)
    assert list(CATALOG_OF_PIXELS) == list(SEGMENTATION)
    assert list(CATALOG_OF_OBJECTS) == [*DETECTORS, *INSTANCES]


def test_errors_have_sources_and_one_protocol_each() -> None:
    for name, entry in CATALOG.items():
        protocols = [error.protocol for error in entry.errors]
        assert protocols == sorted(set(protocols), key=PROTOCOLS.index), name  # one crop first, where there is one
        assert all(error.source and 5 <= error.top5_pct <= 21 for error in entry.errors)
        assert 1958 <= entry.year <= 2024 or name in ("quick_regnet26", "quick_regnet29")  # our own


def test_errors_at_one_crop_are_those_that_torchvision_states() -> None:
    """Its own table of its own files, 100 minus acc@5."""
    source = Path(str(find_spec("torchvision").origin)).parent / "models"  # read as text: it is not imported
    stated = {
        file: 100 - float(accuracy)
        for module in ("alexnet", "vgg", "googlenet", "resnet", "densenet")
        for file, accuracy in re.findall(
            r'IMAGENET1K_V1 = Weights\(\s*url="[^"]+/([^"]+)".*?"acc@5": ([\d.]+)',
            (source / f"{module}.py").read_text(),
            re.S,
        )
    }
    seen = 0
    for name, file in FILES["imagenet"].items():
        error = CATALOG[name].error("1 crop")
        if error is not None and error.source == TORCHVISION:
            assert error.top5_pct == pytest.approx(stated[file.file], abs=1e-6), name
            seen += 1
    assert seen >= 18


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
