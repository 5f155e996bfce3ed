"""The splits: values that must never change, stratification, independence of the order of listing."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.core.errors import StriateError
from striate.data.check import refuse_untrainable
from striate.data.dataset import ArrayPictures, Dataset
from striate.data.splits import Shares, name_hash, split_by_name, split_dataset

# By coreutils: printf '0/cat/00.jpg' | b2sum -l 64
GOLDEN_HASHES = [
    ("cat/00.jpg", 0, 0x65E5BBE59A5D87A2),
    ("cat/00.jpg", 1, 0x0D3C73B8040AD8B7),
    ("Bär/ü.png", 0, 0x4B88DDDB51BD3D28),
    ("digits[17]", 0, 0x1D11044CE61C3F31),
]


@pytest.mark.parametrize("name, seed, printed", GOLDEN_HASHES)
def test_name_hash_is_blake2b_of_seed_and_name(name: str, seed: int, printed: int) -> None:
    assert name_hash(name, seed) == printed
    assert name_hash(unicodedata.normalize("NFD", name), seed) == printed


def test_name_that_is_no_utf8_has_a_hash() -> None:
    assert name_hash("cat/\udcff.jpg", 0) != name_hash("cat/\udcfe.jpg", 0)


def test_golden_split() -> None:
    """Two classes of 20: 15 % are 3 each. The numbers were taken once and must stay on every machine."""
    names = [f"{animal}/{number:02}.jpg" for animal in ("cat", "dog") for number in range(20)]
    labels = np.repeat([0, 1], 20)
    first, second = split_by_name(names, labels, 0), split_by_name(names, labels, 1)
    assert first["test"].tolist() == [1, 3, 10, 30, 33, 36]
    assert first["val"].tolist() == [6, 14, 18, 24, 25, 29]
    assert second["test"].tolist() == [0, 11, 15, 25, 27, 33]
    assert second["val"].tolist() == [3, 5, 12, 21, 30, 38]
    by_hash = sorted(range(20), key=lambda number: name_hash(names[number], 0))
    assert first["test"].tolist()[:3] == sorted(by_hash[:3])
    assert first["val"].tolist()[:3] == sorted(by_hash[3:6])


@pytest.mark.parametrize(
    "pictures, train, val, test",
    [
        (1, 1, 0, 0),
        (2, 1, 1, 0),
        (3, 1, 1, 1),
        (9, 7, 1, 1),  # 1.35 rounds to 1
        (10, 6, 2, 2),  # 1.5 rounds up
        (100, 70, 15, 15),
    ],
)
def test_pictures_of_one_class(pictures: int, train: int, val: int, test: int) -> None:
    parts = split_by_name([str(i) for i in range(pictures)], np.zeros(pictures, np.int64), 0)
    assert [len(parts[split]) for split in ("train", "val", "test")] == [train, val, test]


labelled = st.lists(st.tuples(st.text(max_size=8), st.integers(0, 5)), unique=True, min_size=1, max_size=300)


@given(labelled, st.integers(0, 3))
def test_every_class_has_its_share(samples: list[tuple[str, int]], seed: int) -> None:
    names, labels = [name for name, _ in samples], np.array([label for _, label in samples])
    parts = split_by_name(names, labels, seed)
    together = np.concatenate(list(parts.values()))
    assert sorted(together.tolist()) == list(range(len(samples)))
    for label, size in enumerate(np.bincount(labels).tolist()):
        for split in ("val", "test"):
            part = int((labels[parts[split]] == label).sum())
            assert abs(part - 0.15 * size) <= 0.5 or part == 1
        assert size == 0 or (labels[parts["train"]] == label).any()


@given(labelled, st.randoms())
def test_order_of_listing_does_not_matter(samples: list[tuple[str, int]], random: object) -> None:
    samples = list({unicodedata.normalize("NFC", name): (name, label) for name, label in samples}.values())
    shuffled = samples.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def by_name(order: list[tuple[str, int]]) -> dict[str, set[str]]:
        parts = split_by_name([name for name, _ in order], np.array([label for _, label in order]), 0)
        return {split: {order[index][0] for index in part.tolist()} for split, part in parts.items()}

    assert by_name(samples) == by_name(shuffled)


def test_a_new_picture_moves_few_others() -> None:
    names = [f"{number}.jpg" for number in range(1000)]
    before = split_by_name(names, np.zeros(1000, np.int64), 0)
    after = split_by_name([*names, "new.jpg"], np.zeros(1001, np.int64), 0)
    moved = sum(len(set(after[split].tolist()) - set(before[split].tolist()) - {1000}) for split in before)
    assert moved <= 2  # one over each of the two borders


def make(labels: list[int], given_splits: dict[str, list[int]], shares: Shares | None = None) -> Dataset:
    pictures = ArrayPictures(np.zeros((len(labels), 2, 2), np.uint8), "some")
    names = [pictures.name(index) for index in range(len(labels))]
    parts = {split: np.array(numbers) for split, numbers in given_splits.items()}
    return split_dataset("photos", pictures, names, np.array(labels), ["cat", "dog"], parts, 0, shares)


def test_all_three_are_made() -> None:
    data = make([0, 1] * 20, {}, Shares(val=10, test=20))
    assert data.counts() == {"train": [14, 14], "val": [2, 2], "test": [4, 4]}
    assert data.split_rule == "70 % train, 10 % val, 20 % test, stratified by class, by name and split seed 0"


def test_val_is_taken_from_train() -> None:
    data = make([0, 1] * 20, {"train": list(range(20)), "test": list(range(20, 40))})
    assert data.counts() == {"train": [8, 8], "val": [2, 2], "test": [10, 10]}  # 15 % of 10 is 1.5: 2
    assert data.splits["test"].tolist() == list(range(20, 40))
    assert set(data.splits["train"].tolist()) | set(data.splits["val"].tolist()) == set(range(20))
    assert data.split_rule == (
        "train, test as given; val is 15 % of the given train, stratified by class, by name and split seed 0"
    )


def test_without_test_there_is_none() -> None:
    data = make([0, 1] * 4, {"train": list(range(4)), "val": list(range(4, 8))})
    assert list(data.splits) == ["train", "val"]
    assert data.split_rule == "train, val as given; no test split"


def test_given_splits_stay() -> None:
    data = make([0, 1] * 3, {"train": [0, 1], "val": [2, 3], "test": [4, 5]})
    assert {split: part.tolist() for split, part in data.splits.items()} == {
        "train": [0, 1],
        "val": [2, 3],
        "test": [4, 5],
    }
    assert data.split_rule == "train, val, test as given"


def test_nothing_to_train_on() -> None:
    with pytest.raises(StriateError, match=r"^photos has val and test pictures but none to train on$"):
        refuse_untrainable(make([0, 1], {"val": [0], "test": [1]}))


def test_class_without_training_pictures_is_named() -> None:
    text = "photos: 1 class (dog) without a readable picture to train on (there are some in val)"
    with pytest.raises(StriateError, match=f"^{re.escape(text)}; add pictures or remove the class$"):
        refuse_untrainable(make([0, 1], {"train": [0], "val": [1]}))
