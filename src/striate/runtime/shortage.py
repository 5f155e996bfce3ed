"""How memory that ran out is told."""

from __future__ import annotations

import torch

# How torch's allocator, C++ and oneDNN say it; the last could have other causes, but then one picture fails as well.
TOLD_BY = ("can't allocate memory", "not enough memory", "bad_alloc", "could not create a primitive")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: torch raises one of its own on GPUs only.

    >>> is_out_of_memory(RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"))
    True
    >>> is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    False
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in TOLD_BY)
