"""A detector's rows in files: suppression is inside, rows come in the order and with the numbers that torch gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.deploy.engines import open_engine
from striate.deploy.export.ends import Answering
from striate.deploy.export.formats import FORMATS
from striate.deploy.export.traced import traced
from striate.deploy.export_record import ExportRecord
from striate.ops.suppression import detections

CLASSES, MOST, CHANNELS = 3, 20, 4 + 3
SHAPES = ((1, CHANNELS, 6, 7), (4, CHANNELS, 6, 7), (4, CHANNELS, 9, 5), (1, CHANNELS, 30, 40))
RECORD = ExportRecord("0", "said", ("a", "b", "c"), Preprocess((6, 7), (6, 7), (0.0,) * 3, (1.0,) * 3), "0" * 64)


class Said(nn.Module):
    """A detector whose images say what it finds: four maps of edges, and one of scores for each class.

    So no rounding of a convolution exchanges two rows.
    """

    def forward(self, images: Tensor) -> Tensor:
        boxes, scores = images.flatten(2).transpose(1, 2).split([4, CLASSES], 2)
        return detections(boxes, scores, iou_threshold=0.5, score_threshold=0.25, candidates=60, most=MOST)


def images(shape: tuple[int, ...], seed: int = 0, share: float = 1.0) -> Tensor:
    """Boxes that lie on one another, and scores of which two each are equal, in a share of the pictures."""
    generator = torch.Generator().manual_seed(seed)
    count, _, height, width = shape
    corner = torch.rand(count, 2, height, width, generator=generator).mul(4).floor() / 4
    side = torch.rand(count, 2, height, width, generator=generator) * 0.3 + 0.05
    scores = torch.stack([torch.randperm(CLASSES * height * width, generator=generator) for _ in range(count)]) // 2
    scores = (2 * scores / scores.numel() * count).view(count, CLASSES, height, width)
    scores *= (torch.arange(count) < share * count)[:, None, None, None]
    return torch.cat([corner, corner + side, scores], 1)


def written(name: str, folder: Path) -> Path:
    """A file in a format."""
    preprocess = Preprocess((6, 7), (6, 7), (0.0,) * CHANNELS, (1.0,) * CHANNELS)
    found, format = traced(Answering(Said(), None).eval(), preprocess, "said"), FORMATS[name]
    assert found.other_sizes
    path = folder / f"said{format.ending}"
    format.write(format.made("fp32", found, "said", None), RECORD, path)
    return path


@pytest.fixture(scope="module", params=sorted(FORMATS))
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(request.param, tmp_path_factory.mktemp("said"))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_rows_are_torchs_in_order_and_number(file: Path, shape: tuple[int, ...], share: float) -> None:
    engine = open_engine(file)
    for seed in range(3):
        asked = images(shape, seed, share)
        expected = Said()(asked).numpy()
        found = engine(asked.numpy())
        assert found.shape == (shape[0], MOST, 6)
        assert (found[..., 5] == expected[..., 5]).all()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
        counts = (expected[..., 4] > 0).sum(1)
        assert (counts > 0).sum() == np.ceil(share * shape[0])


def test_a_program_of_torchs_runs_where_nobody_has_said_what_a_detector_is(tmp_path: Path) -> None:
    code = (
        "import numpy, sys; from pathlib import Path; from striate.deploy.engines import open_engine;"
        f"print(open_engine(Path(sys.argv[1]))(numpy.ones((1, {CHANNELS}, 6, 7), 'float32')).shape)"
    )
    call = [sys.executable, "-c", code, str(written("pt2", tmp_path))]
    assert subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip() == f"(1, {MOST}, 6)"
