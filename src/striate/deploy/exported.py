"""An exported file opened for use: it alone is needed, and torch only where the file is torch's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from striate.answers import reader, turned_back
from striate.answers.calibration import Calibration
from striate.core.one_screen import OneScreen, few
from striate.core.records import Preprocess
from striate.data.decode import Pixels
from striate.data.plain_input import plain_input
from striate.deploy.engines import Engine, open_engine
from striate.deploy.export_record import ExportRecord
from striate.deploy.predictor import Predictor, Tell, log

TO_LAST, TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)  # of the channels


class Exported(Predictor, OneScreen):
    """A file that `striate export` made. engine: "onnxruntime", "openvino" or "torch"; the fastest suitable if None.

    Raises StriateError for a file that is missing or damaged, or that says nothing of its classes, and for an engine
    that is not installed.
    """

    def __init__(self, path: str | Path, engine: str | None = None) -> None:
        self.path = Path(path)
        self._engine: Engine = open_engine(self.path, engine)
        self.record = ExportRecord.of_text(self._engine.record, str(self.path))
        self._read = reader(self.record.task, self.record.thresholds)
        if self.calibration is not None:
            self._read = self.calibration.reading(self._read)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the outputs."""
        return self.record.classes

    @property
    def preprocess(self) -> Preprocess:
        """How pictures become the network's input."""
        return self.record.preprocess

    @property
    def task_name(self) -> str:
        """What it was trained for."""
        return self.record.task

    @property
    def calibration(self) -> Calibration | None:
        """How answers are read; None: as they are."""
        return self.record.calibration

    @property
    def engine_words(self) -> str:
        """What computes, and in which precision, as a person reads it."""
        return f"{self._engine.words} {self.record.precision}"

    @property
    def sha256(self) -> str:
        """Of the weights it was made of."""
        return self.record.sha256

    def choose_engine(self, engine: str = "auto", pictures: int | None = None, tell: Tell = log.info) -> None:
        """Have another engine that runs such files compute what is predicted from now on; "auto" leaves what does.

        Raises StriateError for one that does not, or is not installed.
        """
        if engine != "auto":
            self._engine = open_engine(self.path, engine)

    def answer(self, pictures: Pixels, names: Sequence[str], top: int) -> list[Any]:
        """Of uint8 (N, h, w, C) at the working size, at least one; an answer for each, in the task's own form."""
        outputs = self._outputs(pictures)
        outputs = outputs if self.calibration is None else self.calibration.logits(outputs)
        return self._read(outputs, self.classes, names, top)

    def _outputs(self, pictures: Pixels) -> Any:
        if self.record.with_preprocessing:
            return self._engine(pictures.transpose(TO_FIRST))
        images = plain_input(pictures, self.preprocess)
        answer = self._engine(images)
        if self.preprocess.mirrored:
            mirrored = np.ascontiguousarray(images.transpose(TO_LAST)[:, :, ::-1])
            answer = (answer + turned_back(self.record.task, self._engine(mirrored.transpose(TO_FIRST)))) / 2
        return answer

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        height, width = self.preprocess.size
        return {
            "path": self.path,
            "network": self.record.architecture,
            "classes": few(self.classes),
            "input": f"{self.preprocess.channels}x{height}x{width}",
            "engine": self.engine_words,
        }
