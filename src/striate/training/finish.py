"""What follows training: the test, the files that say how good the network is, the report."""

from __future__ import annotations

import shlex
from typing import Any

import torch
from torch import Tensor

from striate.analysis.summary import summarize
from striate.core.commands import command, shown
from striate.core.files import write_bytes, write_json
from striate.data.batches import batches_of, step_generator
from striate.data.dataset import Dataset
from striate.data.tiled import whole_pictures
from striate.data.unreadable import UnreadablePictures
from striate.data.working import WorkingPictures
from striate.deploy.bundle import save_config
from striate.deploy.inputs import split_to_evaluate
from striate.deploy.run import Run
from striate.report.facts import ReportFacts, Sample
from striate.report.page import write_report
from striate.runtime.global_state import seed_everything
from striate.tasks.evaluation import evaluate
from striate.tasks.task import Metric, Task
from striate.training.card import model_card
from striate.training.finetune.feature_space import feature_space
from striate.training.finetune.transfer import transfer_facts
from striate.training.folder.begun import read_begun
from striate.training.folder.layout import EVALUATION, REPORT, read_validations
from striate.training.folder.state import Counters
from striate.training.job import Job

SHOWN_SAMPLES = 16


def finish(
    job: Job, dataset: Dataset, working: WorkingPictures, counters: Counters, unreadable: UnreadablePictures
) -> Run:
    """Test the best weights, write config, evaluation, model card and report, say the result.

    job: as it was trained, so that the report shows the pictures that the network saw.
    """
    folder, runtime, task = job.folder, job.runtime, job.task
    split = split_to_evaluate(dataset, None)
    begun, record = read_begun(folder)
    recipe = begun.recipe
    run, metric, thresholds = tested(job, dataset, working, unreadable, split, counters.step)
    found, first = metric.result(), task.figures[0]
    judged = whole_pictures(dataset, unreadable.without(dataset.splits[split]))
    examples = task.examples(found, *judged, run.preprocess.white)
    metrics = {
        f"{split}_{first.stated}": metric.figures()[first.key],
        f"{split}_{first.stated}_interval": list(found.interval),
        f"{split}_pictures": found.total,
        f"val_{first.stated}": counters.best[first.key],
        "epoch": counters.best_epoch,
        "seconds": round(counters.seconds, 1),
    }
    save_config(folder, run.network, job.names, metrics, task.name, run.preprocess, thresholds)
    facts = ReportFacts(
        title=folder.name,
        command=whole_command(record),
        task=task,
        evaluation=found,
        evaluated_split=split,
        history=read_validations(folder),
        examples=examples,
        names=job.names,
        described=dataset.targets.described,
        augmented=augmented_samples(job),
        cost=summarize(run.network),
        recipe={"name": record["recipe_name"], **acting(record["recipe"], task), "seed": record["seed"]}
        | gone_on(record),
        machine=record["machine"],
        data=record["data"],
        seconds=counters.seconds,
        best_epoch=counters.best_epoch,
        transfer=transfer_facts(folder, run.network, recipe.epochs, counters.best_epoch),
        space=feature_space(run.network, run.preprocess, recipe, dataset, working, runtime, unreadable),
    )
    write_bytes(folder / "README.md", model_card(facts, run.network, folder).encode("utf-8", "replace"))
    write_report(folder / REPORT, facts)
    listed = [example.to_dict() for example in examples]
    write_json(folder / EVALUATION, {"split": split, **found.to_dict(), task.examples_are: listed})
    job.watch.result(facts)
    return kept_run(job)


def kept_run(job: Job) -> Run:
    """The best weights, opened."""
    return Run(job.folder, model=job.code.get("model") if job.network.written else None)


def tested(
    job: Job, dataset: Dataset, working: WorkingPictures, unreadable: UnreadablePictures, split: str, step: int
) -> tuple[Run, Metric, tuple[float, ...]]:
    """The best weights, what a metric makes of their answers on a split, and the thresholds that decided on them.

    These are chosen on validation, where the task has such. step: that the run ended with.
    """
    run, at_once = kept_run(job), job.runtime.at_once(job.recipe.batch_size)
    network = job.runtime.network(run.network)

    def measured(task: Task, split: str) -> Metric:
        seed_everything(step_generator(job.seed, step).initial_seed())
        batches = batches_of(dataset, split, working, at_once, unreadable=unreadable)
        return evaluate(task, network, batches.in_order(), run.preprocess, job.names, job.runtime)

    thresholds = job.task.thresholds(measured(job.task, "val").result()) if job.task.thresholds else ()
    return run, measured(job.task.at(thresholds), split), thresholds


def gone_on(record: dict[str, Any]) -> dict[str, Any]:
    """Where a run went on after its end, as the report shows it beside the recipe."""
    epochs = [each["from_epoch"] for each in record.get("continued", [])]
    return {"new schedule after epoch": ", ".join(map(str, epochs))} if epochs else {}


def whole_command(record: dict[str, Any]) -> str:
    """What repeats a run, and goes on with it where it was gone on with."""
    first, continued = record["command"], record.get("continued", [])
    if not continued or not first.startswith("striate train "):
        return shown(first)
    again = shlex.split(first)[-1]
    more = [command("train", "--run", again, "--resume", "--epochs", str(each["epochs"])) for each in continued]
    return " && ".join([shown(first), *more])


def acting(recipe: dict[str, Any], task: Task) -> dict[str, Any]:
    """A recipe as it acts on a task: without `best_by` where that is none of its figures."""
    figures = {figure.key for figure in task.figures}
    return {name: value for name, value in recipe.items() if name != "best_by" or value in figures}


def augmented_samples(job: Job) -> list[Sample]:
    """The first pictures of training as the network saw them; `job` as `loop.prepare` gives it."""
    batch = next(iter(job.train.shuffled(job.seed, 0)))
    pictures, targets = job.variation.pictures(batch, step=0)
    pixels = pictures[:SHOWN_SAMPLES].clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    shown = targets[:SHOWN_SAMPLES].to(Tensor.cpu)
    captions = job.task.captions(shown, job.names)
    if job.task.drawn is not None:
        pixels = job.task.drawn(pixels, shown)
    return [Sample(caption, picture) for caption, picture in zip(captions, pixels, strict=True)]
