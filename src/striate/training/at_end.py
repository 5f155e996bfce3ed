"""What comes when the steps are over, of networks with a part that is solved for and not learned by steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from striate.data.batches import step_generator
from striate.data.picture import network_geometry
from striate.deploy.bundle import save_weights
from striate.deploy.run import Run
from striate.runtime.global_state import seed_everything
from striate.runtime.inference import network_input
from striate.tasks.evaluation import evaluate
from striate.training.folder.state import Counters
from striate.training.job import Job

READINGS = 2
"""How often the pictures may be gone through, for the time that is left."""


@runtime_checkable
class FittedAtEnd(Protocol):
    """A network with such a part."""

    def fit_at_end(self, pictures: Iterable[tuple[Tensor, Any]]) -> None:
        """Solve for it, on images (N, C, H, W) and their targets.

        What comes of it must follow from the weights that steps have learned and from the pictures, not from what was
        solved for before: a run that is interrupted here does it again. pictures: may be gone through READINGS times.
        """


@dataclass
class Shown:
    """The training pictures of a job as they are shown in use. progress: is told how many were, and of how many."""

    job: Job
    progress: Callable[[int, int], None]
    done: int = 0

    def __iter__(self) -> Iterator[tuple[Tensor, Any]]:
        job, total = self.job, READINGS * self.job.train.pictures
        for batch in job.train.in_order():
            images = network_input(batch.pictures, job.preprocess, job.runtime)
            shown = network_geometry(len(images), job.preprocess)
            known = job.task.beside(batch.pictures, batch.targets, job.preprocess)
            yield images, known.to(job.runtime.move).moved(shown)
            self.done += len(images)
            self.progress(min(self.done, total), total)


def fit_at_end(job: Job, counters: Counters, progress: Callable[[int, int], None]) -> Counters:
    """Have the weights that were chosen solve for what is left, and keep them; other networks stay as they are.

    Returns the counters with the figures of validation that the whole network has.
    """
    if not isinstance(job.network, FittedAtEnd):
        return counters
    job.watch.say("the steps are over; what is left is solved for on the features of the training pictures")
    seed_everything(step_generator(job.seed, counters.step).initial_seed())
    network = Run(job.folder).network
    assert isinstance(network, FittedAtEnd)  # noqa: S101 - our own invariant: it is of the same class
    job.runtime.network(network)
    with job.runtime.autocast():
        network.fit_at_end(Shown(job, progress))
    save_weights(job.folder, network)
    found = evaluate(job.task, network, job.val.in_order(), job.preprocess, job.names, job.runtime).figures()
    first = job.task.figures[0]
    before, after = (first.line(figures[first.key]) for figures in (counters.best, found))
    job.watch.say(f"val {first.title} {after} with it, {before} without")
    return replace(counters, best=found)
