"""`striate look` over every network of the house and over modules that are not: all of the page, or a sentence.

What is repeated is done once or twice, and pictures are small: this is about what can be drawn, not how well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
import torch

from foreign_modules import FOREIGN
from striate.core.errors import StriateError
from striate.models import NAMED, Network, create_model
from striate.report.look import attribution, patches, units, visualisation
from striate.report.look.look import look
from striate.report.look.part import Found
from striate.report.look.parts import PARTS
from striate.visual.attribution import areas

SIDES_PX = (32, 64, 96, 128, 227, 299)
MOST_BYTES = 30_000_000
OF_ANY = ("diagram", "filters", "activations")
WHOLE = (  # one of each kind, for all parts
    "mlp", "lenet5", "lenet5_1998", "nin_cifar", "resnet20", "fractalnet20", "quick_regnet26", "recurrent_labelling",
    "quick_fcn", "quick_detector", "yolo_v1_quick_regnet26", "mask_rcnn_quick_regnet26_fpn",
)  # fmt: skip
NO_WORDS = re.compile("Error|Traceback|<class|object at 0x|None")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    """One or two of all that is many."""
    few = (
        (units, {"UNITS": 1, "STEPS": 1, "OF_CLASS": 1, "PATCHES_OF_CLASS": 1}),
        (visualisation, {"STEPS": 1, "CHANNELS": 1, "CLASSES": 1, "LARGEST_PX": 32}),
        (attribution, {"SHOWN": 1, "STEPS": 2, "DRAWN_ANEW": 1, "DRAWN_STEPS": 1}),
        (areas, {"STEPS": 2}),
        (patches, {"MOST_LAYERS": 3, "PICTURES": 2}),
    )
    for module, numbers in few:
        for name, number in numbers.items():
            monkeypatch.setattr(module, name, number)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def small(name: str) -> Network:
    """A network at the smallest size that it takes."""
    torch.manual_seed(0)
    for side in SIDES_PX:
        try:
            return create_model(name, 4, size=(side, side)).eval()
        except StriateError:
            continue
    return create_model(name).eval()


def looked_into(module, images: torch.Tensor, only: Sequence[str] = tuple(PARTS)) -> dict[str, Found | str]:
    """Parts by name, each checked; and the page, which is written."""
    looked = look(module, images, only)
    found = {part.name: what for part, what in looked.parts}
    assert set(found) == set(only)
    for sentence in (what for what in found.values() if isinstance(what, str)):
        assert 30 < len(sentence) < 500 and "\n" not in sentence and not NO_WORDS.search(sentence), sentence
    page = looked.page()
    assert len(page) < MOST_BYTES
    assert all(what in page for part, what in found.items() if isinstance(what, str) and "'" not in what)
    return found


@pytest.mark.parametrize("name", sorted(NAMED.keys() - {"resnet1202"}))  # as resnet110, at eleven times the cost
def test_a_network_of_the_house(name):
    network = small(name)
    images = torch.rand(2, network.in_channels, *network.preprocess.size, generator=torch.Generator().manual_seed(1))
    found = looked_into(network, images, tuple(PARTS) if name in WHOLE else OF_ANY)
    assert [part for part in OF_ANY if isinstance(found[part], str)] == []


@pytest.mark.parametrize("name", FOREIGN)
def test_a_module_that_is_not_ours(name):
    make, channels, _ = FOREIGN[name]
    torch.manual_seed(0)
    found = looked_into(make().eval(), torch.rand(2, channels, 16, 16, generator=torch.Generator().manual_seed(1)))
    assert any(isinstance(what, Found) for what in found.values())
