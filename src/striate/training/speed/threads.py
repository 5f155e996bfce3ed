"""How many threads every epoch has: by how busy other programs keep the processor, written down, and so repeated."""

from __future__ import annotations

from pathlib import Path

import torch

from striate.core.errors import StriateError
from striate.core.files import write_json
from striate.core.processor import busy_lately, cores
from striate.core.reading import Count, Positive, read_record
from striate.core.units import counted
from striate.training.folder.layout import THREADS
from striate.training.job import Job


class EpochThreads:
    """The threads of each epoch of a run.

    The number of threads decides the last bits of the weights. So it is chosen before the first step of an epoch, and
    is on the disk by then; an epoch that was begun before, by a process that was stopped or killed, has the number that
    it had. A compiled network keeps that of its first epoch, since it would be compiled anew for another. Where the
    runtime has a fixed number there is nothing to choose, and nothing is written.

    Raises StriateError when what is written down is damaged.
    """

    def __init__(self, job: Job) -> None:
        self._job, self._path = job, job.folder / THREADS
        self._open = job.runtime.threads_by_load and job.runtime.threads > 1
        self._chosen = read_threads(self._path, job.runtime.threads) if self._open else {}

    def begin(self, epoch: int) -> None:
        """Have torch use the threads of an epoch, counted from 0; after the last one comes the test.

        Raises StriateError when the number cannot be written down.
        """
        runtime = self._job.runtime
        if not self._open:
            return
        why = "as when it was begun"
        if epoch not in self._chosen:
            keeps = runtime.compiled and self._chosen
            self._chosen[epoch] = self._chosen[min(self._chosen)] if keeps else runtime.threads_now()
            write_json(self._path, {str(one): number for one, number in self._chosen.items()})
            why = self._reason(self._chosen[epoch])
        number, before = self._chosen[epoch], torch.get_num_threads()
        torch.set_num_threads(number)
        if number != before:
            since = "for the test" if epoch == self._job.recipe.epochs else f"from epoch {epoch + 1} on"
            self._job.watch.say(f"{counted(number, 'thread')} {since}: {why}")

    def _reason(self, number: int) -> str:
        if number == self._job.runtime.threads:
            return "other programs leave the cores again"
        return (
            f"other programs keep {busy_lately():.1f} of {cores()} cores busy, where more threads would wait for each "
            "other; --threads fixes the number"
        )


def read_threads(path: Path, most: int) -> dict[int, int]:
    """The threads of every epoch that was begun, none where there is no such file.

    Raises StriateError unless they are whole numbers from 1 to `most`.
    """
    if not path.exists():
        return {}
    chosen = read_record(path, dict[Count, Positive])
    for epoch, number in chosen.items():
        if number > most:
            raise StriateError(
                f"{path} is damaged: epoch {epoch} has {number:,} threads, where 1 to {most} are possible; without the "
                "file, --resume chooses anew, and the last bits of the weights may differ"
            )
    return chosen
