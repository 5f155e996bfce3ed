"""A trained run: predictions and evaluation with exactly the preprocessing that it was trained with."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

from striate.analysis.stand_in import macs_of
from striate.answers.calibration import Calibration
from striate.core.errors import StriateError
from striate.core.one_screen import OneScreen, few
from striate.core.reading import read_record
from striate.core.values import checked
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError, Pixels
from striate.data.found_again import Hashing
from striate.data.in_memory import Data
from striate.data.known import Known, known_pictures
from striate.data.manifest import MANIFEST
from striate.data.picture import to_batch
from striate.data.scan import Progress
from striate.data.targets import Indices
from striate.deploy.begun import RECIPE, FromFolder
from striate.deploy.bundle import Bundle, load_weights
from striate.deploy.engine_form import EngineForm
from striate.deploy.equal_shapes import in_equal_shapes, most_together
from striate.deploy.evaluating import batches_to_evaluate
from striate.deploy.export.exported_file import ExportedFile
from striate.deploy.predictor import Predictor, Tell
from striate.deploy.preprocessing import Preprocessing
from striate.models import Model, Network
from striate.ops.threads import torch_threads
from striate.runtime.global_state import global_state_kept
from striate.runtime.malloc import keep_freed_memory
from striate.runtime.program.quick import QuickForm, quick_form
from striate.runtime.runtime import as_current, default_runtime, device_named, natively
from striate.tasks import require_targets, task_named
from striate.tasks.arrays import as_arrays
from striate.tasks.classification import Evaluation
from striate.tasks.classification.calibrated import calibrated
from striate.tasks.evaluation import evaluate
from striate.tasks.task import Metric, Task

__all__ = ["RECIPE", "Run", "load"]

log = logging.getLogger("striate")


class Run(Predictor, FromFolder, OneScreen):
    """A run folder, or other weights, opened for use. Raises StriateError when a file is missing or damaged.

    folder: a run folder, "embedded", or what else `create_model` takes as weights. precision: "bf16", "fp16", "fp32",
    or "auto": what the run was trained in, where this machine computes that natively, else fp32; of other weights the
    fastest here. `runtime.precision` says which. model: of which network the weights are, where they do not say so
    themselves. device: "auto", which is the GPU if there is one, "cpu", "cuda", or a GPU by its number, such as
    "cuda:1". macs: multiply-accumulates for a picture.
    """

    def __init__(
        self, folder: str | Path, precision: str = "auto", model: Model | None = None, device: str = "auto"
    ) -> None:
        device = device_named(str(device))
        self.path = Path(folder)
        with torch_threads(1):  # of many small tensors; several threads wait for each other at every one
            self.bundle: Bundle = load_weights(folder, model)
        with as_current(device):
            self.macs = macs_of(self.bundle.network)
            runtime = default_runtime(precision, self.macs, device)
            if precision == "auto" and (trained := self._trained_in()) is not None:
                runtime = replace(runtime, precision=natively(trained, device))
        if self.bundle.network.against_channels_last:
            runtime = replace(runtime, channels_last=False)
        self.runtime = runtime
        self.runtime.network(self.bundle.network)
        self.task = task_named(self.bundle.task)
        if self.bundle.calibration is not None:
            self.follow(self.bundle.calibration)

    def __fspath__(self) -> str:
        """The path, so that a run can be given wherever its folder can."""
        return str(self.path)

    @property
    def network(self) -> Network:
        """The network, a plain module in evaluation mode.

        >>> import numpy as np
        >>> run = load("embedded")
        >>> run.network(run.preprocess(np.zeros((60, 80, 3), np.uint8))[None]).shape
        torch.Size([1, 200])

        Of a preprocessing that is `mirrored`, `predict` reads the mean over the images and `images.flip(3)`.
        """
        return self.bundle.network

    @cached_property
    def _quick_form(self) -> QuickForm:
        with torch_threads(1):
            return quick_form(self.network, self.preprocess)

    @cached_property
    def _form(self) -> QuickForm:
        return self._quick_form

    def choose_engine(self, engine: str = "auto", pictures: int | None = None, tell: Tell = log.info) -> None:
        """Have an engine compute what is predicted and evaluated from now on; without this, torch does.

        engine: "torch", "onnxruntime", "openvino", or "auto": the fastest here, as `engine_choice.form_by` finds out.
        pictures: how many will be asked about. tell: gets a line of what is made for the engine, and what was measured.
        Raises StriateError for an engine that is not known or not installed.
        """
        from striate.deploy.engine_choice import Asking, form_by  # imports torch's exporters

        asking = Asking(self.bundle, self.sha256, self._quick_form, self.runtime)
        self._form = form_by(asking, engine, pictures, tell)
        self.__dict__.pop("_together", None)  # of the engine before

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the logits."""
        return self.bundle.classes

    @cached_property
    def preprocess(self) -> Preprocessing:
        """How pictures become the network's input: a record, and a function (`preprocess.batch` of several)."""
        return Preprocessing.of(self.bundle.preprocess)

    @property
    def calibration(self) -> Calibration | None:
        """How its answers are read; None: as they are."""
        return self.bundle.calibration

    def follow(self, calibration: Calibration) -> None:
        """Have answers read by a calibration from now on; of what is kept beside the weights this is done already."""
        self.bundle = replace(self.bundle, calibration=calibration)
        self.task = calibrated(task_named(self.bundle.task), calibration)

    @property
    def metrics(self) -> dict[str, Any]:
        """What was measured at the end of training; empty while it goes on."""
        return dict(self.bundle.metrics)

    @property
    def recipe(self) -> dict[str, Any]:
        """All of `recipe.json`: recipe, seed, versions, machine, data. Raises StriateError when it is damaged."""
        return read_record(self.path / RECIPE, dict[str, Any])

    def _trained_in(self) -> str | None:
        """The precision that the run was trained in; None of other weights, and where that is not known."""
        with suppress(StriateError):
            machine = self.recipe.get("machine")
            return machine.get("precision") if isinstance(machine, dict) else None
        return None

    @property
    def task_name(self) -> str:
        """What it was trained for."""
        return self.task.name

    @property
    def engine_words(self) -> str:
        """What computes, and in which precision, as a person reads it."""
        if isinstance(self._form, EngineForm):
            return f"{self._form.engine.words} {self.runtime.precision}"
        return f"torch {torch.__version__.split('+')[0]} {self.runtime.precision}"

    @cached_property
    def sha256(self) -> str:
        """Of the weights, as the header of `model.safetensors` has it."""
        return self.bundle.sha256

    @property
    def at_once(self) -> int:
        """How many batches are best answered at once, each by one thread; 1 on a GPU, which takes one after another."""
        return super().at_once if self.runtime.device == "cpu" else 1

    @contextmanager
    def computing(self) -> Iterator[None]:
        """The context in which many batches are answered, between which memory is not given back to the system."""
        self._form.eval()  # made before several threads ask for it
        with torch_threads(1), keep_freed_memory():
            yield

    def answer(self, pictures: Pixels, names: Sequence[str], top: int) -> list[Any]:
        """Of uint8 (N, h, w, C) at the working size, at least one; an answer for each, in the task's own form."""
        with torch_threads(1):  # so that its bits are those of the picture: see `equal_shapes`
            return in_equal_shapes(partial(self._answer, top=top), self._together, pictures, names)

    @torch.inference_mode()
    def _answer(self, pictures: Pixels, names: Sequence[str], top: int) -> list[Any]:
        few, task, found = self.task.at_once or len(names), self.task.at(self.bundle.thresholds), list[Any]()
        for start in range(0, len(names), few):
            output = task.predict(self._form, to_batch(pictures[start : start + few]), self.preprocess, self.runtime)
            found += task.read(as_arrays(task.readable(output)), self.classes, names[start : start + few], top)
        return found

    @cached_property
    def _together(self) -> int | None:
        answer = partial(self._answer, top=len(self.classes))
        return most_together(answer, self.preprocess) if self.runtime.precision == "fp32" else None

    @checked
    def evaluate(
        self,
        dataset: Dataset | Data,
        split: str | None = None,
        progress: Progress | None = None,
        unreadable: list[DecodeError] | None = None,
    ) -> Evaluation:
        """Evaluate on a split of a dataset, or on all of its pictures with split "all".

        dataset: also its name or path, opened as in training; or what is in memory, of which all is evaluated: arrays
        (pictures, labels), a list of (picture, class), or a Dataset that gives such pairs. split: as in
        `split_to_evaluate`. Classes are matched by name. unreadable: pictures that cannot be read are left out and
        added to this list; without a list the first one is raised.
        Raises StriateError for a class that the network does not know and for a split without a readable picture,
        DecodeError for a picture that cannot be read.

        Where splits are drawn, pictures that a run lists keep the split that they had in it, whatever else has come to
        the data; by the hash of each, whatever its name, the result says on how many it was trained, and what it
        reaches on the others (`trained_on`, `chose_weights`, `unseen`).
        """
        from striate.deploy.inputs import members, open_for, split_to_evaluate  # every reader of data there is

        dataset = self.recorded(dataset if isinstance(dataset, Dataset) else open_for(self, dataset))
        indices = members(dataset, split_to_evaluate(dataset, split))
        seen, task = dict[int, int](), self.task.at(self.bundle.thresholds)
        found: Evaluation = self.measure(task, dataset, indices, seen, progress, unreadable).result()
        if self.calibration is not None:
            found = replace(found, none_below=self.calibration.none_below)
        if self._known is None or not isinstance(found, Evaluation):
            return found
        return replace(found, seen=torch.tensor([seen[index] for index in indices.tolist() if index in seen]))

    def measure(
        self,
        task: Task,
        dataset: Dataset,
        indices: Indices,
        seen: dict[int, int],
        progress: Progress | None = None,
        unreadable: list[DecodeError] | None = None,
    ) -> Metric:
        """What a metric makes of the answers to pictures, by their numbers. task: that of the run, with any metric."""
        from striate.deploy.inputs import targets_for

        require_targets(dataset, self.task)
        targets = targets_for(dataset, self.path, self.classes, named=self.bundle.named).at(self.preprocess)
        batches = batches_to_evaluate(
            dataset, indices, targets, self.preprocess, self._known, seen, progress, unreadable
        )
        with self.runtime.processor_threads(), keep_freed_memory():
            return evaluate(task, self._form, batches, self.preprocess, self.classes, self.runtime)

    def recorded(self, dataset: Dataset) -> Dataset:
        """A dataset with the splits that the run had, where they were drawn; of other weights the dataset as it is."""
        return self._known.recorded(dataset) if self._known is not None else dataset

    @checked
    def export(
        self,
        output: str | Path | None = None,
        format: str | None = None,
        precision: str = "fp32",
        with_preprocessing: bool = False,
        data: str | Path | None = None,
        max_drop: float | None = None,
    ) -> ExportedFile:
        """Write the network to a file that other programs open, tried on pictures before it is kept; see `Asked`.

        Raises StriateError, and leaves no file, where it cannot be written, or answers otherwise than the network.
        """
        from striate.deploy.export.asked import Asked, export_run

        return export_run(self, Asked(output, format, precision, with_preprocessing, data, max_drop))

    @cached_property
    def _known(self) -> Known | None:
        """The pictures that the run was begun with; None of other weights, and, said, where its list is of no use."""
        if not (self.path / RECIPE).is_file():
            return None
        try:
            data = self.recipe.get("data")
            earlier = not (isinstance(data, dict) and "classes" in data)
            return known_pictures(self.path / MANIFEST, Hashing(self.preprocess, earlier))
        except StriateError as error:
            log.warning("%s; so nothing tells which of these pictures the run was trained on", error)
            return None

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        height, width = self.preprocess.size
        return {
            "path": self.path,
            "network": self.network.label,
            "classes": few(self.classes),
            "input": f"{self.preprocess.channels}x{height}x{width}",
            **self.metrics,
        }


@checked
@global_state_kept()
def load(folder: str | Path, precision: str = "auto", model: Model | None = None, device: str = "auto") -> Run:
    """Open a run folder, "embedded", other weights, or an open run's folder again, for use; see `opened.load`."""
    return Run(folder, precision, model, device)
