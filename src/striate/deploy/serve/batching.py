"""What arrives within a few milliseconds goes through the network together, in one of several threads."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import numpy as np

from striate.data.decode import Pixels
from striate.deploy.predictor import Predictor
from striate.deploy.serve.measures import Measures
from striate.deploy.serve.settings import Settings
from striate.deploy.serve.turns import Turns

LAST_SECONDS = 0.5  # for a batch that nobody waits for any more

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class _Picture:
    """One to be answered. pixels: uint8 (h, w, C) at the working size."""

    pixels: Pixels
    name: str
    top: int
    answer: Future[Any] = field(default_factory=Future)
    arrived: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, eq=False)
class _Work:
    """Something else that needs the network."""

    work: Callable[[], Any]
    answer: Future[Any] = field(default_factory=Future)


class Batcher:
    """The threads that answer, each a batch of its own. Their queue is as long as `Admission` lets it become."""

    def __init__(self, predictor: Predictor, settings: Settings, measures: Measures) -> None:
        self.predictor, self.settings, self.measures = predictor, settings, measures
        self._queue: SimpleQueue[_Picture | _Work | None] = SimpleQueue()
        self._turns = Turns(predictor.at_once)
        self._threads = [
            threading.Thread(target=self._run, name="network", daemon=True) for _ in range(predictor.at_once)
        ]
        for thread in self._threads:
            thread.start()

    async def answers(self, pictures: list[Pixels], names: list[str], top: int) -> list[Any]:
        """An answer per picture, uint8 (h, w, C) at the working size. Raises what the network raises."""
        asked = [_Picture(pixels, name, top) for pixels, name in zip(pictures, names, strict=True)]
        for each in asked:
            self._queue.put(each)
        return list(await asyncio.gather(*(asyncio.wrap_future(each.answer) for each in asked)))

    async def call(self, work: Callable[[], T]) -> T:
        """What a function returns that has the network for itself meanwhile. Raises what it raises."""
        asked = _Work(work)
        self._queue.put(asked)
        result: T = await asyncio.wrap_future(asked.answer)
        return result

    def close(self) -> None:
        """End the threads after what is in their queue, or leave them to the end of the process."""
        self._queue.put(None)
        for thread in self._threads:
            thread.join(LAST_SECONDS)

    def _run(self) -> None:
        with self.predictor.computing():
            self._serve()

    def _serve(self) -> None:
        """Until it is closed."""
        item = self._queue.get()
        while item is not None:
            if isinstance(item, _Work):
                with self._turns.alone():
                    _settle([item.answer], partial(_alone, item.work))
                item = self._queue.get()
            else:
                batch, item = self._gathered(item)
                with self._turns.together():
                    self._answer(batch)
                item = item or self._queue.get()
        self._queue.put(None)  # for the next thread

    def _gathered(self, first: _Picture) -> tuple[list[_Picture], _Picture | _Work | None]:
        """Pictures that go together, and what came after them and does not, if it has come."""
        batch, end = [first], first.arrived + self.settings.gather_seconds
        while len(batch) < self.settings.batch:
            try:
                item = self._queue.get(timeout=max(0.0, end - time.monotonic()))
            except Empty:
                break
            if not isinstance(item, _Picture) or item.top != first.top:
                if item is None:
                    self._queue.put(None)
                return batch, item
            batch.append(item)
        return batch, None

    def _answer(self, batch: list[_Picture]) -> None:
        wanted = [each for each in batch if each.answer.set_running_or_notify_cancel()]
        if not wanted:
            return
        start = time.perf_counter()
        pictures, names = [each.pixels for each in wanted], [each.name for each in wanted]
        _settle(
            [each.answer for each in wanted], lambda: self.predictor.answer(np.stack(pictures), names, wanted[0].top)
        )
        self.measures.network_seconds.observe(time.perf_counter() - start)
        self.measures.batch_pictures.observe(len(wanted))


def _alone(work: Callable[[], Any]) -> list[Any]:
    return [work()]


def _settle(answers: list[Future[Any]], work: Callable[[], list[Any]]) -> None:
    """Hand what some work returns, or what it raises, to those who wait."""
    try:
        results = work()
    except BaseException as error:  # of whatever kind: this thread serves others too
        for answer in answers:
            answer.set_exception(error)
        return
    for answer, result in zip(answers, results, strict=True):
        answer.set_result(result)
