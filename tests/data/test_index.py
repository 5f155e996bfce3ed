"""What a picture costs before it is decoded: an index of a hundred thousand, weighed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.data.check import check_data
from striate.data.dataset import Dataset, FilePictures, Names
from striate.data.scan import Scan
from striate.data.sources import open_data
from striate.data.splits import split_dataset

PICTURES, CLASSES = 100_000, 1000
T = TypeVar("T")


def weighed(work: Callable[[], T]) -> tuple[T, float, float]:
    """The result, and the bytes per picture that stay and that were needed at the most."""
    tracemalloc.start()
    try:
        result = work()
        stay, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return result, stay / PICTURES, most / PICTURES


def scan_of(dataset: Dataset) -> Scan:
    """A scan in which every picture is another."""
    digests = np.zeros((PICTURES, 2), np.uint64)
    digests[:, 0] = np.random.default_rng(0).permutation(PICTURES)
    return Scan(np.full((PICTURES, 2), 64, np.int32), digests.view(np.uint8), {})


def test_a_picture_of_a_folder_takes_less_than_100_bytes() -> None:
    def index() -> tuple[Dataset, Scan]:
        labels = np.repeat(np.arange(CLASSES), PICTURES // CLASSES)
        paths = (f"train/n{label:08}/images/n{label:08}_{number:05}.JPEG" for number, label in enumerate(labels))
        pictures = FilePictures(Path("photos"), paths)
        classes = [f"n{label:08}" for label in range(CLASSES)]
        dataset = split_dataset("photos", pictures, pictures.relative_paths, labels, classes, {}, seed=0)
        scan = scan_of(dataset)
        assert check_data(dataset, scan).problems == []
        return dataset, scan

    (dataset, _), stay, most = weighed(index)
    assert dataset.pictures.name(99_999) == "photos/train/n00000999/images/n00000999_99999.JPEG"
    assert stay < 100
    assert most < 140  # while it is split and checked


def test_a_line_of_a_table_takes_less_than_100_bytes(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    with file.open("w") as table:
        table.writelines(f"class_{n % CLASSES:04}/picture_{n:06}.jpg,class_{n % CLASSES:04}\n" for n in range(PICTURES))
    (dataset, _), stay, most = weighed(lambda: ((opened := open_data(file)), scan_of(opened)))
    assert len(dataset.pictures) == PICTURES
    assert stay < 100
    assert most < 140


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.just("x/\udcff/y\udcfe.png")))
def test_names_are_what_went_in(names: list[str]) -> None:
    stored = Names(names)
    assert list(stored) == names
    assert [stored[index] for index in range(len(stored))] == names


@pytest.mark.parametrize("order", [1, -1])
def test_names_of_one_folder_share_it_in_any_order(order: int) -> None:
    names = [f"{'long folder ' * 10}{number % 3}/{number}" for number in range(3000)][::order]
    _, stay, _ = weighed(lambda: Names(names))
    assert stay * PICTURES < 3000 * 30
