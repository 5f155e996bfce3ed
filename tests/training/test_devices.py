"""The training step wherever it runs: on this processor, on a GPU where there is one, and on devices that only pretend.

A tensor on `meta` has a shape and a device and no content, so a step that mixes devices fails on it as on a GPU.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import factories
import striate
from factories import gradients_of, network_of, waves
from striate.core.errors import Interrupted, StriateError
from striate.data.augment import Augmentation
from striate.data.batches import Batch, batches_of, step_generator
from striate.runtime import runtime as runtime_module
from striate.runtime.runtime import Runtime, default_runtime, device_named, fast_half
from striate.tasks.classification import evaluate, predict_logits
from striate.tasks.task import NETWORK
from striate.training import clock, prepared, variation
from striate.training.folder.layout import read_metrics
from striate.training.folder.state import Counters, load_state, save_state
from striate.training.job import Job
from striate.training.monitor.health import UpdateStatsHook
from striate.training.optim.optimizer import optimizers_of
from striate.training.step import train_step, update

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
DEVICES = ["cpu", pytest.param("cuda", marks=CUDA)]
EVERYTHING = {
    "flip": True, "crop_padding_px": 2, "min_area": 0.5, "max_aspect": 1.3, "rotate_degrees": 10.0,
    "lighting_std": 0.1, "jitter": 0.3, "erase": 0.5,
}  # fmt: skip
CUT = {"flip": True, "crop_padding_px": 2}


def job_of(name="resnet20", device="cpu", precision="fp32", side=32, **recipe) -> Job:
    """A network that is to learn 32 striped pictures of four classes by heart."""
    network, runtime = network_of(name, side), Runtime(device, precision, channels_last=True, threads=1)
    fields = {"epochs": 10, "peak_lr": 0.05, **recipe}
    job = factories.job_of(network, waves(32, side, network.in_channels), runtime, **fields)
    runtime.network(network).train()
    return job


def state(job: Job) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in job.network.state_dict().items()}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
def test_every_precision_learns_with_every_optimiser(device, precision, optimizer):
    rate = {"sgd": 0.05, "adamw": 0.003, "muon": 0.05}[optimizer]
    job = job_of(device=device, precision=precision, side=16, optimizer=optimizer, peak_lr=rate)
    maker = optimizers_of(job.task, job.network, job.recipe)
    batch = next(job.train.in_order())
    losses = [float(train_step(job, batch, maker, rate, step).losses["loss"]) for step in range(12)]
    assert min(losses[-3:]) < 0.6 * losses[0]
    assert all(torch.isfinite(tensor).all() for tensor in state(job).values())
    assert {parameter.dtype for parameter in job.network.parameters()} == {torch.float32}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("fields", [{}, CUT, EVERYTHING], ids=["plain", "cut", "everything"])
def test_pictures_are_varied_on_the_device_as_on_the_processor(device, fields):
    batch = next(job_of().train.in_order())
    jobs = [job_of(device=where, **fields) for where in ("cpu", device)]
    made = [job.variation.images(batch, 5)[0].cpu() for job in jobs]
    torch.testing.assert_close(made[1], made[0], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("fields", [{}, CUT, EVERYTHING, {**CUT, "flip_alternately": True}, {"start_px": 80}])
@pytest.mark.parametrize(("name", "side"), [("resnet20", 32), ("resnet20", 96), ("googlenet", 96)])
def test_no_part_of_a_step_strays_from_its_device(name, side, fields):
    job = job_of(name, "meta", side=side, **fields)
    batch = next(job.train.in_order())
    images, _ = job.variation.images(batch, 3)
    assert images.device.type == "meta" and images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)
    made = gradients_of(replace(job, runtime=replace(job.runtime, micro_batch=20)), batch, 3)
    assert made.losses["loss"].device.type == made.counted["accuracy"].device.type == "meta"
    assert all(p.grad.device.type == "meta" for p in job.network.parameters() if p.grad is not None)


def test_pinned_batches_are_copied_while_the_program_goes_on(monkeypatch):
    """Pinned in the thread that loads, channels last kept, and moved without waiting."""
    pinned: list[Tensor] = []

    def pin(tensor):
        pinned.append(tensor)
        return tensor

    monkeypatch.setattr(Tensor, "pin_memory", pin)
    batches = replace(job_of().train, pinned=True, workers=1, batch_size=8)
    plain = list(replace(batches, pinned=False).in_order())
    for number, batch in enumerate(batches.in_order()):
        assert torch.equal(batch.pictures, plain[number].pictures)
        labels = batch.targets.labels
        assert torch.equal(labels, plain[number].targets.labels)
        assert any(batch.pictures is tensor for tensor in pinned) and any(labels is tensor for tensor in pinned)
        assert batch.pictures.is_contiguous(memory_format=torch.channels_last)
    assert len(pinned) == 2 * len(plain)
    asked = []
    monkeypatch.setattr(Tensor, "to", lambda tensor, device, non_blocking: asked.append((device, non_blocking)))
    Runtime("cuda", "bf16", True, 1).move(plain[0].pictures)
    assert asked == [("cuda", True)]


@CUDA
def test_pinned_memory_is_pinned_and_keeps_its_layout():
    batch = next(replace(job_of().train, pinned=True).in_order())
    assert batch.pictures.is_pinned() and batch.targets.labels.is_pinned()
    assert batch.pictures.is_contiguous(memory_format=torch.channels_last)


def test_a_run_on_a_gpu_works_ahead_and_one_on_the_processor_does_not(tmp_path, monkeypatch):
    made = []

    def noted(*arguments, **settings):
        made.append({name: settings.get(name) for name in ("workers", "pinned")})
        if made[-1]["pinned"]:
            raise KeyboardInterrupt  # here is no GPU to go on with
        return batches_of(*arguments, **settings)

    monkeypatch.setattr(prepared, "batches_of", noted)
    fields = {"recipe": "digits_lenet5", "epochs": 1, "autotune": False}
    monkeypatch.setattr(runtime_module, "default_device", lambda: "cpu")
    striate.train("digits", "mlp", run=tmp_path / "cpu", **fields)
    assert made[:2] == [{"workers": None, "pinned": None}] * 2
    monkeypatch.setattr(runtime_module, "default_device", lambda: "cuda")
    monkeypatch.setattr(prepared, "available_bytes", lambda device: None)
    with pytest.raises(Interrupted):
        striate.train("digits", "mlp", run=tmp_path / "cuda", **fields)
    assert made[-1] == {"workers": 2, "pinned": True}


def test_the_precision_of_a_gpu_is_what_it_multiplies_natively(monkeypatch):
    def gpu(bf16: bool, capability: tuple[int, int]):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bf16)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)

    gpu(True, (9, 0))
    assert fast_half("cuda") == default_runtime("auto", 10**9, "cuda").precision == "bf16"
    gpu(False, (7, 5))  # Turing: tensor cores for fp16 alone
    assert fast_half("cuda") == default_runtime("auto", 10**9, "cuda").precision == "fp16"
    gpu(False, (6, 1))  # Pascal: none
    assert fast_half("cuda") is None and default_runtime("auto", 10**9, "cuda").precision == "fp32"
    assert default_runtime("auto", 1000, "cuda").precision == "fp32"  # too small to gain
    assert default_runtime("fp16", 1000, "cuda").precision == "fp16"
    assert fast_half("cpu") in ("bf16", None)  # a processor never takes fp16 by itself


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_only_fp16_scales_the_loss(precision):
    assert not Runtime("cpu", precision, True, 1).loss_scaler().is_enabled()
    assert Runtime("cpu", "fp16", True, 1).loss_scaler().is_enabled()


def test_scaled_gradients_are_seen_unscaled():
    """What the babysitter notes in fp16 is what it would note in fp32."""
    noted = []
    for precision in ("fp32", "fp16"):
        job = job_of(precision=precision, side=16)
        optimizer = optimizers_of(job.task, job.network, job.recipe)
        taker = UpdateStatsHook(job.network, optimizer[NETWORK], lambda: True)
        while taker.update_stats is None:  # the first scales are too large and their steps left out
            train_step(job, next(job.train.in_order()), optimizer, 0.01, 0)
        noted.append(taker.update_stats)
    assert noted[1].grad_norm == pytest.approx(noted[0].grad_norm, rel=0.05)
    assert noted[1].update_ratio == pytest.approx(noted[0].update_ratio, rel=0.05)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
def test_a_step_that_overflows_is_left_out_and_the_scale_halved(optimizer):
    job = job_of(precision="fp16", side=16, optimizer=optimizer)
    job = replace(job, scaler=torch.amp.GradScaler("cpu", init_scale=2.0**40))
    maker = optimizers_of(job.task, job.network, job.recipe)
    taker = UpdateStatsHook(job.network, maker[NETWORK], lambda: True)
    before = {name: p.detach().clone() for name, p in job.network.named_parameters()}
    made = train_step(job, next(job.train.in_order()), maker, 0.05, 0)
    assert math.isfinite(float(made.losses["loss"]))
    assert all(torch.equal(p, before[name]) for name, p in job.network.named_parameters())
    assert job.scaler.get_scale() == 2.0**39
    assert taker.update_stats is None  # there is nothing to tell of it
    assert all(p.grad is None for p in job.network.parameters())


def test_parts_of_a_batch_are_scaled_alike():
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0)  # small enough for the largest gradient
    whole, parts = (replace(job_of(precision="fp16", side=16), scaler=scaler) for _ in range(2))
    parts = replace(parts, runtime=replace(parts.runtime, micro_batch=8))
    for job in (whole, parts):
        for module in job.network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()  # parts have statistics of their own
        gradients_of(job, next(job.train.in_order()), 0)
    pairs = zip(whole.network.parameters(), parts.network.parameters(), strict=True)
    for one, other in pairs:
        scale = float(one.grad.abs().max()) + 1e-6
        assert float((one.grad - other.grad).abs().max()) < 0.02 * scale


def test_the_scale_is_part_of_the_state(tmp_path):
    job = job_of(precision="fp16", side=16)
    optimizer = optimizers_of(job.task, job.network, job.recipe)
    batch = next(job.train.in_order())
    for step in range(3):
        train_step(job, batch, optimizer, 0.01, step)
    counters = Counters(step=3, loss_scale=job.scaler.state_dict())
    assert counters.loss_scale["scale"] >= 1 and counters.loss_scale["_growth_tracker"] <= 3
    save_state(tmp_path, {"network": job.network}, optimizer, counters)
    again = job_of(precision="fp16", side=16)
    loaded = load_state(tmp_path, {"network": again.network}, optimizers_of(again.task, again.network, again.recipe))
    assert loaded == counters
    again.scaler.load_state_dict(loaded.loss_scale)
    assert again.scaler.state_dict() == job.scaler.state_dict()


def test_a_killed_fp16_run_resumes_to_equal_bytes(photos, tmp_path, monkeypatch, death_in_place_of):
    fields = {"epochs": 2, "batch_size": 8, "size_px": 16, "precision": "fp16", "threads": 1, "autotune": False}
    # A scale that grows and overflows within these few steps, so that forgetting it would show.
    eager = torch.amp.GradScaler
    monkeypatch.setattr(
        runtime_module.torch.amp, "GradScaler",
        lambda device, enabled: eager(device, init_scale=2.0**24, growth_interval=2, enabled=enabled),
    )  # fmt: skip
    whole = striate.train(photos, "resnet20", run=tmp_path / "whole", **fields).path
    monkeypatch.setattr(clock, "SAVE_EVERY_SECONDS", 0.0)
    with death_in_place_of("fitting_step", 5):
        striate.train(photos, "resnet20", run=tmp_path / "killed", **fields)
    (newest,) = sorted((tmp_path / "killed" / "state").glob("step-*"))[-1:]
    assert json.loads((newest / "counters.json").read_text())["loss_scale"]["scale"] != 2.0**24
    resumed = striate.resume(tmp_path / "killed").path
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    losses = [[line["train_loss"] for line in read_metrics(run)] for run in (whole, resumed)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_answers_in_16_bits_stay_close(device, precision):
    job = job_of(side=32)
    batch = next(job.train.in_order())
    optimizer = optimizers_of(job.task, job.network, job.recipe)
    for step in range(8):
        train_step(job, batch, optimizer, 0.02, step)
    job.network.eval()
    exact = predict_logits(job.network, batch.pictures, job.preprocess, job.runtime).detach()
    half = Runtime(device, precision, channels_last=True, threads=1)
    half.network(job.network)
    close = predict_logits(job.network, batch.pictures, job.preprocess, half)
    assert close.device.type == "cpu" and close.dtype == torch.float32
    torch.testing.assert_close(close, exact, rtol=0.05, atol=0.05 * float(exact.abs().max()))
    found = evaluate(job.network, [batch], job.preprocess, job.names, half)
    assert found.total == 32


@CUDA
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_the_state_of_a_gpu_goes_through_the_disk(tmp_path, precision):
    for optimizer in ("sgd", "adamw", "muon"):
        job = job_of(device="cuda", precision=precision, side=16, optimizer=optimizer)
        maker, batch = optimizers_of(job.task, job.network, job.recipe), next(job.train.in_order())
        train_step(job, batch, maker, 0.01, 0)
        save_state(tmp_path / optimizer, {"network": job.network}, maker, Counters(step=1))
        again = job_of(device="cuda", precision=precision, side=16, optimizer=optimizer)
        other = optimizers_of(again.task, again.network, again.recipe)
        load_state(tmp_path / optimizer, {"network": again.network}, other)
        for each, made in ((job, maker), (again, other)):
            train_step(each, batch, made, 0.01, 1)
        for one, two in zip(state(job).values(), state(again).values(), strict=True):
            torch.testing.assert_close(two, one, rtol=1e-2, atol=1e-3)


@CUDA
def test_a_whole_run_on_a_gpu(photos, tmp_path):
    run = striate.train(photos, "resnet20", run=tmp_path / "run", epochs=4, batch_size=8, size_px=32)
    machine = json.loads((run.path / "recipe.json").read_text())["machine"]
    assert machine["device"] == torch.cuda.get_device_name()
    assert run.metrics["val_top1"] > 0.5


def test_an_update_of_nothing_scaled_is_the_optimisers_own():
    """Without fp16 the scaler is not in the way: bit for bit the plain step."""
    plain, ours = job_of(side=16), job_of(side=16)
    batch = next(plain.train.in_order())
    optimizers = [optimizers_of(job.task, job.network, job.recipe) for job in (plain, ours)]
    for job in (plain, ours):
        gradients_of(job, batch, 0)
    for group in optimizers[0][NETWORK].param_groups:
        group["lr"] = 0.05
    optimizers[0][NETWORK].step()
    update(ours, optimizers[1][NETWORK], 0.05)
    assert all(torch.equal(a, b) for a, b in zip(state(plain).values(), state(ours).values(), strict=True))


def test_augmentation_draws_on_the_processor_for_every_device(monkeypatch):
    """The same random numbers wherever the pictures are, so runs differ by rounding alone."""
    job = job_of(device="meta", **EVERYTHING)
    batch: Batch = next(job.train.in_order())
    generators = step_generator(0, 1), step_generator(0, 1)
    for generator, some_job in zip(generators, (job, job_of(**EVERYTHING)), strict=True):
        monkeypatch.setattr(variation, "step_generator", lambda seed, step, drawn=generator: drawn)
        some_job.variation.images(batch, 1)
    assert torch.equal(generators[0].get_state(), generators[1].get_state())
    assert Augmentation(**EVERYTHING).resamples


@pytest.fixture
def gpus(monkeypatch):
    """A function that says how many GPUs torch sees."""

    def count(number: int) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: number > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: number)

    return count


def test_a_device_is_there_or_those_that_are_there_are_named(gpus):
    gpus(0)
    assert (device_named("auto"), device_named("cpu")) == ("cpu", "cpu")
    with pytest.raises(StriateError, match="^there is no device 'cuda' here; there are auto, cpu$"):
        device_named("cuda")
    gpus(2)
    assert [device_named(name) for name in ("auto", "cuda", "cuda:1")] == ["cuda", "cuda", "cuda:1"]
    assert Runtime("cuda:1", "fp32", True, 1).on_gpu and not Runtime("cpu", "fp32", True, 1).on_gpu
    for name in ("cuda:2", "mps", ""):
        with pytest.raises(StriateError, match=f"no device '{name}' here; there are auto, cpu, cuda, cuda:0, cuda:1$"):
            device_named(name)


LENET = {"recipe": "digits_lenet5", "epochs": 1, "autotune": False}


def test_a_run_keeps_to_the_device_that_was_asked_for(tmp_path, gpus, death_in_place_of):
    gpus(0)
    with pytest.raises(StriateError, match="there is no device 'cuda:1' here; there are auto, cpu$"):
        striate.train("digits", run=tmp_path / "none", device="cuda:1", **LENET)
    assert not (tmp_path / "none").exists()
    with death_in_place_of("save"):
        striate.train("digits", run=tmp_path / "run", device=torch.device("cpu"), **LENET)
    record = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert record["options"]["device"] == record["machine"]["device"] == "cpu"
    assert " --device cpu " in record["command"]
    with pytest.raises(StriateError, match="was begun with device cpu, not cuda; leave that out to go on with it"):
        striate.resume(tmp_path / "run", device="cuda")
    assert striate.resume(tmp_path / "run", device="cpu").metrics["test_pictures"] == 359


def test_a_run_of_a_gpu_goes_on_there_only(tmp_path, gpus, death_in_place_of):
    gpus(0)
    with death_in_place_of("save"):
        striate.train("digits", run=tmp_path / "run", **LENET)
    record = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert " --device" not in record["command"]
    for asked, device in (("auto", "cuda"), ("cuda:3", "cuda:3")):
        record["machine"]["device"], record["options"]["device"] = "NVIDIA H100", asked
        (tmp_path / "run" / "recipe.json").write_text(json.dumps(record))
        message = (
            rf"run was begun on NVIDIA H100 \({device}\) and goes on there only: there is no device '{device}' here; "
            "there are auto, cpu$"
        )
        with pytest.raises(StriateError, match=message):
            striate.resume(tmp_path / "run")


def test_weights_are_used_on_the_device_that_is_named(tmp_path, gpus):
    from typer.testing import CliRunner

    from striate.cli.app import app

    gpus(0)
    run = striate.train("digits", run=tmp_path / "run", **LENET)
    assert striate.load(run, device="cpu").runtime.device == "cpu"
    for words in (["evaluate", str(run.path), "digits"], ["predict", str(run.path), str(tmp_path)]):
        answer = CliRunner().invoke(app, [*words, "--device", "cuda"])
        assert answer.exception.in_flags == "there is no device 'cuda' here; there are auto, cpu"
    assert CliRunner().invoke(app, ["evaluate", str(run.path), "digits", "--device", "cpu"]).exit_code == 0


@CUDA
def test_a_gpu_by_its_number_trains_and_resumes(tmp_path, monkeypatch, death_in_place_of):
    whole = striate.train("digits", run=tmp_path / "whole", device="cuda:0", **LENET)
    assert whole.recipe["machine"]["device"] == torch.cuda.get_device_name(0)
    monkeypatch.setattr(clock, "SAVE_EVERY_SECONDS", 0.0)
    with death_in_place_of("fitting_step", 9):
        striate.train("digits", run=tmp_path / "run", device="cuda:0", **LENET)
    assert striate.resume(tmp_path / "run").metrics["val_top1"] == whole.metrics["val_top1"]
