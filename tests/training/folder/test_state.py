from __future__ import annotations

import errno
import hashlib
import json
import os

import pytest
import torch
from safetensors.torch import load, save

from striate.core.errors import StriateError
from striate.models import create_model
from striate.tasks.task import NETWORK
from striate.training.folder.state import Counters, load_state, save_state
from striate.training.optim.optimizer import make_optimizer
from striate.training.recipe import Recipe
from striate.training.usual_rates import OPTIMIZERS


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
    return {"network": network}, {NETWORK: optimizer}


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


@pytest.mark.parametrize("optimizer_name", OPTIMIZERS)
def test_going_on_from_a_state_is_going_on(tmp_path, optimizer_name):
    network, optimizer = trained(optimizer_name=optimizer_name)
    save_state(
        tmp_path,
        {"network": network},
        {NETWORK: optimizer},
        Counters(step=3, loss_sum=1.5, sums={"accuracy": 7}, best={"accuracy": 0.25}),
    )
    fresh, fresh_optimizer = trained(optimizer_name=optimizer_name, steps=0)
    counters = load_state(tmp_path, {"network": fresh}, {NETWORK: fresh_optimizer})
    assert counters == Counters(step=3, loss_sum=1.5, sums={"accuracy": 7}, best={"accuracy": 0.25})
    for step in (3, 4):
        one_step(network, optimizer, step)
        one_step(fresh, fresh_optimizer, step)
    assert equal(network, fresh)


def test_two_states_are_kept(tmp_path):
    network, optimizer = trained(steps=1)
    for step in (1, 2, 3):
        save_state(tmp_path, {"network": network}, {NETWORK: optimizer}, Counters(step=step))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000003"]


DAMAGES = {
    "truncated": "its content does not match its SHA-256",
    "bit flip": "its content does not match its SHA-256",
    "missing": "tensors.safetensors is missing",
    "no counters": "its content does not match its SHA-256",
    "empty counters": "Expecting value",
    "a list": "it must be a record, got []",
    "negative step": "step must be a whole number between 0 and 1,000,000,000,000, got -1",
    "other step": "step is 7, which is not that of its folder",
    "text": 'seen must be a whole number between 0 and 1,000,000,000,000, got "many"',
    "loss scale": "loss_scale must have _growth_tracker, ",
    "nested": "it is nested beyond reason",
    "other network": "network.classifier.weight",
    "fewer tensors": "network.conv1.weight is missing",
    "no tensors": "damaged",
    "pipe": "is a pipe, not a file",
}


def rewrite(state, counters=None, content=None):
    """Other counters or tensors, the hash right."""
    record = json.loads((state / "counters.json").read_text())
    if content is not None:
        (state / "tensors.safetensors").write_bytes(content)
        record["sha256"] = hashlib.sha256(content).hexdigest()
    (state / "counters.json").write_text(json.dumps({**record, **(counters or {})}))


def damaged(state, damage):
    tensors, counters = state / "tensors.safetensors", state / "counters.json"
    content = tensors.read_bytes()
    texts = {"no counters": "{}", "empty counters": "", "a list": "[]", "nested": '{"of": ' + "[" * 100_000}
    values = {"negative step": {"step": -1}, "other step": {"step": 7}, "text": {"seen": "many"}}
    values["loss scale"] = {"loss_scale": {"scale": 2.0}}
    if damage == "truncated":
        tensors.write_bytes(content[:-100])
    elif damage == "bit flip":
        tensors.write_bytes(content[:-5] + bytes([content[-5] ^ 1]) + content[-4:])
    elif damage == "missing":
        tensors.unlink()
    elif damage in texts:
        counters.write_text(texts[damage])
    elif damage in values:
        rewrite(state, values[damage])
    elif damage == "other network":
        rewrite(state, content=save({**load(content), "network.classifier.weight": torch.zeros(9, 64)}))
    elif damage == "fewer tensors":
        rewrite(state, content=save({n: t for n, t in load(content).items() if n != "network.conv1.weight"}))
    elif damage == "no tensors":
        rewrite(state, content=b"0123456789")
    else:
        counters.unlink()
        os.mkfifo(counters)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_is_passed_over_and_that_is_said(tmp_path, damage):
    network, optimizer = trained(steps=1)
    for step in (1, 2):
        save_state(tmp_path, {"network": network}, {NETWORK: optimizer}, Counters(step=step))
    damaged(tmp_path / "step-00000002", damage)
    before, said = [tensor.clone() for tensor in network.state_dict().values()], []
    assert load_state(tmp_path, {"network": network}, {NETWORK: optimizer}, said.append).step == 1
    assert len(said) == 1
    assert said[0].startswith(f"warning: {tmp_path}/step-00000002/") and DAMAGES[damage] in said[0], said
    assert said[0].endswith("; it is passed over for an older state")
    assert all(map(torch.equal, before, network.state_dict().values()))


def test_counters_of_older_runs_are_read(tmp_path):
    """As they were written before there were tasks or a loss scale: by other names, infinite before any validation."""
    network, optimizer = trained(steps=1)
    save_state(tmp_path, {"network": network}, {NETWORK: optimizer}, Counters(step=1))
    file = tmp_path / "step-00000001" / "counters.json"
    record = json.loads(file.read_text())
    for name in ("loss_scale", "micro_batch", "sums", "best"):
        del record[name]
    older = {"right": 5, "best_accuracy": -1.0, "best_loss": float("inf"), "first_loss": float("nan")}
    file.write_text(json.dumps({**record, **older, "of_a_later_version": 1}))
    counters = load_state(tmp_path, {"network": network}, {NETWORK: optimizer})
    assert (counters.sums, counters.best) == ({"accuracy": 5}, {})
    file.write_text(json.dumps({**record, **older, "best_accuracy": 0.5, "best_loss": 1.25}))
    counters = load_state(tmp_path, {"network": network}, {NETWORK: optimizer})
    assert counters.best == {"accuracy": 0.5, "loss": 1.25}


def test_all_states_damaged_is_an_error(tmp_path):
    network, optimizer = trained(steps=1)
    save_state(tmp_path, {"network": network}, {NETWORK: optimizer}, Counters(step=1))
    (tmp_path / "step-00000001" / "tensors.safetensors").write_bytes(b"")
    with pytest.raises(StriateError, match="every state in .* is damaged; start a new run"):
        load_state(tmp_path, {"network": network}, {NETWORK: optimizer})


def test_no_state_yet_is_none(tmp_path):
    assert load_state(tmp_path / "state", *roles(trained(steps=0))) is None


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    network, optimizer = trained(steps=1)
    save_state(tmp_path, {"network": network}, {NETWORK: optimizer}, Counters(step=1))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StriateError, match="no space left on the disk while writing .*step-00000002"):
        save_state(tmp_path, {"network": network}, {NETWORK: optimizer}, Counters(step=2))
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
    assert load_state(tmp_path, {"network": network}, {NETWORK: optimizer}).step == 1


def test_equal_states_are_equal_files(tmp_path):
    for name in ("a", "b"):
        save_state(tmp_path / name, *roles(trained()), Counters(step=3))
    first, second = ((tmp_path / n / "step-00000003" / "tensors.safetensors").read_bytes() for n in ("a", "b"))
    assert first == second
