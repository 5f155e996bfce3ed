"""Batches whose answers have the bits of their pictures, whatever else is asked with them.

Kernels choose by the shape of a batch, and by the number of threads that share it, in which order they add. Of one
thread the order is that of a picture: on AVX-512 and AVX2 oneDNN's convolutions, and MKL's products of four rows and
more, give a picture the same bits alone and among others, in fp32 and in bf16 (of fewer rows: `runtime.program.fusing`
takes four). So one thread answers a batch. Where a network is no program, or other kernels are used, a trial in fp32
says so: then pictures go through the network by fours, the last ones with black ones beside them, or one by one where
four equal pictures are not answered alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from striate.core.records import Preprocess
from striate.data.decode import Pixels

TOGETHER = 4  # a picture alone pays for all of them; of 32, ResNet-18 gains nothing more, the embedded network a tenth

Answer = Callable[[Pixels, Sequence[str]], list[Any]]
"""Of uint8 (N, h, w, C), with a name for each."""


def most_together(answer: Answer, preprocess: Preprocess) -> int | None:
    """How many pictures a network is asked about at once so that neither their places nor their number matter.

    None: any number.
    """
    drawn = np.random.default_rng(0).integers(0, 256, (*preprocess.resize, preprocess.channels), np.uint8)
    first, *others = [each.to_dict() for each in answer(np.stack([drawn] * TOGETHER), [""] * TOGETHER)]
    if any(other != first for other in others):
        return 1
    (alone,) = answer(drawn[None], [""])
    return None if alone.to_dict() == first else TOGETHER


def in_equal_shapes(answer: Answer, count: int | None, pictures: Pixels, names: Sequence[str]) -> list[Any]:
    """An answer for each of any number of pictures, from a network asked about `count` at a time; None: about all."""
    if count is None:
        return answer(pictures, names)
    answers: list[Any] = []
    for part, named in _parts(count, pictures, names):
        answers += answer(part, [*named, *[""] * (count - len(named))])[: len(named)]
    return answers


def _parts(count: int, pictures: Pixels, names: Sequence[str]) -> Iterator[tuple[Pixels, Sequence[str]]]:
    """Pictures (count, h, w, C), with the names of those that are real.

    >>> [(part.shape, names) for part, names in _parts(4, np.ones((5, 8, 9, 3), np.uint8), "abcde")]
    [((4, 8, 9, 3), 'abcd'), ((4, 8, 9, 3), 'e')]
    """
    for start in range(0, len(names), count):
        part = pictures[start : start + count]
        if len(part) < count:
            part = np.concatenate([part, np.zeros((count - len(part), *part.shape[1:]), np.uint8)])
        yield part, names[start : start + count]
