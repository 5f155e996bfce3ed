"""What every task keeps to, so that the loop, the run folder and prediction need to know none of them."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import striate
from factories import trial_of
from striate.deploy.run import Run
from striate.runtime.folding import inference_form
from striate.tasks import TASKS
from striate.tasks.classification import CLASSIFICATION
from striate.tasks.task import StepLosses
from striate.training.job import Job
from striate.training.monitor.reporter import Reporter
from striate.training.optim.optimizer import optimizers_of
from striate.training.plan import Plan
from striate.training.prepared import opened
from striate.training.recipe import Recipe
from striate.training.speed.options import RuntimeOptions
from striate.training.step import begun_step, gradients, train_step
from toy_task import MEAN_COLOUR

SAME = {"precision": "fp32", "threads": 1, "autotune": False, "fused_norms": False}
SHORT = {"epochs": 2, "batch_size": 8, "schedule": "constant", "peak_lr": 0.01}
NAMES = sorted({*TASKS, MEAN_COLOUR.name})


@pytest.fixture(params=NAMES)
def name(request, monkeypatch) -> str:
    """Each task there is, and one of the tests' own, so that nothing here holds for classification alone."""
    monkeypatch.setitem(TASKS, MEAN_COLOUR.name, MEAN_COLOUR)
    return request.param


@pytest.fixture
def data(name, tmp_path) -> Path:
    return trial_of(name).data(tmp_path / "data")


@pytest.fixture
def job(name, data, tmp_path) -> Job:
    recipe = Recipe(**{**SHORT, **trial_of(name).settings})
    plan = Plan(str(data), "default", recipe, options=RuntimeOptions(**SAME), task=name)
    job = opened(plan, 1.0, Reporter()).job(tmp_path / "run", Reporter())
    job.runtime.network(job.network)
    return job


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run of each task, made when it is first asked for, and the folder of its pictures."""
    made: dict[str, tuple[Path, Path]] = {}

    def of(name: str) -> tuple[Path, Path]:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            made[name] = train(name, folder / "run", data := trial_of(name).data(folder / "data")), data
        return made[name]

    return of


def train(name: str, run: Path, data: Path) -> Path:
    return striate.train(data, run=run, task=name, **SAME, **{**SHORT, **trial_of(name).settings}).path


def answers(job: Job, parts: int):
    """What the network gives for the training pictures in parts, and their targets."""
    form = inference_form(job.network.eval(), job.network.preprocess)
    size = math.ceil(job.train.pictures / parts)
    for batch in replace(job.train, batch_size=size).in_order():
        with torch.inference_mode():
            yield job.task.predict(form, batch.pictures, job.network.preprocess, job.runtime), batch.targets


def metric_of(job: Job, answered):
    metric = job.task.metric(job.names)
    for output, targets in answered:
        metric.add(output, targets)
    return metric


def equal(found, expected) -> bool:
    """Whole numbers and texts exactly, fractions to 1e-9, however deep."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(equal(found[key], expected[key]) for key in expected)
    if isinstance(expected, list | tuple):
        return len(found) == len(expected) and all(map(equal, found, expected))
    return found == (pytest.approx(expected, rel=1e-9, abs=1e-9) if isinstance(expected, float) else expected)


def gradients_in(job: Job, images, targets, micro_batch: int | None) -> tuple[dict, dict, dict]:
    """Losses, counts and gradients of a batch in every phase."""
    job = replace(job, runtime=replace(job.runtime, micro_batch=micro_batch))
    losses, counted, found = {}, {}, {}
    for phase in job.task.phases:
        job.network.zero_grad()
        made = gradients(job, phase, images, targets)
        losses |= made.losses
        counted |= made.counted
        own = job.task.module(job.network, phase).named_parameters()
        found |= {(phase, name): p.grad.clone() for name, p in own if p.grad is not None}
    return losses, counted, found


def test_a_task_without_a_trial_is_told_what_it_lacks():
    with pytest.raises(AssertionError, match=r"nothing to try depth on: add a Trial for it to TRIALS in tests/fact"):
        trial_of("depth")


def test_three_steps_train_every_phase(job):
    optimizers = optimizers_of(job.task, job.network, job.recipe)
    batch = next(job.train.in_order())
    modules = [job.task.module(job.network, phase) for phase in job.task.phases]
    before = [[p.detach().clone() for p in module.parameters()] for module in modules]
    job.network.train()
    made = [train_step(job, batch, optimizers, 0.01, step=0) for _ in range(3)]
    first, _, last = (float(sum(each.losses.values())) for each in made)
    assert math.isfinite(first)
    assert last < first
    for module, old in zip(modules, before, strict=True):
        assert any(not torch.equal(p, was) for p, was in zip(module.parameters(), old, strict=True))
    assert all(p.grad is None for p in job.network.parameters())


def test_no_two_phases_name_a_loss_or_a_count_alike(job):
    images, targets = begun_step(job, next(job.train.in_order()), 0)
    made = [gradients(job, phase, images, targets) for phase in job.task.phases]
    for one, other in combinations(made, 2):
        assert not one.losses.keys() & other.losses.keys()
        assert not one.counted.keys() & other.counted.keys()


def test_a_run_that_died_goes_on_to_equal_bytes(name, data, trained, tmp_path, death_in_place_of, monkeypatch):
    monkeypatch.setattr("striate.training.clock.SAVE_EVERY_SECONDS", 0.0)
    with death_in_place_of("fitting_step", calls_before=3):
        train(name, tmp_path / "died", data)
    states = sorted(path.name for path in (tmp_path / "died" / "state").iterdir())
    assert states[-1] == "step-00000003"
    resumed = striate.resume(tmp_path / "died").path
    whole, _ = trained(name)
    for file in ("model.safetensors", "state/step-00000004/tensors.safetensors"):
        assert (resumed / file).read_bytes() == (whole / file).read_bytes()


def test_evaluated_twice_is_equal(name, trained):
    run, data = trained(name)
    once, twice = (striate.load(run).evaluate(data, split="all") for _ in range(2))
    assert once.to_dict() == twice.to_dict()
    assert once.total == 24


def test_halves_merged_are_the_whole_in_either_order(job):
    halves = list(answers(job, 2))
    assert len(halves) == 2
    whole, merged, turned = (metric_of(job, part) for part in (halves, halves[:1], halves[1:]))
    other = metric_of(job, halves[1:])
    turned.merge(merged)
    merged.merge(other)
    assert equal(merged.figures(), whole.figures())
    assert equal(turned.figures(), whole.figures())
    assert equal(merged.result().to_dict(), whole.result().to_dict())
    assert whole.result().total == job.train.pictures
    low, high = whole.result().interval
    assert low <= whole.figures()[job.task.figures[0].key] <= high


def test_predictions_survive_json(name, trained):
    run, data = trained(name)
    found = striate.load(run).predict(data if data.is_dir() else data.parent)  # where a table's pictures lie
    told = [each.to_dict() for each in found]
    assert json.loads(json.dumps(told)) == told
    assert [Path(each["path"]).is_file() for each in told] == [True] * 24


@pytest.mark.parametrize("micro_batch", [1, 3, 4])
def test_parts_of_a_batch_add_up_to_the_gradients_of_the_whole(job, micro_batch):
    images, targets = begun_step(job, next(job.train.in_order()), 0)
    job.network.eval()  # the statistics of a part are none of the whole
    agree(gradients_in(job, images, targets, micro_batch), gradients_in(job, images, targets, None))


def agree(parts, whole) -> None:
    for found, expected in zip(parts, whole, strict=True):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            torch.testing.assert_close(found[key], value, rtol=1e-4, atol=1e-6)


def warm_alone(network, phase, images, targets, recipe) -> StepLosses:
    """The mean over those of class 1; the others do not count."""
    each = F.cross_entropy(network(images), targets.labels, reduction="none") * targets.labels
    return StepLosses({"loss": each.sum() / targets.labels.sum().clamp(min=1)}, {"warm": targets.labels.sum()})


@pytest.mark.parametrize("name", [CLASSIFICATION.name], indirect=True)
@pytest.mark.parametrize("micro_batch", [1, 3, 5])
def test_parts_count_by_their_weight_not_by_their_pictures(job, micro_batch):
    """The parts of a batch of three to be counted in eight: some have two of them, some none."""
    task = replace(CLASSIFICATION, losses=warm_alone, weight=lambda targets: int(targets.labels.sum()))
    images, targets = begun_step(job, next(job.train.in_order()), 0)
    targets = type(targets)(torch.tensor([1, 1, 0, 0, 0, 1, 0, 0][: len(targets)]))
    job = replace(job, task=task)
    job.network.eval()
    whole = gradients_in(job, images, targets, None)
    agree(gradients_in(job, images, targets, micro_batch), whole)
    alone = gradients_in(job, images[targets.labels == 1], type(targets)(targets.labels[targets.labels == 1]), None)
    agree(alone, whole)


def test_the_figures_are_those_of_the_task(job):
    assert metric_of(job, answers(job, 1)).figures().keys() == {figure.key for figure in job.task.figures}


def test_merit_is_larger_for_the_better_and_larger_than_that_of_the_worst(job):
    task, found = job.task, metric_of(job, answers(job, 1)).figures()
    assert task.merit(found) > task.merit(task.worst())
    for figure in task.figures:
        better = found | {figure.key: found[figure.key] + (0.01 if figure.higher_is_better else -0.01)}
        assert task.merit(better) > task.merit(found)
        for other in task.figures:
            if other is not figure:  # what counts first decides, whatever the other says
                spoilt = better | {other.key: found[other.key] + (-0.01 if other.higher_is_better else 0.01)}
                assert task.merit(spoilt, first=figure.key) > task.merit(found, first=figure.key)


def test_there_is_a_caption_for_each_picture(job):
    for step, batch in enumerate(job.train.in_order()):
        _, targets = begun_step(job, batch, step)
        captions = job.task.captions(targets, job.names)
        assert len(captions) == len(batch.indices)
        assert all(isinstance(text, str) and text for text in captions)


def test_the_folder_says_the_task_and_the_outputs(name, trained):
    path, _ = trained(name)
    assert [json.loads((path / file).read_text())["task"] for file in ("recipe.json", "config.json")] == [name, name]
    run = Run(path)
    assert run.task is TASKS[name]
    assert run.network.classes == TASKS[name].outputs(run.classes)


@pytest.mark.parametrize("name", [CLASSIFICATION.name], indirect=True)
def test_a_folder_of_a_version_that_knew_no_tasks_is_one_of_classification(name, trained):
    path, data = trained(name)
    now = striate.load(path)
    expected = now.evaluate(data).to_dict(), [each.to_dict() for each in now.predict(data)]
    kept = {file: (path / file).read_text() for file in ("recipe.json", "config.json")}
    for file, text in kept.items():
        record = json.loads(text)
        del record["task"]
        (path / file).write_text(json.dumps(record))
    older = striate.load(path)
    assert older.task is CLASSIFICATION
    assert (older.evaluate(data).to_dict(), [each.to_dict() for each in older.predict(data)]) == expected
    assert striate.resume(path).task is CLASSIFICATION
    for file, text in kept.items():
        (path / file).write_text(text)
