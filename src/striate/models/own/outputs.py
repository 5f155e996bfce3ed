"""What a network of a person's own gives, as logits: one rule for tensors, tuples, dictionaries and records.

A tensor is the logits: of pictures (N, classes), or of pixels (N, classes, H, W). Of a tuple or list the first is, and
others of the same shape are those of auxiliary heads. Of a dictionary, a named tuple or a record, `logits` is (or
`out`, or `output`), and what is called aux... are those of auxiliary heads. Maps of auxiliary heads may be smaller.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import Tensor

from striate.core.errors import StriateError

MAIN = ("logits", "out", "output")
AUXILIARY = "aux"
AUXILIARY_WEIGHT = 0.3  # Szegedy et al., arXiv:1409.4842, section 5


class Answer(NamedTuple):
    """Logits (N, classes), or maps of them (N, classes, H, W), of the main head, and those of auxiliary heads."""

    main: Tensor
    auxiliary: tuple[Tensor, ...]

    @property
    def of_pixels(self) -> bool:
        """Whether the logits are of places."""
        return self.main.dim() == 4

    def at_size(self, height: int, width: int) -> Answer:
        """Maps of that size, enlarged bilinearly where they are smaller; logits of pictures as they are."""
        if not self.of_pixels:
            return self
        main, *others = (_enlarged(maps, height, width) for maps in (self.main, *self.auxiliary))
        return Answer(main, tuple(others))

    @property
    def weighted(self) -> list[tuple[float, Tensor]]:
        """What a loss is taken of: weight and logits of every head."""
        return [(1.0, self.main), *((AUXILIARY_WEIGHT, logits) for logits in self.auxiliary)]


def answer_of(output: Any, name: str) -> Answer:
    """What a network gave, by the rule above; one place of a map, (N, classes, 1, 1), is none.

    name: what errors call the network. Raises StriateError for anything else.

    >>> import torch
    >>> answer_of({"logits": torch.zeros(2, 10), "features": torch.zeros(2, 64)}, "net").main.shape
    torch.Size([2, 10])
    >>> answer_of((torch.zeros(2, 10), torch.zeros(2, 10)), "net").weighted[1][0]
    0.3
    """
    parts = _parts(output)
    if not parts or not isinstance(parts[0], Tensor):
        raise _no_logits(output, name)
    logits = [_rows(part) for part in parts if isinstance(part, Tensor)]
    if logits[0].dim() not in (2, 4):
        raise _no_logits(output, name)
    main, *others = logits
    alike = (each for each in others if each.dim() == main.dim() and each.shape[:2] == main.shape[:2])
    return Answer(main, tuple(alike))


def _enlarged(maps: Tensor, height: int, width: int) -> Tensor:
    if maps.shape[2:] == (height, width):
        return maps
    return F.interpolate(maps, size=(height, width), mode="bilinear", align_corners=False)


def _parts(output: Any) -> list[Any]:
    """The main head's, then what may be of auxiliary ones."""
    if isinstance(output, Tensor):
        return [output]
    named = _named(output)
    if named is None:
        return list(output) if isinstance(output, tuple | list) else []
    main = next((name for name in MAIN if name in named), None)
    if main is None:
        return []
    return [named[main], *(value for name, value in named.items() if str(name).startswith(AUXILIARY))]


def _named(output: Any) -> Mapping[str, Any] | None:
    if isinstance(output, Mapping):
        return output
    if isinstance(output, tuple) and hasattr(output, "_asdict"):
        fields: Mapping[str, Any] = output._asdict()
        return fields if any(name in fields for name in MAIN) else None
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        return vars(output)
    return None


def _rows(logits: Tensor) -> Tensor:
    return logits.flatten(1) if logits.dim() > 2 and logits.shape[2:].numel() == 1 else logits


def _no_logits(output: Any, name: str) -> StriateError:
    return StriateError(
        f"{name}: forward gives {_described(output)}; a classifier gives logits (N, classes), a network of pixels (N, "
        "classes, H, W), or a tuple that begins with them, or a dictionary that has them as 'logits'"
    )


def _described(output: Any) -> str:
    if isinstance(output, Tensor):
        return f"a tensor {tuple(output.shape)}"
    named = _named(output)
    if named is not None:
        return f"{type(output).__name__} with {', '.join(map(str, named)) or 'nothing'}"
    if isinstance(output, tuple | list):
        return f"a {type(output).__name__} of {', '.join(map(_described, output)) or 'nothing'}"
    return f"a {type(output).__name__}"
