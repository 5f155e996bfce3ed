"""Libraries of others that networks and weights are tried on, where they are installed; they are no dependencies."""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from unittest.mock import MagicMock, patch

import pytest
import torch
from torch import Tensor

OPERATORS: list[torch.library.Library] = []  # a library's operators last as long as the object


def torchvision_module(name: str) -> ModuleType:
    """A module of torchvision, also beside a torch that its wheel was not built for."""
    if importlib.util.find_spec("torchvision") is None:
        pytest.skip("torchvision is not installed: pip install --no-deps torchvision==0.28.0")
    try:
        return importlib.import_module(name)
    except RuntimeError:  # its compiled part does not fit this torch; the models need none of it
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        OPERATORS.append(library)
        for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[module]
        return importlib.import_module(name)


def torchvision_detectors() -> ModuleType:
    """torchvision's detectors, with suppression and RoIAlign in plain steps where their compiled forms are missing."""
    detectors = torchvision_module("torchvision.models.detection")
    boxes = importlib.import_module("torchvision.ops.boxes")
    if not importlib.import_module("torchvision.extension")._has_ops():
        setattr(boxes, "nms", plain_nms)  # noqa: B010 - where its own functions look it up
        align = importlib.import_module("torchvision.ops.roi_align")
        definition = getattr(align._roi_align, "__wrapped__", align._roi_align)
        setattr(align, "_roi_align", definition)  # noqa: B010 - and no compiler is asked
        setattr(align, "_bilinear_interpolate", zero_beyond(align._bilinear_interpolate))  # noqa: B010
    return detectors


def zero_beyond(interpolate: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """torchvision's definition of RoIAlign in Python takes the edge for places beyond the maps; its operator takes 0.

    Source: torchvision, csrc/ops/cpu/roi_align_common.h, `pre_calc_for_bilinear_interpolate`. It matters to boxes at
    the right and lower edge that are thinner than a place of the map, which regions are made as wide as.
    """
    if getattr(interpolate, "is_zero_beyond", False):
        return interpolate

    def of_operator(maps: Tensor, numbers: Tensor, y: Tensor, x: Tensor, *masks: Tensor | None) -> Tensor:
        values = interpolate(maps, numbers, y, x, *masks)  # K, C, PH, PW, IY, IX
        rows, columns = ((at >= -1) & (at <= side) for at, side in zip((y, x), maps.shape[2:], strict=True))
        inside: Tensor = values * rows[:, None, :, None, :, None] * columns[:, None, None, :, None, :]
        return inside

    setattr(of_operator, "is_zero_beyond", True)  # noqa: B010
    return of_operator


def plain_nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Places of the boxes that are kept, best first: each that no better one of them overlaps by more."""
    iou = importlib.import_module("torchvision.ops.boxes").box_iou(boxes, boxes)
    kept: list[int] = []
    for place in scores.argsort(descending=True, stable=True).tolist():
        if not kept or iou[place, kept].max() <= iou_threshold:
            kept.append(place)
    return torch.tensor(kept, dtype=torch.int64)


def timm_module() -> ModuleType:
    """timm, which needs torchvision to be imported."""
    if importlib.util.find_spec("timm") is None:
        pytest.skip("timm is not installed: pip install --no-deps timm==1.0.31")
    torchvision_module("torchvision.models")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("timm")


def captum_module() -> ModuleType:
    """captum.attr; what it draws with and tells progress by is not installed, and stands empty."""
    if importlib.util.find_spec("captum") is None:
        pytest.skip("captum is not installed: pip install --no-deps captum==0.9.0")
    drawing = ["", ".axes", ".collections", ".colors", ".figure", ".image"]
    names = [*(f"matplotlib{part}" for part in drawing), "mpl_toolkits", "mpl_toolkits.axes_grid1", "tqdm", "tqdm.auto"]
    absent = {name: MagicMock() for name in names if name.partition(".")[0] not in sys.modules}
    with patch.dict(sys.modules, absent), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("captum.attr")


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


def drawn_for_regions(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same for detectors in two stages on a pyramid, so that scores and boxes are as if learned."""
    tensors = drawn(state)
    for name, tensor in tensors.items():
        if "layer_blocks" in name and name.endswith("weight"):
            tensor /= 30_000  # of what the stages make of the signal
        elif name.endswith("bbox_pred.weight"):
            tensor *= 0.3
    return tensors
