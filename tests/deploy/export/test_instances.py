"""Mask R-CNN in files: its masks are the network's, whatever the format; a file whose masks are others is not kept."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import striate
from striate.core.records import Feature, Preprocess
from striate.deploy.bundle import Bundle
from striate.deploy.engines import Engine, open_engine
from striate.deploy.export import exporting
from striate.deploy.export.ends import answering
from striate.deploy.export.exported_file import ExportedFile
from striate.deploy.export.exporting import Audience, Trials, Wanted
from striate.deploy.export.pictures import drawn
from striate.deploy.export.traced import Traced, of_its_size, traced
from striate.models.detection.faster_rcnn import AlignPyramid
from striate.models.detection.proposals import Kept, RegionProposals
from striate.models.detection.pyramid import PyramidBackbone, Subsampled
from striate.models.instances import Instances, MaskRCNN
from striate.models.network import Network

WIDTH, SIZE = 8, (48, 64)


class TwoStages(Network):
    """Two convolutions, of strides 4 and 8."""

    features_info = Feature("fine", WIDTH, 4), Feature("coarse", WIDTH, 8)

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(3, WIDTH, 4, stride=4), nn.Conv2d(WIDTH, WIDTH, 2, stride=2)


def small_mask_rcnn() -> MaskRCNN:
    """Of two classes; it finds nothing in a picture of zeros, and much in others."""
    torch.manual_seed(0)
    backbone = PyramidBackbone(TwoStages(), TwoStages.features_info, WIDTH, Subsampled())
    rpn = RegionProposals(WIDTH, [(8,), (16,), (32,)], Kept(60, 30), Kept(60, 30))
    network = MaskRCNN(backbone, AlignPyramid((4, 8)), rpn, units=16, depth=1, classes=2)
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
        if name.endswith(("cls_score", "mask_fcn_logits", "rpn.head.bbox_pred")):
            nn.init.normal_(layer.weight, std=2.0)
    with torch.no_grad():
        network.roi_heads["box_predictor"].cls_score.bias[0] = 4.0
    network.preprocess = Preprocess(SIZE, SIZE, fit="stretch")
    return network.eval()


@pytest.fixture(scope="module")
def network() -> MaskRCNN:
    return small_mask_rcnn()


@pytest.fixture(scope="module")
def of_one_size(network: MaskRCNN) -> Traced:
    """Tracing takes most of the time, and four times as long where any size is meant."""
    return of_its_size(answering(network, network.preprocess, with_preprocessing=False), network.preprocess, "small")


@pytest.fixture(scope="module")
def of_any_size(network: MaskRCNN) -> Traced:
    return traced(answering(network, network.preprocess, with_preprocessing=False), network.preprocess, "small")


def exported(network: MaskRCNN, operators: Traced, path: Path) -> ExportedFile:
    bundle = Bundle(network, network.preprocess, ("ant", "bee"), {}, task="instances")
    pictures = drawn(network.preprocess)
    trials = Trials(replace(pictures, given=pictures.given[:3]))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(exporting, "traced", lambda *_: operators)
        return exporting.export(bundle, Wanted.of(path, None, ""), trials, Audience())


def require_equal_masks(network: MaskRCNN, engine: Engine, count: int, size: tuple[int, int]) -> None:
    """Of drawn pictures, the first of which, if they are several, shows nothing that would be found."""
    images = torch.randn(count, 3, *size, generator=torch.Generator().manual_seed(1))
    images[0] *= count == 1
    with torch.inference_mode():
        expected = Instances.of(network(images))
    answered = Instances.of(torch.from_numpy(engine(images.numpy())))
    there = (expected.objects[..., 4] > 0).sum(1).tolist()
    assert there[-1] > 5 and (count == 1 or there[0] == 0)
    torch.testing.assert_close(answered.objects, expected.objects, rtol=0, atol=1e-4)
    torch.testing.assert_close(answered.masks, expected.masks, rtol=0, atol=1e-3)
    assert expected.masks[-1, : there[-1]].std() > 0.05
    assert not answered.masks[-1, there[-1] :].any()


def test_masks_are_the_networks(network: MaskRCNN, of_one_size: Traced, tmp_path: Path) -> None:
    found = exported(network, of_one_size, tmp_path / "net.pt2")
    assert found.record.proof is not None
    assert found.record.proof.largest_difference < 1e-3
    engine = open_engine(found.path)
    require_equal_masks(network, engine, 1, SIZE)
    require_equal_masks(network, engine, 4, SIZE)


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".onnx", ".xml", ".pt2"])
def test_and_in_pictures_of_any_size(network: MaskRCNN, of_any_size: Traced, tmp_path: Path, ending: str) -> None:
    found = exported(network, of_any_size, tmp_path / f"net{ending}")
    assert found.any_size
    engine = open_engine(found.path)
    for count, size in ((1, SIZE), (4, SIZE), (4, (80, 56))):
        require_equal_masks(network, engine, count, size)


def test_a_file_whose_masks_are_others_is_not_kept(
    network: MaskRCNN, of_one_size: Traced, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mirrored in every second column, in what is written only: boxes and scores stay those of the network."""
    (name,) = (name for name in of_one_size.program.state_dict if name.endswith("conv5_mask.weight"))
    pt2 = exporting.FORMATS["pt2"]

    def faulty(*asked: Any) -> Any:
        program = copy.copy(pt2.made(*asked))
        mirrored = nn.Parameter(program.state_dict[name].flip(3), requires_grad=False)
        monkeypatch.setattr(program, "_state_dict", program.state_dict | {name: mirrored})
        return program

    monkeypatch.setitem(exporting.FORMATS, "pt2", replace(pt2, made=faulty))
    with pytest.raises(striate.StriateError, match=r"net\.pt2 was not kept: its numbers are up to 0\.\d+ away"):
        exported(network, of_one_size, tmp_path / "net.pt2")
    assert not list(tmp_path.iterdir())
