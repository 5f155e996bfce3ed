"""The pictures of an evaluation as they are decoded, and what the training of a run did with each of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.batches import Batch
from striate.data.cache import remembered_digests
from striate.data.dataset import Dataset
from striate.data.decode import DecodeError, Pixels
from striate.data.known import Known
from striate.data.picture import to_batch
from striate.data.scan import Progress, pixel_digest
from striate.data.streaming import Undecoded, read_batches
from striate.data.targets import Indices, Targets
from striate.data.unreadable import bad_targets

# Whether a file has changed since its pixels were hashed costs a fiftieth of hashing those of a photograph.
STATED_PER_HASHED = 20


def batches_to_evaluate(
    dataset: Dataset,
    indices: Indices,
    targets: Targets,
    preprocess: Preprocess,
    known: Known | None,
    seen: dict[int, int],
    progress: Progress | None = None,
    unreadable: list[DecodeError] | None = None,
) -> Iterator[Batch]:
    """Pictures of a dataset by their numbers, with their targets, in the order in which they are read.

    known: the pictures of a run; `seen` gets the split that it had each in, -1 where it had none. unreadable: takes
    those that cannot be read, or whose masks cannot; without it the first of them is raised. Raises StriateError where
    none can be read.
    """
    cached = None
    if known is not None and len(dataset.pictures) <= STATED_PER_HASHED * len(indices):
        cached = remembered_digests(dataset.pictures, preprocess)

    def decode(index: int, channels: int, cover: tuple[int, int], white: float | None) -> Pixels:
        pixels = dataset.pictures.decode(index, channels, cover, white)
        if known is not None:
            digest = cached[index].tobytes() if cached is not None else pixel_digest(pixels)
            seen[index] = known.split_of(dataset, index, digest)
        return pixels

    given = (Undecoded(dataset.pictures.name(index), partial(decode, index)) for index in indices.tolist())
    done, right = 0, 0
    for batch in read_batches(given, preprocess):
        part, pixels = indices[batch.places], batch.pictures
        errors = [*batch.bad.values()]
        done += len(part) + len(errors)
        try:
            known_of = targets.take(part) if len(part) else None
        except DecodeError:
            bad = bad_targets(targets, part)
            errors, kept = [*errors, *bad.values()], ~np.isin(part, list(bad))
            part, pixels = part[kept], pixels[kept]
            known_of = targets.take(part) if len(part) else None
        if unreadable is not None:
            unreadable += errors
        elif errors:
            raise errors[0]
        if known_of is not None:
            yield Batch(to_batch(pixels), known_of, part)
        right += len(part)
        if progress is not None:
            progress(done, len(indices))
    if not right:
        raise none_readable(dataset, done)


def none_readable(dataset: Dataset, among: int) -> StriateError:
    """The error for pictures to evaluate of which none can be read."""
    return StriateError(f"{dataset.source} has no picture that can be read among the {among} to evaluate")
