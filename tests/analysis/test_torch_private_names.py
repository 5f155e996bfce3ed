"""A canary: the private names of torch that a trace leans on. Where one has moved, this says which."""

from __future__ import annotations

import importlib

import pytest
import torch
from torch import nn

PRIVATE = [
    ("torch._C._functorch", "is_batchedtensor"),
    ("torch._ops", "OpOverload"),
    ("torch._subclasses.fake_tensor", "FakeTensorMode"),
    ("torch.utils._python_dispatch", "TorchDispatchMode"),
    ("torch.utils._python_dispatch", "_disable_current_modes"),
]


@pytest.mark.parametrize(("module", "name"), PRIVATE)
def test_the_name_is_there(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name), f"torch {torch.__version__} has no {module}.{name}"


def test_members_are_there() -> None:
    operator = torch.ops.aten.add.Tensor
    members = [
        (torch.empty(1).untyped_storage(), "_cdata"),
        (operator, "_overloadpacket"),
        (operator, "is_view"),
        (torch.utils._python_dispatch.TorchDispatchMode, "_should_skip_dynamo"),
        (nn.LSTM(1, 1), "_flat_weights"),
        (torch.ops.aten, "_safe_softmax"),
        (torch.ops.aten, "mkldnn_rnn_layer"),
        (torch.compile(nn.Linear(1, 1), backend="eager"), "_orig_mod"),
    ]
    missing = [f"{owner!r}.{name}" for owner, name in members if not hasattr(owner, name)]
    assert missing == [], f"torch {torch.__version__} has lost {missing}"


def test_a_storage_has_one_identity() -> None:
    tensor = torch.empty(4)
    assert tensor.untyped_storage()._cdata == tensor[1:].untyped_storage()._cdata
    assert tensor.untyped_storage()._cdata != torch.empty(4).untyped_storage()._cdata
