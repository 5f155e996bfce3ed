"""Against the real torchvision: a state dict of its loads unchanged and the outputs are equal to 1e-5 in float32.

torchvision is no dependency. Where it is installed (`pip install --no-deps torchvision`) this runs, also beside a
torch of another build: its wheel imports once the operator names that it expects have been defined.
"""

from __future__ import annotations

import re
from types import ModuleType

import pytest
import torch

from of_others import drawn, torchvision_module
from striate.models import create_model
from striate.models.imagenet import FILES

torch.set_num_threads(1)

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
    return torchvision_module("torchvision.models")


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
