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
    form: of the network in torch. dtype: bfloat16 or float32, that of the passes which the engine computes.
    """

    def __init__(self, form: QuickForm, engine: Engine, dtype: torch.dtype) -> None:
        super().__init__(form.network)
        self.form, self.engine, self.dtype = form, engine, dtype

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to the network's answer."""
        if computed_in() is not self.dtype:
            return self.form(images)  # type: ignore[no-any-return]
        return torch.from_numpy(np.asarray(self.engine(images.numpy(), torch.get_num_threads()), np.float32))
