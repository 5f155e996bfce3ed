"""What a network gave, without torch."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_map


def as_arrays(output: Any) -> Any:
    """What a task was answered, with arrays in the place of tensors on the CPU."""
    return tree_map(lambda part: part.numpy() if isinstance(part, Tensor) else part, output)
