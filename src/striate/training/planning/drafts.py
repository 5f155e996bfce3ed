"""A training that may be made, drawn up before anything is computed, and how its costs are tried."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from striate.analysis.summary import Summary, summarize
from striate.core.errors import StriateError
from striate.data.batches import batches_of
from striate.data.dataset import Dataset
from striate.data.unreadable import UnreadablePictures
from striate.data.working import DecodedPictures
from striate.meta.weightless import blueprint
from striate.models import Network
from striate.runtime.global_state import generators_kept
from striate.runtime.machine import waited_seconds
from striate.runtime.runtime import Runtime
from striate.tasks.task import Task
from striate.training.at_end import FittedAtEnd
from striate.training.job import Job
from striate.training.monitor.reporter import Reporter
from striate.training.network import build_network
from striate.training.plan import Plan
from striate.training.planning.arithmetic import Work
from striate.training.planning.candidates import Candidate, suits
from striate.training.planning.trial import Costs, costs_of
from striate.training.prepared import for_data, for_so_many, laid_out, runtime_rule
from striate.training.speed.autotune import BUSY_SHARE, machine, other_kernels


@dataclass(frozen=True)
class Draft:
    """A candidate before anything of it is computed. network: without numbers, unless it begins with trained weights.

    runtime: the settings that are likely to be chosen. work: what its steps are.
    """

    candidate: Candidate
    plan: Plan
    network: Network
    runtime: Runtime
    cost: Summary
    work: Work

    @property
    def name(self) -> str:
        """What tells a candidate from the others."""
        return " ".join(self.candidate.flags)

    def key(self, dataset: Dataset) -> dict[str, Any]:
        """Everything that its costs are of. The first picture stands for all, which take their time to decode."""
        size, targets = self.network.preprocess.resize, dataset.targets
        about = {"network": self.name, "size": [*self.network.preprocess.size, *size], "names": len(targets.names)}
        about["first_picture"] = dataset.pictures.key(0).hex()
        recipe = {name: value for name, value in self.plan.recipe.to_dict().items() if name != "epochs"}
        return {**machine(), **about, "task": targets.task, "recipe": recipe, "runtime": asdict(self.runtime)}

    def trial(self, dataset: Dataset, task: Task, limit_s: float) -> tuple[Costs | None, bool]:
        """Its costs from a few real steps; None where they do not fit into memory. And whether they were disturbed."""
        waited = waited_seconds()
        with generators_kept():
            costs = costs_of(self._job(dataset, task), limit_s)
        return costs, waited_seconds() - waited > BUSY_SHARE * limit_s

    def _job(self, dataset: Dataset, task: Task) -> Job:
        """A training of a network that is built for it."""
        recipe, network = self.plan.recipe, build_network(self.plan, dataset)
        preprocess = replace(network.preprocess, mirrored=recipe.test_flip, proposals=recipe.proposals)
        dataset = replace(dataset, targets=dataset.targets.at(preprocess))
        working, silent = DecodedPictures(dataset.pictures, preprocess), Reporter(quiet=True)
        unreadable = UnreadablePictures(len(dataset.pictures), silent.say)
        size = recipe.batch_size
        train, val = (
            batches_of(dataset, split, working, pictures, unreadable=unreadable)
            for split, pictures in (("train", size), ("val", self.runtime.at_once(size)))
        )
        learned = for_data(task, dataset, recipe)
        job = Job(
            network, preprocess, learned, train, val, recipe, 0, self.runtime, Path(), silent, code=self.plan.code
        )
        return replace(job, scaler=self.runtime.loss_scaler())


def drafted(candidate: Candidate, plan: Plan, dataset: Dataset, typical_px: int) -> Draft | None:
    """A candidate that suits the pictures; None for one that does not."""
    try:
        drawn = plan.recipe.weights is None
        network = blueprint(lambda: build_network(plan, dataset)) if drawn else build_network(plan, dataset)
        if not suits(network.preprocess, typical_px) or isinstance(network, FittedAtEnd):
            return None
        plan = replace(plan, recipe=for_so_many(plan, len(dataset.splits["train"])))
        plan = replace(plan, options=laid_out(plan.options, network))
        cost = summarize(network)
        runtime = runtime_rule(plan, network, cost)
    except StriateError:
        return None
    others = other_kernels(runtime, plan.options, network)
    runtime = others[0] if others else runtime  # which are rarely slower, and measured before training in any case
    return Draft(candidate, plan, network, runtime, cost, Work.of(cost, runtime, plan.recipe))
