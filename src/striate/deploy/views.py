"""A run asked about several views of each picture, their probabilities averaged.

Source: Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", NIPS 2012, section 4.1,
average the probabilities of ten parts of a picture; which other sets there are: `striate.data.views`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from striate.answers.classes import CLASSIFICATION, Prediction
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError, Pixels, memory_named
from striate.data.picture import to_batch
from striate.data.scan import Progress
from striate.data.streaming import BATCH_SIZE, Undecoded
from striate.data.targets import Indices
from striate.data.threads import in_threads
from striate.data.views import ViewSet, cut, fields, seen_size, view_set, views_of
from striate.deploy.evaluating import none_readable
from striate.deploy.inputs import targets_for
from striate.deploy.predictor import Predictor
from striate.deploy.run import Run
from striate.ops.threads import torch_threads
from striate.runtime.dense import dense_form
from striate.runtime.malloc import keep_freed_memory
from striate.runtime.program.quick import QuickForm, quick_form
from striate.tasks import require_targets
from striate.tasks.arrays import as_arrays
from striate.tasks.task import Metric, Task


@dataclass(frozen=True)
class Shown:
    """What a network is shown of a picture: parts, uint8 (h, w, C) each, and how often each counts.

    passes: how often the network looks. arithmetic: times what it computes of a picture at its own size.
    """

    parts: list[Pixels]
    times: list[int]
    passes: int
    arithmetic: float


@dataclass(frozen=True)
class Views:
    """A run, and the set of views that it is asked about."""

    run: Run
    set: ViewSet

    @classmethod
    def of(cls, run: Predictor, name: str) -> Views:
        """name: of `striate.data.views.VIEWS`.

        Raises StriateError for an unknown name, what is no run for classification, and as `dense_form` does.
        """
        found = view_set(name)
        if not isinstance(run, Run):
            raise StriateError("an exported file answers pictures as it was exported; take --views of the run itself")
        if run.task_name != CLASSIFICATION:
            raise StriateError(f"{run.path} is for {run.task_name}; --views are of {CLASSIFICATION}, leave them out")
        views = cls(run, found)
        views.form  # noqa: B018 - it may be refused
        return views

    @cached_property
    def form(self) -> QuickForm:
        """What answers a part."""
        network = dense_form(self.run.network) if self.set.dense else self.run.network
        return quick_form(network, self.run.preprocess)

    @property
    def together(self) -> int:
        """How many pictures are asked about at once, so that a batch is full and no memory is."""
        own = self.run.preprocess
        return max(1, BATCH_SIZE // len(views_of(self.set, own.resize, own)))

    def shown(self, picture: Undecoded) -> Shown | DecodeError:
        """The parts of a picture, or why it cannot be read."""
        own = self.run.preprocess
        try:
            with memory_named(picture.name):
                pixels = picture.decode(own.channels, fields(self.set, own)[-1], own.white)
                views = Counter(views_of(self.set, (pixels.shape[0], pixels.shape[1]), own))
                parts = cut(pixels, list(views), own)
        except DecodeError as error:
            return error
        asked = 1 + self._preprocess(own.size).mirrored
        area = sum(part.shape[0] * part.shape[1] for part in parts) / self._area
        return Shown(parts, list(views.values()), asked * len(parts), asked * area / (1 + own.mirrored))

    @property
    def _area(self) -> int:
        """Pixels that the network sees of a picture at its own size."""
        return math.prod(seen_size(self.run.preprocess))

    @torch.inference_mode()
    def answer(self, shown: Sequence[Shown]) -> Tensor:
        """Logarithms of the mean probabilities of each of some pictures, float32 (N, classes)."""
        parts = [part for each in shown for part in each.parts]
        logits: dict[int, Tensor] = {}
        for height, width in dict.fromkeys(part.shape[:2] for part in parts):
            places = [place for place, part in enumerate(parts) if part.shape[:2] == (height, width)]
            pictures = to_batch(np.stack([parts[place] for place in places]))
            asked = partial(self._logits, preprocess=self._preprocess((height, width)))
            few = max(1, int(BATCH_SIZE * self._area / (height * width)))
            logits |= zip(places, torch.cat([*map(asked, torch.split(pictures, few))]), strict=True)
        probabilities = torch.stack([logits[place] for place in range(len(parts))]).softmax(1)
        of_each = torch.split(probabilities, [len(each.parts) for each in shown])
        times = [torch.tensor(each.times, dtype=probabilities.dtype) for each in shown]
        means = torch.stack([weights @ each / weights.sum() for weights, each in zip(times, of_each, strict=True)])
        return means.clamp_min(torch.finfo(torch.float32).tiny).log()

    def _logits(self, pictures: Tensor, preprocess: Preprocess) -> Tensor:
        logits: Tensor = self.run.task.predict(self.form, pictures, preprocess, self.run.runtime)
        return logits

    def _preprocess(self, size: tuple[int, int]) -> Preprocess:
        """How parts of this height and width become the network's input: enlarged, where its pictures are."""
        own = self.run.preprocess
        height, width = (
            side * network // seen for side, network, seen in zip(size, own.size, seen_size(own), strict=True)
        )
        return replace(own.at((height, width), size), mirrored=own.mirrored and not self.set.mirrored)

    def predictions(self, given: Sequence[Undecoded], top: int) -> Generator[Prediction, None, None]:
        """Answers to pictures, in order; several threads have some pictures each."""
        some = [given[start : start + self.together] for start in range(0, len(given), self.together)]
        with torch_threads(1), keep_freed_memory():
            answers = in_threads(partial(self._predicted, top=top), some, self.run.at_once, 2 * self.run.at_once)
            yield from chain.from_iterable(answers)

    def _predicted(self, given: Sequence[Undecoded], top: int) -> list[Prediction]:
        shown = [self.shown(picture) for picture in given]
        good = [place for place, each in enumerate(shown) if isinstance(each, Shown)]
        answers = [
            Prediction(picture.name, None, None, (), each.reason if isinstance(each, DecodeError) else None)
            for picture, each in zip(given, shown, strict=True)
        ]
        if good:
            logits = as_arrays(self.answer([each for each in shown if isinstance(each, Shown)]))
            names = [given[place].name for place in good]
            for place, answer in zip(good, self.run.task.read(logits, self.run.classes, names, top), strict=True):
                answers[place] = answer
        return answers

    def measure(
        self,
        task: Task,
        dataset: Dataset,
        indices: Indices,
        progress: Progress,
        unreadable: list[DecodeError],
        tell: Callable[[Shown], None] = lambda shown: None,
    ) -> Metric:
        """What a metric makes of the answers to pictures, by their numbers. tell: is shown what the network is.

        Raises StriateError for data of another task, and where no picture can be read.
        """
        run, metric, readable = self.run, task.metric(self.run.classes), 0
        require_targets(dataset, run.task)
        targets = targets_for(dataset, run.path, run.classes, named=run.bundle.named)
        given = (Undecoded(dataset.pictures.name(i), partial(dataset.pictures.decode, i)) for i in indices.tolist())
        with run.runtime.processor_threads(), keep_freed_memory():
            shown = in_threads(self.shown, given)
            for start in range(0, len(indices), self.together):
                part = indices[start : start + self.together]
                outcomes = [next(shown) for _ in part]
                unreadable += [each for each in outcomes if isinstance(each, DecodeError)]
                good = [each for each in outcomes if isinstance(each, Shown)]
                readable += len(good)
                for each in good:
                    tell(each)
                if good:
                    kept = part[[isinstance(each, Shown) for each in outcomes]]
                    metric.add(self.answer(good), targets.take(kept))
                progress(start + len(part), len(indices))
        if not readable:
            raise none_readable(dataset, len(indices))
        return metric
