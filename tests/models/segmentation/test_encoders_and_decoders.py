"""U-Net, SegNet and the deconvolution network: the sizes that their papers draw, their counts, and what they share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from of_others import drawn
from striate.core.errors import StriateError
from striate.models import Network, create_model
from striate.models.segmentation import OnVGG, PixelwiseNetwork
from striate.models.segmentation.unet import PaperUNet

torch.set_num_threads(1)
Build = Callable[..., Network]


def sizes_of(network: nn.Module, run: Callable[[], object], paths: tuple[str, ...]) -> list[tuple[int, ...]]:
    seen: dict[str, tuple[int, ...]] = {}
    hooks = [
        network.get_submodule(path).register_forward_hook(
            lambda _, __, output, path=path: seen.__setitem__(path, tuple(output.shape[1:]))
        )
        for path in paths
    ]
    run()
    for hook in hooks:
        hook.remove()
    return [seen[path] for path in paths]


def test_unets_maps_are_those_of_figure_1(on_meta: Build) -> None:
    network = on_meta("unet_paper")
    assert isinstance(network, PaperUNet)
    picture = torch.empty(1, 1, 572, 572, device="meta")
    paths = (
        "down0",
        "down1",
        "down2",
        "down3",
        "down4",
        "up3",
        "merge3",
        "up2",
        "merge2",
        "up1",
        "merge1",
        "up0",
        "merge0",
    )
    sizes = (568, 280, 136, 64, 28, 56, 52, 104, 100, 200, 196, 392, 388)
    widths = (64, 128, 256, 512, 1024, 512, 512, 256, 256, 128, 128, 64, 64)
    found = sizes_of(network, lambda: network.logits(picture), paths)
    assert found == [(width, side, side) for width, side in zip(widths, sizes, strict=True)]
    assert network.logits(picture).shape == (1, 2, 388, 388)
    assert sum(isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) for layer in network.modules()) == 23  # section 2


def test_unets_parameters_by_hand(parameters_of: Callable[[str], int]) -> None:
    widths = (64, 128, 256, 512, 1024)
    down = sum(9 * a * b + b + 9 * b * b + b for a, b in zip((1, *widths), widths, strict=False))
    up = sum(4 * 2 * b * b + b + 9 * 2 * b * b + b + 9 * b * b + b for b in widths[:-1])
    assert parameters_of("unet_paper") == down + up + 64 * 2 + 2
    assert parameters_of("unet") == parameters_of("unet_paper") + 2 * 64 * 9  # two more channels of the picture


@torch.no_grad()
def test_padding_is_undone_where_it_cannot_be_seen() -> None:
    """Logits in the upper left are those of the picture in a larger one: padding and its cut move nothing."""
    torch.manual_seed(0)
    network = create_model("unet", classes=2).eval()
    images = torch.randn(1, 3, 256, 256)
    part = images[:, :, :231, :226]
    reach = (188 + 1) // 2 + 5  # half of the field of view, and of what padding takes
    torch.testing.assert_close(
        network(part)[:, :, : 231 - reach - 16, : 226 - reach - 16],
        network(images)[:, :, : 231 - reach - 16, : 226 - reach - 16],
        rtol=1e-4,
        atol=1e-5,
    )


@torch.no_grad()
def test_the_papers_unet_sees_the_picture_mirrored() -> None:
    torch.manual_seed(0)
    network = create_model("unet_paper").eval()
    assert isinstance(network, PaperUNet)
    images = torch.randn(1, 1, 116, 116)  # 116 + 124 is 15 times 16
    mirrored = F.pad(images, (92, 92, 92, 92), mode="reflect")
    torch.testing.assert_close(network(images), network.logits(mirrored))
    with pytest.raises(
        StriateError, match="92 to 107 px are mirrored at each border, so a 107x200 picture is too small"
    ):
        network(torch.zeros(1, 1, 107, 200))


def test_segnets_counts_are_the_papers(on_meta: Build) -> None:
    """The encoders have 14.7 million parameters (section 3); the decoders mirror them."""
    network = on_meta("segnet")
    encoders = sum(
        parameter.numel()
        for path, layer in network.named_modules()
        if path.startswith("encoder") and isinstance(layer, nn.Conv2d)
        for parameter in layer.parameters()
    )
    assert encoders == 14_714_688
    convs = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert len(convs) == 26
    assert [(layer.out_channels, layer.in_channels) for layer in convs[1:13]] == [
        (layer.in_channels, layer.out_channels) for layer in reversed(convs[13:25])
    ]


def test_deconvnets_maps_are_those_of_table_2(on_meta: Build) -> None:
    network = on_meta("deconvnet")
    paths = (
        "conv1",
        "conv5",
        "fc6",
        "fc7",
        "deconv_fc6",
        "deconv5",
        "deconv4",
        "deconv3",
        "deconv2",
        "deconv1",
        "score",
    )
    found = sizes_of(network, lambda: network(torch.empty(1, 3, 224, 224, device="meta")), paths)
    sides = (224, 14, 1, 1, 7, 14, 28, 56, 112, 224, 224)
    widths = (64, 512, 4096, 4096, 512, 512, 256, 128, 64, 64, 21)
    assert found == [(width, side, side) for width, side in zip(widths, sides, strict=True)]
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6) == 252  # as section 3 says


@pytest.mark.parametrize("name", ["segnet", "deconvnet"])
@torch.no_grad()
def test_the_encoders_are_vgg16s(name: str) -> None:
    with torch.device("meta"):
        dense = create_model("vgg16")
        network = create_model(name, classes=2).eval()
    network.load_state_dict(drawn(network.state_dict()), assign=True)
    assert isinstance(network, OnVGG)
    tensors = drawn(dense.state_dict())
    network.begin_with(tensors)
    own = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    theirs = [value for key, value in tensors.items() if key.endswith("weight")]
    count = len(network.vgg_layers)
    assert count == (13 if name == "segnet" else 15)
    for layer, weight in zip(own[:count], theirs, strict=False):
        assert torch.equal(layer.weight.flatten(), weight.flatten())


@torch.no_grad()
def test_switches_carry_the_places_up() -> None:
    """A SegNet whose convolutions are the identity gives the maxima back, each at its place, zeros elsewhere."""
    network = create_model("segnet", classes=64).eval()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.dirac_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    images = torch.rand(1, 3, 32, 32)
    logits = network(images)
    assert isinstance(network, PixelwiseNetwork)
    for channel in range(3):
        kept: Tensor = logits[0, channel]
        (place,) = kept.nonzero().tolist()
        assert place == [images[0, channel].argmax().item() // 32, images[0, channel].argmax().item() % 32]
        assert kept.max().item() == pytest.approx(images[0, channel].max().item(), rel=1e-3)  # 26 norms' epsilon
