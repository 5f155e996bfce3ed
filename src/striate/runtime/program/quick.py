"""A network whose pass is repeated by a program, wherever that gives the same answers; elsewhere the network itself."""

from __future__ import annotations

import logging
import threading
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.runtime.folding import inference_form
from striate.runtime.program.fusing import fused
from striate.runtime.program.recording import Call, NotAProgram, record
from striate.runtime.program.running import Program

log = logging.getLogger("striate")

MOST_DIFFERENCE = {torch.float32: 1e-4, torch.bfloat16: 1 / 16}  # of the largest number of the answer
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
        two = _channels_last(images[:1].repeat(2, 1, 1, 1))
        one_pass, recording = record(self.network, two[:1]), record(self.network, two)
        if [_told(call) for call in one_pass.calls] != [_told(call) for call in recording.calls]:
            raise NotAProgram("the operators depend on the number of pictures")
        another = _channels_last(-images[-1:].flip(3))
        answer = self.network(another)
        with torch.autocast("cpu", enabled=False):
            program = Program(fused(recording, len(images)), recording.images, recording.answer)
            difference = float((program(another) - answer).abs().max())
        if not difference <= MOST_DIFFERENCE[computed_in()] * float(answer.abs().max()):
            raise NotAProgram(f"the answers differ by {difference:.3g}")
        return program


def quick_form(network: nn.Module, preprocess: Preprocess) -> QuickForm:
    """A network in its inference form, put to use as quickly as can be; one that is so already as it is.

    Whoever predicts or evaluates takes this form, so that all of them round alike (benchmarks/evaluation.md).
    """
    return network if isinstance(network, QuickForm) else QuickForm(inference_form(network, preprocess))


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
