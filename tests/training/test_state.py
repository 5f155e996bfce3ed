from __future__ import annotations

import errno
import os

import pytest
import torch

from striate.core.errors import StriateError
from striate.models import create_model
from striate.training.optimizer import make_optimizer
from striate.training.recipe import Recipe
from striate.training.state import Counters, load_state, save_state


def trained(name="resnet20", optimizer_name="sgd", steps=3, channels_last=True):
    torch.manual_seed(0)
    network = create_model(name, classes=3)
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(network, Recipe(model=name, optimizer=optimizer_name))
    for step in range(steps):
        one_step(network, optimizer, step)
    return network, optimizer


def roles(made):
    network, optimizer = made
    return {"network": network}, optimizer


def one_step(network, optimizer, step):
    generator = torch.Generator().manual_seed(step)
    images = torch.randn(4, 3, 32, 32, generator=generator).contiguous(memory_format=torch.channels_last)
    torch.nn.functional.cross_entropy(network(images), torch.tensor([0, 1, 2, 0])).backward()
    optimizer.step()
    optimizer.zero_grad()


def equal(first, second):
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("optimizer_name", ["sgd", "adamw"])
def test_going_on_from_a_state_is_going_on(tmp_path, optimizer_name):
    network, optimizer = trained(optimizer_name=optimizer_name)
    save_state(tmp_path, {"network": network}, optimizer, Counters(step=3, loss_sum=1.5, best_accuracy=0.25))
    fresh, fresh_optimizer = trained(optimizer_name=optimizer_name, steps=0)
    counters = load_state(tmp_path, {"network": fresh}, fresh_optimizer)
    assert counters == Counters(step=3, loss_sum=1.5, best_accuracy=0.25)
    for step in (3, 4):
        one_step(network, optimizer, step)
        one_step(fresh, fresh_optimizer, step)
    assert equal(network, fresh)


def test_two_states_are_kept(tmp_path):
    network, optimizer = trained(steps=1)
    for step in (1, 2, 3):
        save_state(tmp_path, {"network": network}, optimizer, Counters(step=step))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000003"]


@pytest.mark.parametrize("damage", ["truncated", "bit flip", "missing", "counters"])
def test_a_damaged_state_is_passed_over(tmp_path, damage):
    network, optimizer = trained(steps=1)
    for step in (1, 2):
        save_state(tmp_path, {"network": network}, optimizer, Counters(step=step))
    file = tmp_path / "step-00000002" / "tensors.safetensors"
    content = bytearray(file.read_bytes())
    if damage == "truncated":
        file.write_bytes(content[:-100])
    elif damage == "bit flip":
        content[-5] ^= 1
        file.write_bytes(content)
    elif damage == "missing":
        file.unlink()
    else:
        (tmp_path / "step-00000002" / "counters.json").write_text("{}")
    assert load_state(tmp_path, {"network": network}, optimizer).step == 1


def test_all_states_damaged_is_an_error(tmp_path):
    network, optimizer = trained(steps=1)
    save_state(tmp_path, {"network": network}, optimizer, Counters(step=1))
    (tmp_path / "step-00000001" / "tensors.safetensors").write_bytes(b"")
    with pytest.raises(StriateError, match="every state in .* is damaged; start a new run"):
        load_state(tmp_path, {"network": network}, optimizer)


def test_no_state_yet_is_none(tmp_path):
    assert load_state(tmp_path / "state", *roles(trained(steps=0))) is None


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    network, optimizer = trained(steps=1)
    save_state(tmp_path, {"network": network}, optimizer, Counters(step=1))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StriateError, match="no space left on the disk while writing .*step-00000002"):
        save_state(tmp_path, {"network": network}, optimizer, Counters(step=2))
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
    assert load_state(tmp_path, {"network": network}, optimizer).step == 1


def test_equal_states_are_equal_files(tmp_path):
    for name in ("a", "b"):
        save_state(tmp_path / name, *roles(trained()), Counters(step=3))
    first, second = ((tmp_path / n / "step-00000003" / "tensors.safetensors").read_bytes() for n in ("a", "b"))
    assert first == second
