"""How people spell the splits: train, Training, train_set, val, valid, dev, eval, Testing, seg_test ..."""

from __future__ import annotations

import re
from collections.abc import Sequence

SPELLINGS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validate", "validation", "dev", "development", "eval", "evaluation"), "val"),
    **dict.fromkeys(("test", "testing", "tests", "tst"), "test"),
}
NOISE = ("datasets", "dataset", "data", "sets", "set", "splits", "split", "images", "image", "imgs", "img", "pictures")
BETWEEN = "[ _.-]*"
SPELT = re.compile(
    rf"(?:(?:{'|'.join(NOISE)})[ _.-]+)?({'|'.join(SPELLINGS)})(?:{BETWEEN}(?:{'|'.join(NOISE)}))*"
    rf"(?:{BETWEEN}(?:19|20)\d\d)?"
)


def split_of(name: str) -> str | None:
    """The split that a name stands for, whatever its case; None for any other name.

    >>> [split_of(name) for name in ("Training", "test_set", "valid", "eval", "trainData", "trainers")]
    ['train', 'test', 'val', 'val', 'train', None]
    """
    spelt = SPELT.fullmatch(name.strip().lower())
    return SPELLINGS[spelt[1]] if spelt else None


def splits_of(names: Sequence[str]) -> dict[str, str]:
    """Split by name, of those among the names of folders that stand for one.

    Where none does, a word that they share may stand before or after: seg_train and seg_test.

    >>> splits_of(["Train", "extra", "dev"])
    {'Train': 'train', 'dev': 'val'}
    >>> splits_of(["seg_train", "seg_test", "seg_pred"])
    {'seg_test': 'test', 'seg_train': 'train'}
    """
    spelt = {name: split for name in names if (split := split_of(name))}
    if spelt:
        return spelt
    groups = affixed(names)
    return groups[0] if len(groups) == 1 else {}


def affixed(names: Sequence[str]) -> list[dict[str, str]]:
    """Split by name, for each word that train and another split share.

    >>> affixed(["cat_train", "cat_test", "dog_train", "dog_test", "eel"])
    [{'cat_test': 'test', 'cat_train': 'train'}, {'dog_test': 'test', 'dog_train': 'train'}]
    """
    groups: dict[tuple[str, ...], dict[str, str]] = {}
    for name in sorted(names):
        words = re.split(r"[ _.-]+", name.lower())
        places = [place for place, word in enumerate(words) if word in SPELLINGS]
        if len(places) == 1 and len(words) > 1:
            shared = (*words[: places[0]], "", *words[places[0] + 1 :])
            groups.setdefault(shared, {})[name] = SPELLINGS[words[places[0]]]
    return [group for group in groups.values() if {"train"} < set(group.values())]
