"""A network's passes given to an engine, in the number type that the engine computes in."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from striate.deploy.engines import Engine
from striate.runtime.program.quick import QuickForm, computed_in


class EngineForm(QuickForm):
    """A network whose passes in one number type an engine computes; those in another one torch does.

    So what `predict` asks again in 32 bits, pictures whose two likeliest classes are nearly equal, is answered in 32.
    form: of the network in torch. within: bf16, or float32, as torch calls what is around the pass.
    """

    def __init__(self, form: QuickForm, engine: Engine, within: torch.dtype) -> None:
        super().__init__(form.network)
        self._programs = form._programs
        self.engine, self.within = engine, within

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to the network's answer."""
        if computed_in() is not self.within:
            return super().forward(images)
        return torch.from_numpy(np.asarray(self.engine(images.contiguous().numpy()), np.float32))
