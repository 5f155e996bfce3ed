"""What answers questions about pictures, whatever runs it: a run, weights, or an exported file."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from striate.answers.calibration import Calibration
from striate.answers.classes import Prediction
from striate.core.errors import StriateError
from striate.core.processor import cores
from striate.core.records import Preprocess
from striate.core.values import checked
from striate.data.decode import Pixels
from striate.data.left_out import LeftOut
from striate.data.streaming import ReadBatch, Undecoded, read_batch, read_batches
from striate.data.threads import in_threads
from striate.data.views import CENTRE
from striate.data.working_size import to_working_size
from striate.deploy.given import Picture, given_pictures
from striate.deploy.tiles import answers_in_tiles

MOST_TOGETHER = 16  # pictures of a batch that one thread answers: of more, small networks' maps leave its cache

log = logging.getLogger("striate")

Tell = Callable[[str], None]
"""Gets a line for a person."""


class Predictor(ABC):
    """A trained network with its preprocessing and its classes; how it computes is what its kinds differ in."""

    path: Path
    """Where it lies; of several, the first."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the outputs."""

    @property
    @abstractmethod
    def preprocess(self) -> Preprocess:
        """How pictures become the network's input."""

    @property
    @abstractmethod
    def task_name(self) -> str:
        """What it was trained for."""

    @property
    @abstractmethod
    def engine_words(self) -> str:
        """What computes, and in which precision, as a person reads it."""

    @property
    @abstractmethod
    def sha256(self) -> str:
        """Of the weights."""

    @property
    def calibration(self) -> Calibration | None:
        """How answers are read that were calibrated after training (`striate calibrate`); None: as they are."""
        return None

    @abstractmethod
    def answer(self, pictures: Pixels, names: Sequence[str], top: int) -> list[Any]:
        """Of uint8 (N, h, w, C) at the working size, at least one; an answer for each, in the task's own form.

        Several threads may ask at once.
        """

    @abstractmethod
    def choose_engine(self, engine: str = "auto", pictures: int | None = None, tell: Tell = log.info) -> None:
        """Have an engine compute what is predicted from now on; "auto": what is fastest here. See `Run`, `Exported`."""

    @property
    def at_once(self) -> int:
        """How many batches are best answered at once, each by one thread; 1 where one batch takes all there is."""
        return cores()

    def computing(self) -> AbstractContextManager[object]:
        """The context in which many batches are answered."""
        return nullcontext()

    @checked
    def predict(
        self,
        paths: Iterable[Picture] | Picture,
        top: int = 5,
        left_out: list[LeftOut] | None = None,
        tiles: bool = False,
        views: str = CENTRE,
    ) -> list[Any]:
        """Predict picture files, all pictures below folders, and pictures in memory, in the order given.

        paths: one or several, as in `given_pictures`; those in memory are Pillow's, or arrays uint8 (H, W) or
        (H, W, 3), and are called "picture 0" by their place. top: how many classes each prediction lists. A picture
        that cannot be read gets a prediction with a `problem`.
        left_out: takes what lies in the folders and is no picture. tiles: of segmentation and detection, answer
        pictures at their own resolution, in parts that overlap; see `answers_in_tiles`. views: of a run for
        classification, a set by which each picture is seen several times; see `striate.data.views`.
        Raises StriateError for what is no picture, when a folder holds none, when top is below 1, and as `Views.of`.
        """
        return list(self.answers(given_pictures(paths, left_out), top, tiles, views))

    def answers(
        self, given: Sequence[Undecoded], top: int = 5, tiles: bool = False, views: str = CENTRE
    ) -> Generator[Any, None, None]:
        """The same one by one, in order, while others are decoded and answered; only some batches are in memory."""
        if top < 1:
            raise StriateError(f"top must be at least 1, got {top}")
        if tiles and views != CENTRE:
            raise StriateError("--tiles answers for places, --views once for a whole picture; leave one of them out")
        if tiles:
            return answers_in_tiles(self, given, top)
        if views != CENTRE:
            from striate.deploy.views import Views  # imports torch

            return Views.of(self, views).predictions(given, top)
        return self._answers(given, top)

    def _answers(self, given: Sequence[Undecoded], top: int) -> Generator[Any, None, None]:
        """Threads of one computation wait for each other at every operator, and for one that decodes all of them: so
        each thread decodes and answers batches of its own.
        """
        with self.computing():
            if self.at_once == 1:
                parts: Iterable[list[Any]] = (self._told(each, top) for each in read_batches(given, self.preprocess))
            else:
                size = max(1, min(MOST_TOGETHER, -(-len(given) // self.at_once)))
                batches = (given[start : start + size] for start in range(0, len(given), size))
                parts = in_threads(partial(self._answered, top=top), batches, self.at_once, 2 * self.at_once)
            yield from chain.from_iterable(parts)

    def _answered(self, given: Sequence[Undecoded], top: int) -> list[Any]:
        return self._told(read_batch(given, self.preprocess), top)

    def _told(self, batch: ReadBatch, top: int) -> list[Any]:
        """An answer for every picture of a batch, also for those that cannot be read."""
        answered = (
            self.answer(batch.pictures, [batch.names[place] for place in batch.places], top) if batch.places else []
        )
        found = dict(zip(batch.places, answered, strict=True))
        return [
            found[place] if place in found else Prediction(name, None, None, (), batch.bad[place].reason)
            for place, name in batch.names.items()
        ]

    def predict_pixels(self, pictures: Sequence[Pixels], names: Sequence[str], top: int = 5) -> list[Any]:
        """Predict decoded pictures, uint8 (H, W, channels) each, of any sizes."""
        working = [to_working_size(pixels, self.preprocess) for pixels in pictures]
        return self.answer(np.stack(working), names, top) if working else []
