"""Against the real torchvision: a state dict of its loads unchanged and the outputs are equal to 1e-5 in float32.

torchvision is no dependency. Where it is installed (`pip install --no-deps torchvision`) this runs, also beside a
torch of another build: its wheel imports once the operator names that it expects have been defined.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import re
import sys
from types import ModuleType

import pytest
import torch
from torch import Tensor

from striate.models import create_model
from striate.models.imagenet import FILES

torch.set_num_threads(1)
OPERATORS: list[torch.library.Library] = []  # a library's operators last as long as the object

# ours: (theirs, side in pixels)
PAIRS = {
    "alexnet_tv": ("alexnet", 64),
    **{
        name: (name, 40)
        for name in ("vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn")
    },
    "googlenet_tv": ("googlenet", 96),
    **{f"resnet{layers}": (f"resnet{layers}", 64) for layers in (18, 34, 50, 101, 152)},
    **{name: (name, 64) for name in ("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d")},
    **{f"densenet{layers}": (f"densenet{layers}", 64) for layers in (121, 161, 169, 201)},
}


@pytest.fixture(scope="module")
def theirs() -> ModuleType:
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed: pip install --no-deps torchvision==0.28.0")
    try:
        return importlib.import_module("torchvision.models")
    except RuntimeError:  # its compiled part does not fit this torch; the models need none of it
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        OPERATORS.append(library)
        for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[module]
        return importlib.import_module("torchvision.models")


def drawn(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Seeded random numbers for every tensor, statistics of batch norm included, that keep the signal's size."""
    torch.manual_seed(0)
    tensors = {}
    for key, value in state.items():
        if key.endswith("num_batches_tracked"):
            tensors[key] = torch.tensor(1)
        elif key.endswith("running_var") or (value.dim() == 1 and key.endswith("weight")):
            tensors[key] = torch.empty(value.shape).uniform_(0.5, 1.5)
        else:
            limit = math.sqrt(6 / value[0].numel()) if value.dim() > 1 else 0.1
            tensors[key] = torch.empty(value.shape).uniform_(-limit, limit)
    return tensors


@pytest.mark.parametrize("name", PAIRS)
def test_state_dict_and_outputs(name: str, theirs: ModuleType) -> None:
    their_name, side = PAIRS[name]
    options = {"aux_logits": True, "init_weights": False} if their_name == "googlenet" else {}
    with torch.device("meta"):
        reference = theirs.get_model(their_name, weights=None, **options).eval()
        model = create_model(name).eval()
    state = drawn(reference.state_dict())
    reference.load_state_dict(state, assign=True)
    model.load_state_dict(state, strict=True, assign=True)
    images = torch.randn(2, 3, side, side)
    with torch.no_grad():
        expected, ours = reference(images), model(images)
    assert expected.std().item() > 1e-3  # the signal arrived
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_auxiliary_logits_agree(theirs: ModuleType) -> None:
    with torch.device("meta"):
        reference = theirs.googlenet(weights=None, aux_logits=True, init_weights=False)
        model = create_model("googlenet_tv")
    state = drawn(reference.state_dict())
    reference.load_state_dict(state, assign=True)
    model.load_state_dict({key: value.clone() for key, value in state.items()}, assign=True)
    for network in (reference, model):
        network.train()
        for layer in network.modules():
            if isinstance(layer, torch.nn.Dropout):
                layer.p = 0.0
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        expected = reference(images)
        (_, main), (_, first), (_, second) = model.training_logits(images)
    for ours, their in ((main, expected.logits), (first, expected.aux_logits1), (second, expected.aux_logits2)):
        torch.testing.assert_close(ours, their, rtol=1e-5, atol=1e-5)


def test_the_published_file_names_are_theirs(theirs: ModuleType) -> None:
    for weights, version in (("imagenet", "IMAGENET1K_V1"), ("imagenet_v2", "IMAGENET1K_V2")):
        documented = {}
        for name, (their_name, _) in PAIRS.items():
            entries = {entry.name: entry for entry in theirs.get_model_weights(their_name)}
            if version in entries:
                documented[name] = entries[version]
        assert set(documented) == set(FILES[weights])
        for name, entry in documented.items():
            ours = FILES[weights][name]
            assert entry.url == f"https://download.pytorch.org/models/{ours.file}"
            preprocessing = entry.transforms()
            assert (preprocessing.crop_size, preprocessing.resize_size) == ([224], [ours.resize])
            assert re.search(r"-[0-9a-f]{8}\.pth$", entry.url)


def test_their_input_transform_is_our_preprocess(theirs: ModuleType) -> None:
    """torchvision renormalises inside GoogLeNet; our record says the same once: -1..1."""
    reference = theirs.googlenet(weights=None, aux_logits=False, init_weights=False, transform_input=True)
    entry = theirs.get_model_weights("googlenet").IMAGENET1K_V1.transforms()
    pixels = torch.rand(1, 3, 8, 8)
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (entry.mean, entry.std))
    expected = reference._transform_input((pixels - mean) / std)
    with torch.device("meta"):
        record = create_model("googlenet_tv").preprocess
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (record.mean, record.std))
    torch.testing.assert_close((pixels - mean) / std, expected, rtol=1e-4, atol=1e-5)
