"""FCN against the dense VGG-16 it is made of, against sums by hand, and against the paper's numbers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from of_others import drawn
from striate.core.errors import StriateError
from striate.models import create_model
from striate.models.segmentation.fcn import FCN, fcn8s, fcn16s, fcn32s


def dense_vgg16() -> nn.Module:
    with torch.device("meta"):
        network = create_model("vgg16").eval()
    network.load_state_dict(drawn(network.state_dict()), assign=True)
    return network


@pytest.fixture(scope="module")
def dense() -> nn.Module:
    return dense_vgg16()


@pytest.fixture(scope="module")
def converted(dense: nn.Module) -> FCN:
    network = fcn8s(classes=3).eval()
    network.begin_with(dense.state_dict())
    return network


@torch.no_grad()
def test_the_converted_network_is_the_dense_one_at_224_px(dense: nn.Module, converted: FCN) -> None:
    images = torch.randn(1, 3, 224, 224)
    seen: list[Tensor] = []
    hook = converted.fc7.register_forward_hook(lambda _, __, output: seen.append(output.clone()))
    converted(images)
    hook.remove()
    flat = dense.forward_features(images).flatten(1)  # type: ignore[operator]
    expected = dense.classifier[:4](flat)  # type: ignore[index, operator]   # up to the second dense layer
    assert expected.std().item() > 1e-3
    # of 7x7 places the middle one reads all of the last pooling, as the dense layer does
    torch.testing.assert_close(F.relu(seen[0][:, :, 3, 3]), F.relu(expected), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_skips_are_summed_at_stride_16_and_8(converted: FCN) -> None:
    """Scores that are 1 everywhere in one place each show how they are added: 1 + 10 + 100."""
    for value, layer in zip((1.0, 10.0, 100.0), (converted.score_fr, *converted.score_pools.values()), strict=True):
        assert isinstance(layer, nn.Conv2d) and layer.bias is not None
        assert not layer.weight.any()  # section 4.1: zeros
        layer.bias.fill_(value)
    logits = converted(torch.randn(1, 3, 96, 96))
    torch.testing.assert_close(logits[:, :, 48, 48], torch.full((1, 3), 111.0))
    corner = 0.75**2 * (0.75**2 * 1 + 10) + 100  # zeros lie around a transposed convolution
    assert logits[0, 0, 0, 0].item() == pytest.approx(corner, abs=1e-4)


def test_weights_of_another_network_are_refused(converted: FCN) -> None:
    tensors = create_model("resnet20").state_dict()
    with pytest.raises(
        StriateError, match=r"conv1\.0\.weight \(64, 3, 3, 3\) is to come from VGG-16's features\.0\.weight"
    ):
        converted.begin_with(tensors)


def test_parameters_are_the_papers() -> None:
    """Table 1: 134 million for FCN-VGG16; VGG-16 without its last layer, and a score per class."""
    with torch.device("meta"):
        coarse, middle, fine = (
            sum(parameter.numel() for parameter in build().parameters()) for build in (fcn32s, fcn16s, fcn8s)
        )
    assert coarse == 138_357_544 - (4096 + 1) * 1000 + (4096 + 1) * 21
    assert coarse // 10**6 == 134
    assert middle - coarse == (512 + 1) * 21 + 21 * 21 * 4 * 4
    assert fine - middle == (256 + 1) * 21 + 21 * 21 * 4 * 4
