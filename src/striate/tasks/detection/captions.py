"""What is read under pictures of a batch."""

from __future__ import annotations

from collections import Counter

from striate.data.targets import BatchTargets
from striate.data.targets.boxes import boxes_of


def captions(targets: BatchTargets, names: tuple[str, ...]) -> list[str]:
    """How many objects of which class each picture has, the most frequent first."""
    batch = boxes_of(targets)
    found = [Counter[str]() for _ in range(len(batch))]
    for picture, label, ignored in zip(
        batch.picture.tolist(), batch.labels.tolist(), batch.ignored.tolist(), strict=True
    ):
        found[picture][f"{names[label]}, not asked for" if ignored else names[label]] += 1
    return ["; ".join(f"{count} {name}" for name, count in each.most_common()) or "nothing" for each in found]
