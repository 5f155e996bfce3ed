"""A list of calls, gone through again and again with other images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils._pytree import tree_leaves

from striate.runtime.program.recording import Call, NotAProgram


class Step(NamedTuple):
    """A call by numbers of slots instead of tensors.

    arguments: positional, with None where something is read: `read` says which of them are taken from which slot,
    `lists` which are lists of what is in which slots. given: the slots that its results go to. done: slots that nobody
    reads after it.
    """

    operator: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    read: tuple[tuple[int, int], ...]
    lists: tuple[tuple[int, tuple[int, ...]], ...]
    given: tuple[int, ...]
    done: tuple[int, ...]


class Program:
    """Calls as a function of images: their tensors are looked up by number, and let go of when nobody reads them.

    images, answer: the tensors of the recorded pass that stand for them. Raises NotAProgram for arguments that are
    neither tensors nor lists of nothing but tensors.
    """

    def __init__(self, calls: Sequence[Call], images: Tensor, answer: Tensor) -> None:
        slots: dict[int, int] = {id(images): 0}
        for call in calls:
            for tensor in call.given:
                slots.setdefault(id(tensor), len(slots))
        last_read: dict[int, int] = {}
        for place, call in enumerate(calls):
            last_read |= {slots[id(tensor)]: place for tensor in call.taken if id(tensor) in slots}
        last_read[slots[id(answer)]] = len(calls)
        self._count, self._answer = len(slots), slots[id(answer)]
        self.steps = tuple(_step(call, place, slots, last_read) for place, call in enumerate(calls))

    def __call__(self, images: Tensor) -> Tensor:
        """The answer to images."""
        found: list[Any] = [None] * self._count
        found[0] = images
        for operator, constants, keywords, read, lists, given, done in self.steps:
            arguments = list(constants)
            for place, slot in read:
                arguments[place] = found[slot]
            for place, several in lists:
                arguments[place] = [found[slot] for slot in several]
            result = operator(*arguments, **keywords)
            if isinstance(result, Tensor):
                found[given[0]] = result
            else:
                for slot, part in zip(given, _tensors(result), strict=True):
                    found[slot] = part
            for slot in done:
                found[slot] = None
        answer: Tensor = found[self._answer]
        return answer


def _tensors(values: Any) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]


def _step(call: Call, place: int, slots: dict[int, int], last_read: dict[int, int]) -> Step:
    arguments, read, lists = list(call.arguments), [], []
    for at, value in enumerate(arguments):
        made = [slots[id(tensor)] for tensor in _tensors(value) if id(tensor) in slots]
        if made and isinstance(value, Tensor):
            read.append((at, made[0]))
        elif made and len(made) == len(value):
            lists.append((at, tuple(made)))
        elif made:
            raise NotAProgram(f"{call.operator} takes a list of more than tensors of the pass")
        arguments[at] = None if made else value
    if any(id(tensor) in slots for tensor in _tensors(call.keywords)):
        raise NotAProgram(f"{call.operator} takes a tensor by name")
    given = tuple(slots[id(tensor)] for tensor in call.given)
    taken = {slots[id(tensor)] for tensor in call.taken if id(tensor) in slots}
    done = tuple(slot for slot in taken | set(given) if last_read.get(slot, -1) <= place)
    return Step(call.operator, tuple(arguments), call.keywords, tuple(read), tuple(lists), given, done)
