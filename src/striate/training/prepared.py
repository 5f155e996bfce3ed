"""What a run works with, and how a new one comes by it; `reopen` is how one that goes on comes by the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from striate.analysis.summary import Summary, summarize
from striate.answers.classes import CLASSIFICATION
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.batches import batches_of
from striate.data.cache import working_pictures
from striate.data.check import DataReport, check_data
from striate.data.dataset import Dataset
from striate.data.folds import in_fold
from striate.data.scan import Scan, without_problems
from striate.data.seen import typical_share_seen
from striate.data.sources import open_data
from striate.data.tiled import tiled
from striate.data.unreadable import UnreadablePictures
from striate.data.wide import white_for
from striate.data.working import WorkingPictures
from striate.models import Network
from striate.runtime.runtime import Runtime
from striate.tasks.task import Task
from striate.training.job import Job, Watch
from striate.training.memory.forecast import available_bytes, fitting_micro_batch
from striate.training.memory.lone_pictures import fewest_at_once
from striate.training.monitor.reporter import Reporter
from striate.training.network import at_only_size, build_network, require_proposals, typical_side_px
from striate.training.optim.optimizer import with_its_rate
from striate.training.plan import Plan
from striate.training.recipe import Recipe
from striate.training.speed.compiling import idle_kernels
from striate.training.speed.options import RuntimeOptions

# While a GPU computes, the processor makes the next batches and has them copied over.
WORK_AHEAD: dict[str, Any] = {"workers": 2, "pinned": True}
SMALL_PX = 40  # the shorter side of pictures up to which a recipe that has another one for small ones becomes it
FEWEST_EPOCHS = 5  # however many pictures there are: what a schedule needs to rise and fall


@dataclass(frozen=True)
class Prepared:
    """What a run works with, whether it is new or goes on. report: on the data of a new one."""

    plan: Plan
    dataset: Dataset
    network: Network
    preprocess: Preprocess
    runtime: Runtime
    working: WorkingPictures
    scan: Scan
    unreadable: UnreadablePictures
    report: DataReport | None = None

    def job(self, folder: Path, watch: Watch) -> Job:
        """The training of it."""
        plan, dataset, runtime = self.plan, self.dataset, self.runtime
        ahead = WORK_AHEAD if runtime.on_gpu else {}
        size = plan.recipe.batch_size
        train, val = (
            batches_of(dataset, split, self.working, pictures, unreadable=self.unreadable, **ahead)
            for split, pictures in (("train", size), ("val", runtime.at_once(size)))
        )
        train = replace(train, balanced=plan.recipe.balance == "sampler")
        task = for_data(plan.task_of(dataset), dataset, plan.recipe)
        job = Job(self.network, self.preprocess, task, train, val, plan.recipe, plan.seed, runtime, folder, watch)
        seen = typical_share_seen(self.scan, self.preprocess)
        return replace(job, share_seen=seen, code=plan.code, continued=plan.continued)


def opened(plan: Plan, cache_gb: float, reporter: Reporter) -> Prepared:
    """What a new run works with. Raises StriateError when the data cannot be trained on."""
    recipe, read = plan.recipe, reporter.reading
    dataset = open_data(
        plan.in_memory or plan.source,
        recipe.split_seed,
        read,
        val=plan.elsewhere.get("val"),
        test=plan.elsewhere.get("test"),
        ignored=recipe.ignore_class,
        task=plan.learns_from,
    )
    if plan.fold is not None:
        dataset = in_fold(dataset, plan.fold, recipe.split_seed)
    plan = for_so_small(plan, dataset, reporter)
    recipe = plan.recipe
    network = build_network(plan, dataset)
    if recipe.tiles:
        dataset = in_tiles(dataset, network.preprocess, reporter)
    plan = replace(plan, recipe=at_only_size(plan, network))
    plan = replace(plan, recipe=for_so_many(plan, len(dataset.splits["train"])))
    if plan.recipe.epochs != recipe.epochs:
        reporter.say(
            f"{plan.recipe.epochs} epochs of {counted(len(dataset.splits['train']), 'picture')}, not the recipe's "
            f"{recipe.epochs}: together they show about {plan.recipe.shown_at_most:,}; --epochs asks for another number"
        )
    if (own := plan.code.get("optimizer")) is not None:
        asked = "peak_lr" in plan.changed
        recipe = with_its_rate(plan.recipe, plan.task_of(dataset), network, own, keep_peak=asked)
        plan = replace(plan, recipe=recipe)
    elif "optimizer" in plan.changed:
        reporter.say(f"{plan.recipe.optimizer} at a peak rate of {plan.recipe.peak_lr:g}")
    for remark in network.notes():
        reporter.say(remark)
    if "augment" in plan.code and plan.task_of(dataset).needs != CLASSIFICATION:
        reporter.say(
            f"note: {plan.code['augment'].name} is given pictures alone, so that what it moves, turns or mirrors is no "
            f"longer where their {dataset.targets.described} have it; change colours there, and leave places to the "
            "recipe's own fields, such as flip and rotate_degrees"
        )
    plan = replace(plan, options=laid_out(plan.options, network))
    runtime = runtime_rule(plan, network, summarize(network))
    white = plan.recipe.white or white_for(dataset, reporter.reading)
    require_proposals(plan.recipe, network)
    preprocess = replace(
        network.preprocess, mirrored=plan.recipe.test_flip, white=white, proposals=plan.recipe.proposals
    )
    dataset = replace(dataset, targets=dataset.targets.at(preprocess))
    working, scan = working_pictures(dataset, preprocess, cache_gb, reporter.reading)
    report = check_data(dataset, scan, preprocess)
    report.refuse()
    unreadable = UnreadablePictures(len(dataset.pictures), reporter.say)
    usable = without_problems(dataset, scan)
    return Prepared(plan, usable, network, preprocess, runtime, working, scan, unreadable, report)


def in_tiles(dataset: Dataset, preprocess: Preprocess, reporter: Reporter) -> Dataset:
    """A data set as tiles of the size that a network sees, and a line that says how many."""
    parts, (height, width) = tiled(dataset, preprocess), preprocess.size
    told = f"{counted(len(dataset.pictures), 'picture')} seen as {counted(len(parts.pictures), 'tile')}"
    reporter.say(f"{told} of {height}x{width} px, which overlap; below, these are the pictures")
    return parts


def for_so_small(plan: Plan, dataset: Dataset, reporter: Reporter) -> Plan:
    """The plan, or that of its recipe for small pictures where they are, and a line that says so."""
    if plan.of_small is None or (side := typical_side_px(dataset.pictures)) > SMALL_PX:
        return plan
    small = plan.of_small()
    reporter.say(
        f"recipe {small.recipe_name}, which {plan.recipe_name} is for pictures of at most {SMALL_PX} px, and these "
        f"have {side} px; --set model={plan.recipe.model} asks for {plan.recipe_name} as it is"
    )
    return small


def for_so_many(plan: Plan, pictures: int) -> Recipe:
    """The recipe with the epochs that so many training pictures need, where those of its own were not asked for."""
    recipe, asked = plan.recipe, "epochs" in plan.changed and "shown_at_most" not in plan.changed
    if recipe.shown_at_most is None or asked or plan.budget is not None:
        return recipe
    return replace(recipe, epochs=min(recipe.epochs, max(FEWEST_EPOCHS, recipe.shown_at_most // pictures)))


def for_data(task: Task, dataset: Dataset, recipe: Recipe) -> Task:
    """A task whose losses know what the training pictures decide of them."""
    if task.losses_for is None:
        return task
    return replace(task, losses=task.losses_for(dataset.targets, dataset.splits["train"], recipe))


def laid_out(options: RuntimeOptions, network: Network) -> RuntimeOptions:
    """The options with the one layout of maps that the code of a network can work on, where that is not open.

    Raises StriateError where the other one was asked for.
    """
    if not (reason := network.against_channels_last):
        return options
    if options.layout == "channels-last":
        raise StriateError(
            f"{network.label} cannot work on maps with the channels last: {reason}; leave --layout channels-last out"
        )
    return replace(options, layout="contiguous")


def runtime_rule(plan: Plan, network: Network, cost: Summary) -> Runtime:
    """What was asked for, the rule of `default_runtime` for the rest, a micro-batch where a batch does not fit.

    cost: of the network. Nothing is measured. Raises StriateError where a kernel was asked for that would do nothing.
    """
    runtime = plan.options.rule(cost.macs)
    if idle := idle_kernels(runtime, network):
        raise StriateError(idle)
    if runtime.micro_batch is None:
        fitting = fitting_micro_batch(cost, runtime, plan.recipe, available_bytes(runtime.device))
        if fitting is not None:
            fitting = max(fitting, fewest_at_once(network, plan.recipe))
        runtime = replace(runtime, micro_batch=fitting)
    return runtime
