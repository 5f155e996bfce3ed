"""One contract over the whole zoo, part two: gradients, heads, modes, and weights through a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from striate.core.errors import StriateError
from striate.models import Network, create_model, list_models
from striate.models.weights import fill

SMALL_PARAMETERS = 12_000_000  # networks up to this size also run with real numbers here
Build = Callable[..., Network]
Draw = Callable[..., Tensor]
torch.set_num_threads(1)


@pytest.fixture(params=list_models())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_parameter_gets_a_gradient(name: str, on_meta: Build, pictures: Draw) -> None:
    model = on_meta(name, 7, 1)
    outputs = model.train().training_logits(pictures(model))
    model.eval()
    assert outputs[0][0] == 1.0
    assert all(logits.shape == (2, 7) for _, logits in outputs)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    gradients = torch.autograd.grad(
        sum(weight * logits.sum() for weight, logits in outputs), list(trained.values()), allow_unused=True
    )
    assert [n for n, gradient in zip(trained, gradients, strict=True) if gradient is None] == []


def test_head_reset(name: str, pictures: Draw) -> None:
    with torch.device("meta"):
        model = create_model(name, classes=2)
    heads = (model.classifier_name, *model.auxiliary_classifiers)
    before = {n: p for n, p in model.named_parameters() if not n.startswith(heads)}
    model.reset_classifier(3)
    after = dict(model.named_parameters())
    assert all(after[n] is before[n] for n in before)
    assert all(p.is_meta for p in after.values())
    assert all(logits.shape == (2, 3) for _, logits in model.training_logits(pictures(model)))
    with pytest.raises(StriateError, match=f"{name}: classes must be at least 1, got 0"):
        model.reset_classifier(0)


def test_state_dict_names_every_tensor_once(name: str, on_meta: Build) -> None:
    """Buffers, too: a network built on meta and filled from a file must not keep an empty one."""
    model = on_meta(name)
    state = model.state_dict(keep_vars=True)
    assert len({id(tensor) for tensor in state.values()}) == len(state)
    assert all(tensor.is_contiguous() for tensor in state.values())
    assert {n for n, _ in (*model.named_parameters(), *model.named_buffers())} == set(state)
    fill(model, dict(state), source="itself")


def test_with_real_numbers(name: str, tmp_path: Path, parameters_of: Callable[[str], int], pictures: Draw) -> None:
    """Train and eval mode, finite gradients, and a round trip through a safetensors file."""
    if parameters_of(name) > SMALL_PARAMETERS:
        pytest.skip("large: its family's smallest member runs")
    torch.manual_seed(1)
    model = create_model(name, classes=5)
    images = pictures(model, count=4, device="cpu")
    loss = sum(weight * logits.square().mean() for weight, logits in model.train().training_logits(images))
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    with torch.no_grad():
        model.eval()
        outputs = model(images)
        assert torch.isfinite(outputs).all()
        assert torch.equal(outputs, model(images))
        torch.testing.assert_close(outputs[:1], model(images[:1]), rtol=1e-4, atol=1e-5)
    save_file(model.state_dict(), tmp_path / "weights.safetensors")
    again = create_model(name, classes=5, weights=tmp_path / "weights.safetensors").eval()
    with torch.no_grad():
        assert torch.equal(outputs, again(images))
