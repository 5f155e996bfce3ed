"""An augmentation of a person's own: on batches of uint8 pictures, or on Pillow's pictures one by one."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from striate.core.errors import StriateError
from striate.core.own_code import OwnCode
from striate.core.values import shown
from striate.runtime.global_state import generators_kept, seed_everything
from striate.training.own_call import called

PILLOWS = ("Image", "Image.Image", "PIL.Image.Image", "PILImage")
DRAW_ONCE = "torchvision.transforms"  # its transforms draw once a call, so that a batch would be varied all alike
MODES = {1: "L", 3: "RGB"}
TIMED = 8  # pictures, to tell what Pillow's cost


@dataclass(frozen=True)
class OwnAugmentation:
    """What a person's own function makes of pictures, and on what it works.

    one_by_one: whether it takes one of Pillow's pictures, rather than a batch.
    """

    code: OwnCode
    function: Callable[..., Any]
    one_by_one: bool

    @classmethod
    def of(cls, code: OwnCode) -> Self:
        """An augmentation of code; a class is made once, without arguments.

        It takes Pillow's pictures where its first parameter is annotated as PIL.Image.Image, or where it is one of
        torchvision's transforms; else a batch. Raises StriateError where it is no function.
        """
        made = called("augment", code, code.thing) if isinstance(code.thing, type) else code.thing
        if not callable(made):
            raise StriateError(f"augment {code.name} is no function, got {shown(made)}")
        return cls(code, made, takes_pillow(made))

    def __call__(self, pictures: Tensor, seed: int, step: int) -> Tensor:
        """A batch uint8 (N, C, h, w) as it is varied in a step; the generators of the process stay as they are.

        Raises StriateError where the function fails or gives something else than such a batch.
        """
        with generators_kept():
            # Beside, not along, the random numbers that the network has in the same step.
            seed_everything(
                int(np.random.SeedSequence([seed, step, 1]).generate_state(1, np.uint64)[0] >> np.uint64(1))
            )
            if self.one_by_one:
                return self._one_by_one(pictures)
            # Their own copy: a step that ran out of memory is made again from the pictures as they were.
            found = called("augment", self.code, self.function, pictures.clone())
        alike = isinstance(found, Tensor) and found.shape == pictures.shape and found.dtype == torch.uint8
        if not alike or found.device != pictures.device:
            raise StriateError(
                f"augment {self.code.name} gives {_kind(found)} of {_kind(pictures)}; it is called with a batch of "
                "pictures and gives as many of the same size and type"
            )
        varied: Tensor = found.detach()
        return varied.contiguous(memory_format=torch.channels_last)

    def _one_by_one(self, pictures: Tensor) -> Tensor:
        arrays = pictures.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        varied = np.stack([self._varied(array) for array in arrays])
        return torch.from_numpy(varied).permute(0, 3, 1, 2).to(pictures.device)

    def _varied(self, array: Any) -> Any:
        height, width, channels = array.shape
        if channels not in MODES:
            raise StriateError(
                f"augment {self.code.name} takes Pillow's pictures, which cannot have {channels} channels"
            )
        given = Image.fromarray(array[:, :, 0] if channels == 1 else array, MODES[channels])
        found = called("augment", self.code, self.function, given)
        if not isinstance(found, Image.Image) or found.size != (width, height) or found.mode != MODES[channels]:
            told = f"{found.mode} {found.size[1]}x{found.size[0]}" if isinstance(found, Image.Image) else shown(found)
            raise StriateError(
                f"augment {self.code.name} gives {told} of Pillow's picture {MODES[channels]} {height}x{width}; it is "
                "called with one of them and gives one of the same size and mode"
            )
        return np.asarray(found).reshape(height, width, channels)

    def cost(self, pictures: Tensor, an_epoch: int) -> str | None:
        """What Pillow's way costs, measured on a few pictures, in a sentence; None for what works on batches.

        an_epoch: how many pictures that has.
        """
        if not self.one_by_one:
            return None
        few = pictures[:TIMED]
        self(few, 0, 0)  # what it loads and makes once
        begun = time.perf_counter()
        self(few, 0, 0)
        each = (time.perf_counter() - begun) / len(few)
        return (
            f"augment {self.code.name} works on Pillow's pictures one by one: {1000 * each:.2g} ms each, about "
            f"{each * an_epoch:.2g} s an epoch; one that takes a batch, uint8 (N, C, h, w), is usually faster"
        )


def takes_pillow(function: Callable[..., Any]) -> bool:
    """Whether a function says that it takes one of Pillow's pictures.

    >>> def spots(picture: Image.Image) -> Image.Image:
    ...     return picture
    >>> takes_pillow(spots), takes_pillow(lambda pictures: pictures)
    (True, False)
    """
    if type(function).__module__.startswith(DRAW_ONCE):
        return True
    try:
        first = next(iter(inspect.signature(function).parameters.values()), None)
    except (TypeError, ValueError):  # one that is written in C
        return False
    annotation = None if first is None else first.annotation
    if isinstance(annotation, type):
        return issubclass(annotation, Image.Image)
    return isinstance(annotation, str) and annotation in PILLOWS


def _kind(value: Any) -> str:
    if not isinstance(value, Tensor):
        return shown(value)
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)} on {value.device}"
