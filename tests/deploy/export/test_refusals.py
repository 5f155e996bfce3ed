"""What cannot be exported, and what is not kept, is one sentence that says where."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import striate
from factories import network_of
from striate.core import extras
from striate.deploy.export import onnx_file
from striate.models import create_model


class Small(nn.Module):
    """A network of one's own."""

    def __init__(self, odd: nn.Module) -> None:
        super().__init__()
        self.conv, self.odd, self.head = nn.Conv2d(3, 4, 3), odd, nn.Linear(4, 3)

    def forward(self, images):
        return self.head(self.odd(self.conv(images)).mean((2, 3)))


class Deciding(nn.Module):
    def forward(self, maps):
        if maps.mean() > 0:
            return maps
        return -maps


class Bessel(nn.Module):
    def forward(self, maps):
        return torch.special.bessel_j0(maps)


class Rounding(nn.Module):
    def forward(self, maps):
        return torch.from_numpy(maps.detach().numpy().round())


def of(odd: nn.Module):
    return create_model(Small(odd), size=(16, 16))


def test_the_layer_that_decides_by_the_picture_is_named(exported, tmp_path):
    with pytest.raises(striate.StriateError) as refused:
        exported(of(Deciding()))
    assert "its layer 'odd' (Deciding) decides by the numbers in the pictures" in str(refused.value)
    assert "(test_refusals.py, line" in str(refused.value)
    assert "if maps.mean() > 0:" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_the_layer_that_leaves_torch_is_named(exported):
    with pytest.raises(striate.StriateError, match=r"its layer 'odd' \(Rounding\) does what torch cannot write down"):
        exported(of(Rounding()))


@pytest.mark.parametrize("name", ["net.onnx", "net.xml"])
def test_the_operator_that_onnx_does_not_have_is_named_and_pt2_has_it(exported, tmp_path, name):
    network = of(Bessel())
    with pytest.raises(striate.StriateError) as refused:
        exported(network, name)
    assert str(refused.value).endswith(
        "cannot be written as ONNX or for OpenVINO: the operator prims.bessel_j0 of its layer 'odd' has no form there; "
        "export it as pt2"
    )
    assert list(tmp_path.iterdir()) == []
    assert exported(network, "net.pt2").record.proof.largest_difference == 0


def test_a_program_that_bf16_takes_too_far_is_not_kept(exported, tmp_path):
    class Cancelling(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 3)

        def forward(self, images):
            means = images.mean((2, 3))
            return self.head(means + 1000) - self.head(torch.full_like(means, 1000))

    with pytest.raises(striate.StriateError, match=r"net\.pt2 was not kept: .*; precision='?fp32'? is closer"):
        exported(create_model(Cancelling(), size=(16, 16)), "net.pt2", precision="bf16")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".onnx", ".xml"])
def test_a_file_that_disagrees_is_not_kept_and_the_layer_is_named(exported, tmp_path, monkeypatch, ending):
    def damaged(*arguments):
        graph = onnx_file.onnx_graph(*arguments)
        weights = next(each for each in graph.graph.initializer if each.name.endswith("layer2.0.conv2.weight"))
        weights.raw_data = np.random.default_rng(0).permutation(np.frombuffer(weights.raw_data, np.float32)).tobytes()
        return graph

    monkeypatch.setattr("striate.deploy.export.int8.onnx_graph", damaged)
    (tmp_path / f"net{ending}").write_text("what was there before")
    with pytest.raises(
        striate.StriateError, match=r"net\.\w+ was not kept: .* the network.*; they part at layer "
    ) as no:
        exported(network_of("resnet20", 32), f"net{ending}")
    assert str(no.value).endswith("'layer2.0.conv2'")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["what was there before"]


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [("net.onnx", "onnxruntime", "onnx"), ("net.onnx", "onnxscript", "onnx"), ("net.xml", "openvino", "openvino")],
)
def test_a_package_that_is_missing_is_said_before_anything_is_done(exported, monkeypatch, name, package, extra):
    monkeypatch.setattr(extras, "installed", lambda asked: asked != package)
    with pytest.raises(striate.StriateError) as refused:
        exported(of(nn.ReLU()), name)
    said = f"files need the package {package}, which is not installed; install it with: pip install 'striate[{extra}]'"
    assert str(refused.value).endswith(said)
