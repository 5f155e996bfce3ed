"""A network whose pass is repeated by a program, wherever that gives the same answers; elsewhere the network itself."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.runtime.folding import inference_form
from striate.runtime.program.fusing import fused
from striate.runtime.program.recording import Call, NotAProgram, Recording, record
from striate.runtime.program.running import Program

log = logging.getLogger("striate")

MOST_DIFFERENCE = {torch.float32: 1e-4, torch.bfloat16: 1 / 16}  # as a share of `_scale`
MOST_PROGRAMS = 4  # each has the weights once more, laid out for its size and number type

Key = tuple[torch.Size, torch.dtype]
_making = threading.Lock()


class QuickForm(nn.Module):
    """A network in evaluation mode, as quick on the processor as torch's own operators can make it.

    The first batch of each size of pictures is recorded; from then on the recorded operators are called, those that
    oneDNN can do in one go joined (`fusing`), in 32 bits or, within autocast, in bf16. What cannot be repeated so, what
    answers otherwise, and what is on a GPU or in another layout than channels last goes through the network.
    The program has the weights as they were when it was made. Several threads may call it at once.

    >>> layer = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()
    >>> images = torch.randn(2, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    >>> with torch.inference_mode():
    ...     torch.testing.assert_close(QuickForm(layer)(images), layer(images))
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.eval()
        self._programs: dict[Key, Program | None] = {}

    def forward(self, images: Tensor, *others: Any) -> Tensor:
        """(N, C, H, W) to the network's answer. others: what the network is given besides, which no program takes."""
        if others:
            return self.network(images, *others)  # type: ignore[no-any-return]
        program = self._program(images) if _repeatable(images) else None
        if program is None:
            return self.network(images)  # type: ignore[no-any-return]
        with torch.autocast("cpu", enabled=False):
            return program(images)

    def _program(self, images: Tensor) -> Program | None:
        key = images.shape[1:], computed_in()
        if key not in self._programs:
            with _making:
                self._make(key, images)
        return self._programs[key]

    def _make(self, key: Key, images: Tensor) -> None:
        if key not in self._programs:  # nor has another thread made it meanwhile
            try:
                self._programs[key] = self._made(images) if len(self._programs) < MOST_PROGRAMS else None
            except StriateError:
                raise
            except Exception as error:  # NotAProgram; what oneDNN lacks; whatever a network of one's own raises
                log.debug("the network is called as it is: %s", error)
                self._programs[key] = None

    def _made(self, images: Tensor) -> Program:
        """A program for any number of pictures, from a pass of one and one of two, tried on another one.

        Raises NotAProgram where the passes differ in more than that, or the answers, or where none may be recorded.
        """
        if not getattr(self.network, "repeatable", True):
            raise NotAProgram("a pass takes too much memory to be held on to")
        two, another = _channels_last(images[:1].repeat(2, 1, 1, 1)), _channels_last(-images[-1:].flip(3))
        told, recording = record(self.network, another), record(self.network, two)
        if [_told(call) for call in told.calls] != [_told(call) for call in recording.calls]:
            raise NotAProgram("the operators depend on the pictures")
        if [each.shape for each in told.constants] != [each.shape for each in recording.constants]:
            raise NotAProgram("its constants depend on the number of pictures")
        calls = fused(recording, len(images))
        with torch.autocast("cpu", enabled=False):
            tried = Program(_deciding_alike(calls, recording, told), recording.images, recording.answer)
            share = float(((tried(another) - told.answer).abs() / _scale(told.answer)).max())
        if not share <= MOST_DIFFERENCE[computed_in()]:
            raise NotAProgram(f"the answers differ by {share:.3g} of the largest")
        return Program(calls, recording.images, recording.answer)


def quick_form(network: nn.Module, preprocess: Preprocess) -> QuickForm:
    """A network in its inference form, put to use as quickly as can be; one that is so already as it is.

    Whoever predicts or evaluates takes this form, so that all of them round alike (benchmarks/evaluation.md).
    """
    return network if isinstance(network, QuickForm) else QuickForm(inference_form(network, preprocess))


def _deciding_alike(calls: Sequence[Call], recording: Recording, told: Recording) -> list[Call]:
    """The calls, to be compared with a pass that was told: whatever is no number with a fraction is as it was there.

    Of two nearly equal scores a rounding decides which one comes first, and then all that follows is another answer.
    """
    there = {id(call): other for call, other in zip(recording.calls, told.calls, strict=True)}
    return [_deciding_as(call, there[id(call)]) if id(call) in there else call for call in calls]


def _deciding_as(call: Call, told: Call) -> Call:
    if all(tensor.is_floating_point() for tensor in call.given):
        return call

    def operator(*arguments: Any, **keywords: Any) -> list[Tensor]:
        found = [each for each in tree_leaves(call.operator(*arguments, **keywords)) if isinstance(each, Tensor)]
        return [mine if mine.is_floating_point() else other for mine, other in zip(found, told.given, strict=True)]

    return replace(call, operator=operator)


def _scale(answer: Tensor) -> Tensor:
    """The largest number of an answer; of rows (N, R, C), such as objects, that of each column."""
    largest = answer.abs().amax((0, 1)) if answer.dim() == 3 else answer.abs().max()
    return largest.clamp_min(torch.finfo(torch.float32).tiny)


def _channels_last(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)


def _repeatable(images: Tensor) -> bool:
    return bool(
        images.device.type == "cpu"
        and images.dtype is torch.float32
        and len(images) > 0
        and torch.is_inference_mode_enabled()
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and torch.backends.mkldnn.enabled
        and computed_in() in MOST_DIFFERENCE
        and images.is_contiguous(memory_format=torch.channels_last)
    )


def computed_in() -> torch.dtype:
    """The number type of convolutions on the processor, here and now: that of autocast, or float32."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32


def _told(call: Call) -> tuple[Any, list[Any]]:
    """What a call is but for its tensors."""
    values = tree_leaves((call.arguments, call.keywords))
    return call.operator, [value for value in values if not isinstance(value, Tensor)]
