"""Maxout, which is max pooling across channels."""

from __future__ import annotations

from torch import Tensor, nn

from striate.core.errors import StriateError


class Maxout(nn.Module):
    """The largest of every `pieces` neighbouring channels.

    Input (N, C, ...), output (N, C / pieces, ...). After a convolution or a linear layer with `pieces`
    outputs per unit it is a maxout unit. Raises StriateError when C is not divisible by `pieces`.
    Source: Goodfellow et al., "Maxout networks", arXiv:1302.4389, section 3.

    >>> import torch
    >>> Maxout(2)(torch.tensor([[1.0, 5.0, 7.0, 3.0]]))
    tensor([[5., 7.]])
    """

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) to (N, C / pieces, ...)."""
        if x.shape[1] % self.pieces:
            raise StriateError(
                f"maxout with {self.pieces} pieces needs a multiple of {self.pieces} channels, got {x.shape[1]}"
            )
        return x.reshape(x.shape[0], -1, self.pieces, *x.shape[2:]).amax(dim=2)

    def extra_repr(self) -> str:
        """How many channels compete."""
        return f"pieces={self.pieces}"
