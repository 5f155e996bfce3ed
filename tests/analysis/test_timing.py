from __future__ import annotations

import pytest
import torch
from torch import nn

from striate.analysis.summary import summarize
from striate.analysis.timing import TimedRow, Timing, convolution_ceiling, time_layers
from striate.core.errors import StriateError
from striate.meta.weightless import blueprint
from striate.models import create_model


def test_rows_are_those_of_the_summary() -> None:
    model = create_model("resnet20")
    timing = time_layers(model, batch=2, repeats=1)
    rows = summarize(model).rows[1:]
    assert [(row.path, row.kind, row.macs) for row in timing.rows] == [(r.path, r.kind, 2 * r.macs) for r in rows]
    assert all(row.forward_ms >= 0 for row in timing.rows) and timing.forward_ms > 0
    assert timing.ceiling_gflops_per_s == convolution_ceiling(torch.float32, torch.get_num_threads()) > 0
    assert model.training and "forward" not in vars(model.conv1)


def test_text() -> None:
    rows = (TimedRow("conv", "Conv2d", 3_000_000, 2.0), TimedRow("", "add", 0, 0.5), TimedRow("relu", "ReLU", 0, 0.01))
    assert rows[0].gflops_per_s == 2 * 3e6 / 2e-3 / 1e9
    assert str(Timing(rows, batch=4, forward_ms=2.4, ceiling_gflops_per_s=30.0)).splitlines() == [
        "layer               ms   share   GFLOP/s  of ceiling",
        "conv Conv2d      2.000   79.7%       3.0         10%",
        " add             0.500   19.9%       0.0          0%",
        "1 row of at most 1 % each not shown",
        "forward pass: 2.40 ms for 4 pictures; ceiling of this machine, 3x3 convolutions: 30 GFLOP/s",
    ]


def test_weights_are_needed() -> None:
    with pytest.raises(StriateError, match="layers are timed on the processor, with weights in memory; move the model"):
        time_layers(blueprint(lambda: nn.Linear(3, 3)), (3,))


def test_numbers_below_one() -> None:
    with pytest.raises(StriateError, match="batch and repeats must be at least 1, got 0 and 10"):
        time_layers(nn.Linear(3, 3), (3,), batch=0)
