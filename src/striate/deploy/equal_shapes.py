"""Batches of one shape: in fp32 the bits of an answer are those of its picture, whatever else is asked with it.

Kernels choose by the shape of a batch in which order they add, and by the number of threads. On an EPYC with AVX-512,
convolutions of small maps (squeeze and excitation, the last stages) and linear layers give a picture other last bits
alone than among 32, and those of the embedded network among 4 and among 8 differ with one thread and with two. At one
shape and number of threads neither the place of a picture nor its neighbours change a bit, but where an operator ends
in a part of a vector register. So in fp32 pictures go through the network by fours, the last ones with black ones
beside them, or one by one where four equal pictures are not answered alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from striate.core.records import Preprocess
from striate.data.decode import Pixels
from striate.ops.threads import torch_threads
from striate.runtime.runtime import Runtime

AT_ONCE = 4  # a picture alone pays for all of them; of 32, ResNet-18 gains nothing more, the embedded network a tenth

Answer = Callable[[Pixels, Sequence[str]], list[Any]]
"""Of uint8 (N, h, w, C), with a name for each."""


def exact_threads(runtime: Runtime) -> AbstractContextManager[None]:
    """The context in which pictures are answered: in fp32 with as many threads whatever other programs do."""
    return torch_threads(runtime.threads) if runtime.precision == "fp32" else runtime.processor_threads()


def at_once(answer: Answer, preprocess: Preprocess) -> int:
    """How many pictures a network is asked about at once so that their places do not matter."""
    drawn = np.random.default_rng(0).integers(0, 256, (*preprocess.resize, preprocess.channels), np.uint8)
    first, *others = [each.to_dict() for each in answer(np.stack([drawn] * AT_ONCE), [""] * AT_ONCE)]
    return AT_ONCE if all(other == first for other in others) else 1


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
