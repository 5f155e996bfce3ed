"""The door to all data: from what a person names to a Dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from striate.answers.boxes import LOCALISATION
from striate.answers.classes import CLASSIFICATION
from striate.answers.detections import DETECTION
from striate.answers.instances import INSTANCES
from striate.answers.labels import MULTILABEL
from striate.answers.masks import SEGMENTATION
from striate.core.errors import IdleField, StriateError, unknown_name
from striate.data.boxes.dataset import has_boxes, open_boxes, task_of_boxes
from striate.data.check import refuse_untrainable
from striate.data.cifar import is_cifar, open_cifar
from striate.data.csv_file import open_csv
from striate.data.dataset import Dataset
from striate.data.digits import open_digits
from striate.data.folder import open_folder
from striate.data.from_memory import open_in_memory
from striate.data.idx import find_idx, open_idx
from striate.data.in_memory import Data, Given, as_data, elsewhere, is_same, kind_of, several_labels, source_of
from striate.data.joined import with_splits_elsewhere
from striate.data.label_table import has_labels, is_table, open_labels
from striate.data.masks.folder import open_masks
from striate.data.masks.pairs import half_of_pairs, has_classes, has_masks, masks_below, without_masks
from striate.data.npz_file import open_npz
from striate.data.parquet_file import ENDING as PARQUET
from striate.data.parquet_file import open_parquet, parquet_files
from striate.data.scan import Progress
from striate.data.targets.masks import MaskTargets, require_ignored
from striate.data.walk import all_of

BUILT_IN = {"digits": open_digits}
MASKS, BOXES, LABELS, CLASSES = "masks", "boxes", "labels", "classes"
ALLOWED = (
    "data is digits (built in), a folder with one sub-folder of pictures per class (with or without train, val and "
    "test above), a folder of pictures and masks (images/ and masks/), a .csv or .tsv file of path and label, or of "
    "several labels (a;b), of boxes also x0, y0, x1 and y1, a folder of VOC's XML files or YOLO's labels, COCO's JSON, "
    "MNIST's IDX files, CIFAR's folder or .tar.gz, an .npz of pictures and labels, or .parquet files of them, one or a "
    "folder"
)


def open_data(
    source: Data,
    split_seed: int = 0,
    progress: Progress | None = None,
    *,
    val: Data | None = None,
    test: Data | None = None,
    ignored: str | None = None,
    task: str | None = None,
) -> Dataset:
    """Open what a person named, to train on it, by what is found there.

    source: "digits" (a folder of that name is "./digits"), a path, arrays (pictures, labels), a list of (picture,
    class), or a map-style Dataset that gives such pairs. split_seed: decides which pictures validate and test where the
    data does not say so itself. progress: of reading a list, Dataset or Parquet. val, test: data
    of any form that lies elsewhere, all of which validates or tests; its classes are matched by name. ignored: of
    masks, a class of whose pixels nothing is asked. task: whose targets are read where the data has several, and what
    boxes are for; by default what the data looks to be for.
    Raises StriateError, with what is allowed, for anything else, for fewer than two classes, and for a class that has
    nothing to train on, and where the folders taken for classes are likely none.

    >>> open_data("digits").counts()["test"]
    [36, 36, 35, 37, 36, 36, 36, 36, 35, 36]
    """
    dataset = open_with_elsewhere(as_data(source), elsewhere(val, test), split_seed, progress, ignored, task)
    _refuse_half_of_pairs(source, dataset)
    if dataset.inventory.doubt:
        raise StriateError(dataset.inventory.doubt)
    if ignored is not None and isinstance(dataset.targets, MaskTargets):
        require_ignored(dataset.targets, ignored, dataset.source)
    refuse_untrainable(dataset)
    return dataset


def _refuse_half_of_pairs(source: Data, dataset: Dataset) -> None:
    """Raise StriateError where folders were taken for classes that are pictures without masks, or the reverse."""
    if dataset.targets.task != CLASSIFICATION or not isinstance(source, str | Path) or not Path(source).is_dir():
        return
    pictures = map(sum, zip(*dataset.counts().values(), strict=True))
    error = half_of_pairs(str(source), dict(zip(dataset.targets.names, pictures, strict=True)))
    if error is not None:
        raise error


def open_with_elsewhere(
    source: Given,
    others: Mapping[str, Given],
    split_seed: int = 0,
    progress: Progress | None = None,
    ignored: str | None = None,
    task: str | None = None,
) -> Dataset:
    """Data, and the splits of it that lie elsewhere, by "val" and "test"; whatever can be learned from it."""
    for split, other in others.items():
        if is_same(source, other):
            flag = f"--{split}"
            raise StriateError(
                f"{source_of(source)} is given twice, to train on and as {flag}: what is measured on pictures that "
                f"were learned from says nothing. Leave {flag} out, and some of them are kept apart, or give others"
            )
    dataset = open_to_evaluate(source, split_seed, progress, ignored, task)
    if not others:
        return dataset
    asked = split_seed, progress, ignored, dataset.targets.task  # one box in each picture may be detection's too
    opened = {split: open_to_evaluate(other, *asked) for split, other in others.items()}
    return with_splits_elsewhere(dataset, opened, split_seed)


def open_to_evaluate(
    source: Data,
    split_seed: int = 0,
    progress: Progress | None = None,
    ignored: str | None = None,
    task: str | None = None,
) -> Dataset:
    """The same, where one class or a test split alone will do, and a class to ignore need not be there."""
    given = as_data(source)
    path = _on_disk(given)
    if path is not None and _kind_of(path, task) == MASKS:
        return open_masks(path, split_seed, progress, ignored)
    if ignored is not None:
        raise IdleField("ignore_class", "pictures with masks")
    try:
        if isinstance(given, str):
            return _opened(given, task, split_seed, progress)
        return open_in_memory(given, split_seed, progress)
    except MemoryError as error:
        what = given if isinstance(given, str) else kind_of(given)
        raise StriateError(f"{what} needs more memory than there is to be read; close other programs") from error


def _opened(source: str, task: str | None, split_seed: int, progress: Progress | None) -> Dataset:
    if source in BUILT_IN:
        return BUILT_IN[source](split_seed)
    path = Path(source).expanduser()
    if path.exists() and _kind_of(path, task) == BOXES:
        return open_boxes(path, split_seed, progress, task)
    if path.exists() and _kind_of(path, task) == LABELS:
        return open_labels(path, split_seed)
    if path.suffix.lower() in (".csv", ".tsv") and path.is_file():
        return open_csv(path, split_seed)
    if path.suffix.lower() == ".npz" and path.is_file():
        return open_npz(path, split_seed)
    if path.suffix.lower() == PARQUET and path.is_file():
        return open_parquet(path, split_seed, progress)
    if is_cifar(path) or (path.name.lower().endswith((".tar.gz", ".tgz", ".tar")) and path.is_file()):
        return open_cifar(path, split_seed)
    if find_idx(path):
        return open_idx(path, split_seed)
    if path.is_dir() and parquet_files(path):
        return open_parquet(path, split_seed, progress)
    if path.is_dir():
        return open_folder(path, split_seed, without_masks if has_masks(path) else all_of)
    raise _not_data(source, path)


def task_of(source: Given) -> str:
    """The name of the task that data is for, by what is seen without opening a picture.

    >>> task_of("digits")
    'classification'
    """
    path = _on_disk(source)
    if path is None:
        return MULTILABEL if not isinstance(source, str) and several_labels(source) else CLASSIFICATION
    kind = _kind_of(path)
    return task_of_boxes(path) if kind == BOXES else {MASKS: SEGMENTATION, LABELS: MULTILABEL}.get(kind, CLASSIFICATION)


def _on_disk(source: Given) -> Path | None:
    """Where data lies, of which nothing but its files says what it is."""
    path = Path(source).expanduser() if isinstance(source, str) and source not in BUILT_IN else None
    return path if path is not None and path.exists() else None


def _kind_of(path: Path, task: str | None = None) -> str:
    """What is read of data: that which a task needs, where it is there, else that which the data looks to have."""
    if task == SEGMENTATION and masks_below(path):
        return MASKS
    of_boxes = task in (LOCALISATION, DETECTION, INSTANCES)
    if of_boxes and (has_boxes(path) or (task != LOCALISATION and masks_below(path))):
        return BOXES
    if task == CLASSIFICATION and (
        has_classes(path) if path.is_dir() else path.suffix.lower() not in (".json", ".yaml", ".yml")
    ):
        return CLASSES
    if task == MULTILABEL:
        return LABELS if is_table(path) else CLASSES
    if has_masks(path) or has_boxes(path):
        return MASKS if has_masks(path) else BOXES
    return LABELS if has_labels(path) else CLASSES


def _not_data(source: str | Path, path: Path) -> StriateError:
    """The error for a path that is no data, or is not there."""
    if path.exists() and path.suffix.lower() == ".npy":
        return StriateError(
            f"{source} holds one array, and pictures need labels: save both in one file, "
            "numpy.savez('data.npz', x=pictures, y=labels), or give (pictures, labels) in Python"
        )
    if path.exists():
        return StriateError(f"{source} is not data that can be opened; {ALLOWED}")
    if path.name == str(source):
        error = unknown_name("data", str(source), BUILT_IN)
        if "did you mean" in str(error):
            return error
    return StriateError(f"{source}: no such file or folder; {ALLOWED}")
