"""What autotune measures, keeps and chooses, with injected times and a clock of our own; what it must leave alone."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import factories
import striate
import striate.training.speed.autotune as tuning
from striate.cli.app import app
from striate.cli.training import runtime_options
from striate.core.errors import StriateError
from striate.core.reading import decoded
from striate.data.cache import cache_root
from striate.kernels.compile import Kernels
from striate.models import create_model
from striate.runtime.machine import describe_machine, processor_name
from striate.runtime.runtime import Runtime, describe
from striate.training.folder.begun import Machine
from striate.training.job import Job
from striate.training.plan import Plan, read_plan
from striate.training.prepared import runtime_rule
from striate.training.recipe import Recipe
from striate.training.reopen import same_runtime
from striate.training.speed.autotune import BUDGET_SECONDS, CLEARLY_FASTER, Tuned, autotune
from striate.training.speed.compiling import Compiling
from striate.training.speed.options import RuntimeOptions

THREADS = 4  # that torch is made to say it has
RULE = Runtime("cpu", "bf16", channels_last=True, threads=THREADS)
PLAIN = Runtime("cpu", "fp32", channels_last=False, threads=THREADS)


def job_of(name: str = "lenet5", rule: Runtime = RULE, epochs: int = 1000, **recipe) -> Job:
    """Ten pictures: 10,000 to train on in 1,000 epochs."""
    return factories.job_of(name, runtime=rule, epochs=epochs, **{"batch_size": 10, **recipe})


class Stage:
    """Made-up times: `seconds` says what a picture takes in some settings, `cost_s` is what measuring it takes."""

    def __init__(self) -> None:
        self.now = 0.0
        self.measured: list[Runtime] = []
        self.seconds = lambda runtime: 0.1
        self.cost_s = 0.5

    def measure(self, job, runtime, batch, limit_s):
        self.measured.append(runtime)
        self.now += self.cost_s
        seconds = self.seconds(runtime)
        if isinstance(seconds, Exception):
            raise seconds
        return seconds


@pytest.fixture
def stage(monkeypatch):
    stage = Stage()
    monkeypatch.setattr(tuning, "_seconds", stage.measure)
    monkeypatch.setattr(tuning, "time", SimpleNamespace(perf_counter=lambda: stage.now))
    monkeypatch.setattr(tuning, "fast_half", lambda device: "bf16")
    monkeypatch.setattr(tuning, "compiler_is_there", lambda device: False)
    monkeypatch.setattr(tuning, "waited_seconds", lambda: 0.0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: THREADS)
    return stage


def all_settings() -> list[Runtime]:
    """All that could be measured of a network without batch norm."""
    return [
        Runtime("cpu", precision, layout, threads)
        for precision in ("fp32", "bf16")
        for layout in (True, False)
        for threads in (THREADS, THREADS // 2, 1)
    ]


@pytest.mark.parametrize("best", all_settings()[:1] + all_settings()[3:10:3])
def test_the_fastest_precision_and_layout_is_chosen_from_all_four(stage, best):
    stage.seconds = lambda runtime: 0.05 if runtime == best else 0.1
    tuned = autotune(job_of(), RuntimeOptions())
    assert tuned.runtime == best
    assert {p for p in stage.measured if p.threads == THREADS} == {p for p in all_settings() if p.threads == THREADS}
    assert {p.threads for p in stage.measured if p.precision == best.precision} == {4, 2, 1}


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_are_tried_in_the_best_layout(stage, threads):
    stage.seconds = lambda runtime: 0.05 if runtime.threads == threads else 0.1
    assert autotune(job_of(), RuntimeOptions()).runtime == replace(RULE, threads=threads)


@given(st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_choice_is_never_slower_than_plain_settings(chance: random.Random):
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage()
        times = {runtime: chance.uniform(0.05, 0.2) for runtime in all_settings()}
        stage.seconds = times.__getitem__
        patch.setattr(tuning, "_seconds", stage.measure)
        patch.setattr(tuning, "time", SimpleNamespace(perf_counter=lambda: stage.now))
        patch.setattr(tuning, "fast_half", lambda device: "bf16")
        patch.setattr(tuning, "compiler_is_there", lambda device: False)
        patch.setattr(tuning, "read_seconds", lambda key: {})
        patch.setattr(torch, "get_num_threads", lambda: THREADS)
        rule = chance.choice(all_settings())
        tuned = autotune(job_of(rule=rule), RuntimeOptions())
    assert PLAIN in tuned.seconds and rule in tuned.seconds
    assert tuned.seconds == {runtime: times[runtime] for runtime in stage.measured}
    # within what such measurements vary by, the rule's settings stay
    assert times[tuned.runtime] * CLEARLY_FASTER <= min(tuned.seconds.values())
    assert times[tuned.runtime] * CLEARLY_FASTER <= times[PLAIN]


@pytest.mark.parametrize(
    "options",
    [
        RuntimeOptions(precision="fp32"),
        RuntimeOptions(precision="bf16"),
        RuntimeOptions(precision="fp16"),
        RuntimeOptions(layout="contiguous"),
        RuntimeOptions(layout="channels-last"),
        RuntimeOptions(threads=3),
        RuntimeOptions(micro_batch=2),
        RuntimeOptions(precision="fp32", threads=1),
        RuntimeOptions(compile=False),
    ],
    ids=lambda options: " ".join(options.flags()),
)
def test_what_is_forced_is_kept_and_the_rest_measured(stage, options):
    times = random.Random(0)
    stage.seconds = lambda runtime: times.uniform(0.05, 0.2)
    tuned = autotune(job_of(rule=options.imposed_on(RULE)), options)
    assert len(stage.measured) > 2
    assert all(options.imposed_on(runtime) == runtime for runtime in [*stage.measured, tuned.runtime])


@pytest.mark.parametrize("options", [RuntimeOptions("fp32", "contiguous", threads=2), RuntimeOptions(compile=True)])
def test_where_all_is_forced_nothing_is_measured(stage, options):
    """Nor where the step is to be compiled: measuring would compile every candidate, for minutes."""
    rule = options.imposed_on(RULE)
    assert autotune(job_of(rule=rule), options) == Tuned(rule, {})
    assert stage.measured == []


def test_fused_norms_are_measured_where_there_are_norms_and_kernels(stage, monkeypatch):
    stage.seconds = lambda runtime: 0.05 if runtime.fused_norms else 0.1
    monkeypatch.setattr(tuning, "kernels", lambda: Kernels(SimpleNamespace()))
    assert autotune(job_of("resnet20"), RuntimeOptions()).runtime == replace(RULE, fused_norms=True)
    assert not autotune(job_of("resnet20"), RuntimeOptions(fused_norms=False)).runtime.fused_norms
    assert not autotune(job_of("lenet5"), RuntimeOptions()).runtime.fused_norms  # it has no norm
    monkeypatch.setattr(tuning, "kernels", lambda: None)
    without = autotune(job_of("resnet20"), RuntimeOptions())
    assert not without.runtime.fused_norms
    assert str(without).endswith("); batch norms are not compiled, which needs Linux and g++ or clang++")
    assert autotune(job_of("resnet20"), RuntimeOptions(fused_norms=False)).remark == ""


def test_winograd_is_taken_where_it_is_asked_for_and_nowhere_else(stage, monkeypatch):
    """However fast it is: its rounding is for a person to choose."""
    stage.seconds = lambda runtime: 0.05 if runtime.winograd else 0.1
    monkeypatch.setattr(tuning, "kernels", lambda: Kernels(SimpleNamespace(winograd_maps=None)))
    assert not autotune(job_of("resnet20"), RuntimeOptions()).runtime.winograd
    assert not any(runtime.winograd for runtime in stage.measured)
    options = RuntimeOptions(winograd=True)
    assert autotune(job_of("resnet20", rule=options.imposed_on(RULE)), options).runtime.winograd


FUSED, WINOGRAD = "fused_norms.* would do nothing: .* batch norms", "winograd.* would do nothing: .* 64 channels"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lenet5", RuntimeOptions("bf16", "channels-last", fused_norms=True), FUSED),  # it has no norm
        ("resnet20", RuntimeOptions("bf16", "contiguous", fused_norms=True), FUSED),
        ("resnet20", RuntimeOptions("bf16", "channels-last", compile=True, fused_norms=True), FUSED),
        ("resnet20", RuntimeOptions("fp32", "channels-last", winograd=True), WINOGRAD),
        ("resnet20", RuntimeOptions("bf16", "contiguous", winograd=True), WINOGRAD),
        ("alexnet", RuntimeOptions("bf16", "channels-last", winograd=True), None),
        ("resnet20", RuntimeOptions("bf16", "channels-last", fused_norms=True, winograd=True), None),
    ],
)
def test_kernels_that_would_do_nothing_are_refused_before_anything_is_read(name, options, message):
    plan = Plan("no/such/folder", "default", Recipe(model=name), options=options)
    network = create_model(name, 4)
    cost = striate.summarize(network)
    if message is None:
        runtime = runtime_rule(plan, network, cost)
        assert (runtime.fused_norms, runtime.winograd) == (bool(options.fused_norms), bool(options.winograd))
    else:
        with pytest.raises(StriateError, match=message):
            runtime_rule(plan, network, cost)


def test_kernels_are_not_compiled_for_a_network_that_has_no_use_for_them(monkeypatch):
    monkeypatch.setattr(tuning, "kernels", lambda: pytest.fail("kernels were compiled"))
    rule = Runtime("cpu", "bf16", channels_last=True, threads=2)
    assert tuning.other_kernels(rule, RuntimeOptions(), create_model("lenet5")) == []
    on_a_gpu = Runtime("cuda", "bf16", channels_last=True, threads=None)
    assert tuning.other_kernels(on_a_gpu, RuntimeOptions(), create_model("resnet20")) == []


def test_kernels_that_are_forced_are_measured_only_where_they_act_and_are_never_given_up(stage, monkeypatch):
    stage.seconds = lambda runtime: 0.2 if runtime.winograd else 0.1
    monkeypatch.setattr(tuning, "kernels", lambda: Kernels(SimpleNamespace(winograd_maps=None)))
    monkeypatch.setattr(tuning, "compiler_is_there", lambda device: True)
    monkeypatch.setattr(tuning, "try_compiler", lambda runtime, limit_s: Compiling(0.0, 2.0))
    rule, options = replace(RULE, winograd=True), RuntimeOptions(winograd=True)
    chosen = autotune(job_of("resnet20", rule=rule, epochs=10_000), options).runtime
    assert chosen.winograd and not chosen.compiled
    assert len(stage.measured) > 1
    assert all(runtime.precision == "bf16" and runtime.channels_last for runtime in stage.measured)


def test_settings_that_fail_are_left_out(stage):
    failure = RuntimeError("could not create a primitive")
    stage.seconds = lambda runtime: failure if runtime.precision == "fp32" else 0.1
    tuned = autotune(job_of(), RuntimeOptions())
    assert tuned.runtime == RULE
    assert {runtime.precision for runtime in tuned.seconds} == {"bf16"}


def test_the_second_run_measures_nothing(stage):
    times = random.Random(0)
    stage.seconds = lambda runtime: times.uniform(0.05, 0.2)
    first = autotune(job_of(), RuntimeOptions())
    stage.measured.clear()
    assert autotune(job_of(), RuntimeOptions()) == first
    assert stage.measured == []


def test_another_machine_network_size_or_option_is_measured_anew(stage, monkeypatch):
    stage.seconds = lambda runtime: 0.1

    def measures(job, options=None) -> bool:
        stage.measured.clear()
        autotune(job, options or RuntimeOptions())
        return bool(stage.measured)

    assert measures(job_of()) and not measures(job_of())
    assert measures(job_of("nin_cifar"))
    larger = job_of()
    larger = replace(larger, preprocess=larger.preprocess.at((40, 40)))
    assert measures(larger)
    assert measures(job_of(batch_size=20))
    assert measures(job_of(optimizer="adamw"))
    assert measures(job_of(rule=replace(RULE, micro_batch=4)))
    assert measures(job_of(), RuntimeOptions(layout="contiguous"))
    assert not measures(job_of())
    monkeypatch.setattr(tuning, "processor_name", lambda: "Abacus 3000")
    assert measures(job_of())
    monkeypatch.setattr(tuning.os, "cpu_count", lambda: 99)
    assert measures(job_of())
    monkeypatch.setattr(torch, "__version__", "9.9")
    assert measures(job_of())


def record() -> Path:
    (path,) = (cache_root() / "autotune").iterdir()
    return path


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[1, 2, 3]",
        lambda text: "null",
        lambda text: text.replace('"seconds"', '"second"'),
        lambda text: text.replace('"precision"', '"precison"'),
        lambda text: text.replace("0.1", "-0.1"),
        lambda text: text.replace("0.1", "NaN"),
        lambda text: text.replace("0.1", '"fast"'),
        lambda text: text.replace('"lenet5"', '"lenet6"'),
        lambda text: json.dumps(json.loads(text) | {"measured": 7}),
    ],
)
def test_a_damaged_record_is_ignored_and_written_again(stage, spoil):
    stage.seconds = lambda runtime: 0.1
    first = autotune(job_of(), RuntimeOptions())
    path, text = record(), record().read_text()
    damaged = spoil(text)
    assert damaged != text
    path.write_text(damaged)
    stage.measured.clear()
    assert autotune(job_of(), RuntimeOptions()) == first
    assert stage.measured
    assert json.loads(path.read_text())["measured"] == json.loads(text)["measured"]


def test_a_record_of_settings_that_are_not_asked_for_is_not_followed(stage):
    """Such as one that somebody wrote by hand."""
    stage.seconds = lambda runtime: 0.1
    autotune(job_of(), RuntimeOptions())
    found = json.loads(record().read_text())
    found["measured"].append({"settings": found["measured"][0]["settings"] | {"threads": 64}, "seconds": 1e-6})
    record().write_text(json.dumps(found))
    assert autotune(job_of(), RuntimeOptions()).runtime.threads <= THREADS


def test_a_cache_that_cannot_be_written_costs_the_record_alone(stage, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "file"))
    stage.seconds = lambda runtime: 0.05 if runtime == PLAIN else 0.1
    assert autotune(job_of(), RuntimeOptions()).runtime == PLAIN
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize("cost_s", [0.1, 1.0, 2.0, 4.9])
@pytest.mark.parametrize("epochs", [40, 1000, 100_000])
def test_the_budget_is_kept(stage, cost_s, epochs):
    stage.cost_s = min(cost_s, 0.25 * 0.05 * 0.1 * 10 * epochs)  # a quarter of the budget: what `_seconds` keeps to
    stage.seconds = lambda runtime: 0.1
    tuned = autotune(job_of(epochs=epochs), RuntimeOptions())
    run_seconds = 0.1 * 10 * epochs
    assert stage.now <= min(BUDGET_SECONDS, 0.05 * run_seconds) + stage.cost_s  # the very first, which tells how long
    before_plain = stage.measured[: stage.measured.index(PLAIN)]
    assert before_plain in ([RULE] * 2, [RULE] * 3)
    assert PLAIN in tuned.seconds
    if cost_s == 0.1 and epochs > 40:
        assert len(stage.measured) == 2 + 4 + 2


def test_the_batch_is_cut_to_what_the_budget_allows(stage, monkeypatch):
    sizes = []
    measure = stage.measure

    def noted(job, runtime, batch, limit_s):
        sizes.append(len(batch.indices))
        return measure(job, runtime, batch, limit_s)

    monkeypatch.setattr(tuning, "_seconds", noted)
    stage.seconds = lambda runtime: 0.25
    autotune(job_of(), RuntimeOptions())
    # 24 steps in 20 seconds at 0.25 seconds a picture: 3 pictures a step
    assert sizes[:2] == [2, 8] and set(sizes[2:]) == {int(20 / 24 / 0.25)} == {3}


def test_nothing_is_measured_or_kept_for_a_short_run(stage):
    stage.seconds = lambda runtime: 0.001  # 10 seconds
    assert autotune(job_of(), RuntimeOptions()) == Tuned(RULE, {})
    assert stage.measured == [RULE, RULE]  # to know that it is short
    assert not (cache_root() / "autotune").exists()


@pytest.mark.parametrize(("epochs", "measured"), [(20, []), (100_000, [RULE, RULE])])
def test_a_staged_run_that_its_arithmetic_says_is_short_is_not_measured_at_all(stage, epochs, measured):
    stage.seconds = lambda runtime: 1e-6
    job = job_of("resnet20", epochs=epochs, staged=True, weights="embedded")
    assert autotune(job, RuntimeOptions()) == Tuned(RULE, {})
    assert stage.measured == measured


def test_a_slow_network_is_measured_as_far_as_20_seconds_go(stage, monkeypatch):
    """VGG-16 at 224 px on a busy machine, two seconds a picture: not eight pictures twice, which take half a minute."""

    def measure(job, runtime, batch, limit_s):
        steps = 1 if len(batch.indices) * stage.seconds(runtime) > BUDGET_SECONDS / 4 else 2
        stage.now += steps * len(batch.indices) * stage.seconds(runtime)
        return stage.seconds(runtime)

    def trial(runtime, limit_s):
        assert limit_s > 0
        stage.now += limit_s

    monkeypatch.setattr(tuning, "_seconds", measure)
    monkeypatch.setattr(tuning, "compiler_is_there", lambda device: True)
    monkeypatch.setattr(tuning, "try_compiler", trial)
    for rule_s in (0.4, 1.0, 2.0, 5.0, 9.9, 12.0):
        stage.now, stage.seconds = 0.0, lambda runtime, s=rule_s: s if runtime.precision == "bf16" else 3 * s
        tuned = autotune(job_of(batch_size=10 + int(10 * rule_s)), RuntimeOptions())
        assert tuned.runtime == RULE  # and no compiled step, of which nothing is known
        assert stage.now <= max(BUDGET_SECONDS, 2 * rule_s)  # two pictures once, at the least


def test_what_a_short_run_had_no_time_for_is_measured_for_a_long_one(stage):
    stage.cost_s, stage.seconds = 0.9, lambda runtime: 0.05 if runtime.threads == 1 else 0.1
    assert autotune(job_of(epochs=100), RuntimeOptions()).runtime == RULE  # five seconds to measure in
    assert autotune(job_of(), RuntimeOptions()).runtime == replace(RULE, threads=1)


def test_memory_that_runs_out_is_left_to_the_training(stage):
    """Which takes fewer pictures at once, or says what one of them needs."""
    stage.seconds = lambda runtime: RuntimeError("DefaultCPUAllocator: can't allocate memory")
    assert autotune(job_of(), RuntimeOptions()) == Tuned(RULE, {})


def test_what_a_busy_machine_has_measured_is_not_kept(stage, monkeypatch):
    stage.seconds = lambda runtime: 0.1
    with monkeypatch.context() as patch:
        patch.setattr(tuning, "waited_seconds", lambda: 0.2 * stage.now)
        tuned = autotune(job_of(), RuntimeOptions())
        assert str(tuned).endswith("); other programs kept the machine busy, so the next run measures again")
    stage.measured.clear()
    assert autotune(job_of(), RuntimeOptions()).remark == "" and stage.measured
    stage.measured.clear()
    assert autotune(job_of(), RuntimeOptions()).remark == "" and not stage.measured


@pytest.mark.parametrize("notices", ["before", "afterwards"])
def test_beside_busy_programs_only_what_is_faster_by_far_is_taken_and_no_number_of_threads(stage, monkeypatch, notices):
    """What a load favours is a matter of the moment, and the run is of hours."""
    rule = replace(RULE, threads_by_load=True)
    if notices == "before":
        monkeypatch.setattr("striate.runtime.runtime.threads_beside_others", lambda most: 1)
    else:
        monkeypatch.setattr(tuning, "waited_seconds", lambda: 0.2 * stage.now)
    plain = replace(rule, precision="fp32", channels_last=False)
    stage.seconds = lambda runtime: 0.01 if runtime.threads < THREADS else 0.09 if runtime == plain else 0.1
    assert autotune(job_of(rule=rule), RuntimeOptions()).runtime == rule
    assert notices == "afterwards" or {runtime.threads for runtime in stage.measured} == {THREADS}
    stage.seconds = lambda runtime: 0.05 if runtime == plain else 0.1
    assert autotune(job_of(rule=rule), RuntimeOptions()).runtime == plain


def test_beside_busy_programs_nothing_is_kept_of_compiling_either(stage, monkeypatch):
    monkeypatch.setattr(tuning, "waited_seconds", lambda: 0.2 * stage.now)
    monkeypatch.setattr(tuning, "compiler_is_there", lambda device: True)
    monkeypatch.setattr(tuning, "try_compiler", lambda runtime, limit_s: pytest.fail("compiled"))
    stage.seconds = lambda runtime: 0.1
    assert not autotune(job_of(epochs=10_000), RuntimeOptions()).runtime.compiled


def test_small_networks_in_all_threads_give_way_too(stage):
    """The rule has one thread for them; measuring may find more."""
    rule = replace(RULE, threads=1, threads_by_load=True)
    stage.seconds = lambda runtime: 0.2 / runtime.threads
    chosen = autotune(job_of(rule=rule), RuntimeOptions()).runtime
    assert (chosen.threads, chosen.threads_by_load) == (THREADS, True)


def test_compiling_is_asked_only_of_long_runs_and_kept(stage, monkeypatch):
    asked = []

    def trial(runtime, limit_s):
        asked.append(limit_s)
        return Compiling(seconds_per_layer=2.0, speedup=1.25)

    monkeypatch.setattr(tuning, "compiler_is_there", lambda device: True)
    monkeypatch.setattr(tuning, "try_compiler", trial)
    stage.seconds = lambda runtime: 0.1
    assert not autotune(job_of(), RuntimeOptions()).runtime.compiled and asked == []  # a run of 1,000 s
    long = job_of(epochs=10_000)
    assert autotune(long, RuntimeOptions()).runtime == replace(RULE, compiled=True)
    assert len(asked) == 1 and 0 < asked[0] <= BUDGET_SECONDS
    assert autotune(long, RuntimeOptions()).runtime.compiled and len(asked) == 1  # re-read
    assert not autotune(long, RuntimeOptions(compile=False)).runtime.compiled
    # 5 layers of 2 s each are more than a fifth of what is left
    monkeypatch.setattr(Compiling, "pays", lambda self, layers, seconds_left: (layers, seconds_left) != (5, 10_000.0))
    assert not autotune(long, RuntimeOptions()).runtime.compiled


def test_a_trial_that_fails_leaves_the_step_as_it_is(stage, monkeypatch):
    monkeypatch.setattr(tuning, "compiler_is_there", lambda device: True)
    monkeypatch.setattr(tuning, "try_compiler", lambda runtime, limit_s: None)
    stage.seconds = lambda runtime: 0.1
    assert not autotune(job_of(epochs=10_000), RuntimeOptions()).runtime.compiled


def everything(network: nn.Module) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("name", ["lenet5", "resnet20", "alexnet"])
def test_tuning_changes_neither_the_network_nor_any_random_number(name, monkeypatch):
    """Real steps; the network has batch norm's statistics in one case, dropout in another."""
    monkeypatch.setattr(tuning, "SHORT_RUN_SECONDS", 0.0)
    monkeypatch.setattr(tuning, "SHARE_OF_RUN", 1.0)
    monkeypatch.setattr(tuning, "BUDGET_SECONDS", 60.0)  # room on a busy machine; nothing is timed so long
    monkeypatch.setattr(tuning, "STEPS_IN_BUDGET", 10**9)
    job = job_of(name, Runtime("cpu", "fp32", channels_last=True, threads=1))
    if name == "alexnet":
        job = replace(job, preprocess=job.preprocess.at((67, 67), (67, 67)))
        pixels = np.zeros((10, 67, 67, 3), np.uint8)
        working = SimpleNamespace(take=lambda indices, _bad=None: pixels[indices])
        job = replace(job, train=replace(job.train, working=working))
    job.network.eval()
    before, torch_state = everything(job.network), torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002 - the global one is what must not move
    python_state, threads = random.getstate(), torch.get_num_threads()
    layouts = [tensor.stride() for tensor in job.network.state_dict().values()]
    tuned = autotune(job, RuntimeOptions())
    assert len(tuned.seconds) > 1 and all(0 < seconds < 10 for seconds in tuned.seconds.values())
    assert everything(job.network) == before
    assert [tensor.stride() for tensor in job.network.state_dict().values()] == layouts
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert random.getstate() == python_state
    assert torch.get_num_threads() == threads
    assert not job.network.training and all(p.grad is None for p in job.network.parameters())


def test_a_tuned_run_says_so_and_equals_one_with_its_settings_forced(tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "SHORT_RUN_SECONDS", 0.0)
    fields = {"recipe": "digits_lenet5", "epochs": 2}
    tuned = striate.train("digits", run=tmp_path / "tuned", **fields).path
    line = (tuned / "log.txt").read_text().splitlines()[0]
    plan, recipe = read_plan(tuned)
    machine = recipe["machine"]
    chosen = Runtime(
        "cpu", machine["precision"], machine["channels_last"], machine["threads"], compiled=machine["compiled"]
    )
    assert line.startswith(f"measured: {describe(chosen)} is the choice (images/s: ")
    assert f" in {describe(chosen)}; " in (tuned / "log.txt").read_text()
    assert plan.options == RuntimeOptions()
    flags = recipe["command"].split()
    assert "--no-autotune" in flags
    exact = RuntimeOptions.exactly(chosen)
    forced = striate.train(
        "digits", run=tmp_path / "forced", precision=exact.precision, layout=exact.layout, threads=exact.threads,
        autotune=False, **fields,
    ).path  # fmt: skip
    assert "measured:" not in (forced / "log.txt").read_text()
    assert (tuned / "model.safetensors").read_bytes() == (forced / "model.safetensors").read_bytes()


def test_the_line_names_the_choice_and_every_rate_fastest_first():
    tuned = Tuned(RULE, {PLAIN: 0.04, RULE: 0.01, replace(RULE, threads=1): 0.02})
    assert str(tuned) == (
        "measured: bf16 channels last 4 threads is the choice (images/s: bf16 channels last 4 threads 100, "
        "bf16 channels last 1 thread 50, fp32 contiguous 4 threads 25)"
    )


options_of_all_kinds = st.builds(
    RuntimeOptions,
    precision=st.sampled_from(["auto", "bf16", "fp16", "fp32"]),
    layout=st.sampled_from(["auto", "channels-last", "contiguous"]),
    threads=st.none() | st.integers(1, 64),
    micro_batch=st.none() | st.integers(1, 512),
    compile=st.none() | st.booleans(),
    fused_norms=st.none() | st.booleans(),
    winograd=st.none() | st.booleans(),
    autotune=st.booleans(),
)


@given(options_of_all_kinds)
@settings(max_examples=100, deadline=None)
def test_flags_say_the_same_to_the_command_line(options):
    command = typer.main.get_command(app).commands["train"]
    with command.make_context("train", ["digits", *options.flags()]) as context:
        found = RuntimeOptions(**runtime_options(context))
    assert found == options


runtimes_of_all_kinds = st.builds(
    Runtime,
    device=st.just("cpu"),
    precision=st.sampled_from(["fp32", "bf16", "fp16"]),
    channels_last=st.booleans(),
    threads=st.integers(1, 64),
    micro_batch=st.none() | st.integers(1, 512),
    compiled=st.booleans(),
    fused_norms=st.booleans(),
    winograd=st.booleans(),
)


@given(runtimes_of_all_kinds, st.booleans())
@settings(max_examples=30, deadline=None)
def test_a_run_goes_on_in_the_very_settings_that_it_has_written_down(runtime, by_load):
    runtime = replace(runtime, threads_by_load=by_load)
    written = json.dumps(describe_machine(runtime))
    assert same_runtime(json.loads(written)) == runtime
    assert asdict(decoded(written.encode(), Machine, "recipe.json")) == {
        **asdict(runtime),
        "processor": processor_name(),
    }


@given(runtimes_of_all_kinds, st.sampled_from([1_000, 10**9]))
@settings(deadline=None)
def test_options_for_exact_settings_give_them(runtime, macs):
    exact = RuntimeOptions.exactly(runtime)
    assert not exact.autotune
    assert replace(exact.rule(macs), device="cpu") == runtime


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"precision": "bf61"}, "unknown precision 'bf61'; did you mean 'bf16'"),
        ({"layout": "nhwc"}, "unknown layout 'nhwc'; known are auto, channels-last, contiguous"),
        ({"threads": 0}, "threads must be between 1 and 4,096, got 0"),
        ({"micro_batch": -1}, "micro_batch must be between 1 and 1,000,000, got -1"),
    ],
)
def test_options_that_make_no_sense(fields, message):
    with pytest.raises(StriateError, match=message):
        RuntimeOptions(**fields)
