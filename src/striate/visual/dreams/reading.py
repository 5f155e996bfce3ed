"""What layers make of pictures, with gradients, computed no further than to the last of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from striate.core.errors import StriateError, unknown_name
from striate.models.own.walk import does_not_run
from striate.visual.attribution.layer import kept_outputs, maps_layout
from striate.visual.attribution.score import CannotShow, answer_in_logits, name_of
from striate.visual.dreams.objectives import ANSWER


class _AllRead(BaseException):
    """Stops a network when nothing further is asked of it; no network's own `except Exception` takes it."""


class Reader:
    """Layers of a network in evaluation mode.

    Raises StriateError for a layer that is not there, one that is not called when the network answers, and one that
    gives no maps of pictures like `images` (n, C, H, W), which it is tried on.
    """

    def __init__(self, network: nn.Module, layers: Sequence[str], images: Tensor) -> None:
        self.network, self.name = network, name_of(network)
        self.layers = tuple(layer for layer in layers if layer != ANSWER)
        self.answers = ANSWER in layers
        known = [path for path, _ in network.named_modules() if path]
        for layer in self.layers:
            if layer not in known:
                raise unknown_name(f"layer of {self.name}", layer, known)
        self.last, self.times = "", 0
        if self.layers and not self.answers:
            self._find_the_last(images)
        with torch.no_grad():
            self(images)

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """Of images what each layer gives, (N, channels, h, w)."""
        with kept_outputs(self.network, self.layers) as kept, self._stopping():
            answer = self._run(images)
        found = {layer: self._maps(layer, kept, images) for layer in self.layers}
        if self.answers:
            logits = answer_in_logits(self.network, answer)
            found[ANSWER] = logits if logits.dim() == 4 else logits[:, :, None, None]
        return found

    def _run(self, images: Tensor) -> Any:
        try:
            return self.network(images)
        except (StriateError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # whatever a person's code raises
            raise does_not_run(self.name, (images.shape[1], images.shape[2], images.shape[3]), error) from error

    def _find_the_last(self, images: Tensor) -> None:
        """Which of the layers is called last, and how often it is.

        What comes after them may fail, as a linear layer does on pictures of another size than its own.
        """
        times: dict[str, int] = dict.fromkeys(self.layers, 0)

        def count(layer: str, *of_call: Any) -> None:
            times[layer] += 1
            self.last = layer

        hooks = [
            self.network.get_submodule(layer).register_forward_hook(partial(count, layer)) for layer in self.layers
        ]
        try:
            with torch.no_grad():
                self._run(images[:1])
        except StriateError:
            if not all(times.values()):
                raise
        finally:
            for hook in hooks:
                hook.remove()
        self.times = times.get(self.last, 0)

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """The context in which the network stops when the last layer has been called as often as it is."""
        if not self.last:
            yield
            return
        calls = 0

        def stop(*of_call: Any) -> None:
            nonlocal calls
            calls += 1
            if calls == self.times:
                raise _AllRead

        hook = self.network.get_submodule(self.last).register_forward_hook(stop)
        try:
            with suppress(_AllRead):
                yield
        finally:
            hook.remove()

    def _maps(self, layer: str, kept: dict[str, Tensor], images: Tensor) -> Tensor:
        if layer not in kept:
            raise StriateError(
                f"layer {layer!r} of {self.name} is not called when it answers, so nothing is read there"
            )
        output = kept[layer]
        maps = maps_layout(output, images)
        if maps is not None:
            return maps(output)
        if output.dim() == 2 and len(output) == len(images):
            return output[:, :, None, None]
        if output.dim() == 4 and len(output) == len(images):
            return output
        raise CannotShow(
            f"layer {layer!r} of {self.name} gives {tuple(output.shape)}, no maps or units of pictures; name another"
        )
