"""What the papers need and `torch.nn` lacks."""

from striate.layers.initialisers import he_normal_, normal_, xavier_uniform_
from striate.layers.local_response_norm import LocalResponseNorm
from striate.layers.zero_pad_shortcut import ZeroPadShortcut

__all__ = ["LocalResponseNorm", "ZeroPadShortcut", "he_normal_", "normal_", "xavier_uniform_"]
