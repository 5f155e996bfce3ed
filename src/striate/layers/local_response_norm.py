"""Local response normalisation with the constants as the AlexNet paper writes them."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class LocalResponseNorm(nn.Module):
    """Divide each activation by (k + alpha * sum of squares over n neighbouring channels) ** beta.

    Input and output: (N, C, H, W). torch's own layer divides alpha by n first; this one does not, so the
    paper's alpha = 1e-4 means what it says, nor does it write the number of pictures into its shapes.
    Source: Krizhevsky, Sutskever and Hinton, NIPS 2012, section 3.3.

    >>> import torch
    >>> LocalResponseNorm()(torch.full((1, 1, 1, 1), 100.0)).item()  # 100 / (2 + 1e-4 * 100 ** 2) ** 0.75
    43.8691...
    """

    def __init__(self, neighbours: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> None:
        super().__init__()
        self.neighbours, self.alpha, self.beta, self.k = neighbours, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, H, W)."""
        before, after = self.neighbours // 2, (self.neighbours - 1) // 2
        squares = F.pad(x.square().unsqueeze(1), (0, 0, 0, 0, before, after))
        mean = F.avg_pool3d(squares, (self.neighbours, 1, 1), stride=1).squeeze(1)
        return x / (mean * (self.alpha * self.neighbours) + self.k) ** self.beta

    def extra_repr(self) -> str:
        """The four constants."""
        return f"neighbours={self.neighbours}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
