"""Large pictures in tiles by the command line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import striate as package
from factories import tinted_masks

TINY = {"model": "recurrent_labelling", "size_px": 32, "epochs": 12, "batch_size": 4, "peak_lr": 2e-3,
        "class_weights": "median_frequency"}  # fmt: skip


@pytest.fixture(scope="module")
def tinted(tmp_path_factory) -> tuple[Path, Path]:
    """A run on masks that tells warm from cold pixels, roughly, and its data."""
    folder = tmp_path_factory.mktemp("tinted")
    data = tinted_masks(folder / "data")
    return package.train(data, run=folder / "run", autotune=False, threads=1, precision="fp32", **TINY).path, data


@pytest.fixture
def large(tmp_path) -> Path:
    """A picture nine times as large as those of the run."""
    warm = np.random.default_rng(0).integers(0, 2, (6, 8)).repeat(15, 0).repeat(15, 1)
    pixels = np.where(warm[..., None] == 1, (160, 100, 60), (60, 100, 160)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "large.png")
    return tmp_path / "large.png"


def read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.array(picture)


def test_tiles_answer_every_pixel_of_a_large_picture(striate, tinted, large, tmp_path):
    masks, drawn = tmp_path / "masks", tmp_path / "drawn"
    answer = striate("predict", tinted[0], large, "--tiles", "--masks", masks, "--draw", drawn, "--csv")
    assert answer.status == 0
    (expected,) = package.load(tinted[0]).predict(large, tiles=True)
    assert (read(masks / "large.png") == expected.mask).all()
    assert expected.mask.shape == (90, 120)
    assert len(np.unique(expected.mask)) == 2
    heading, row = csv.reader(io.StringIO(answer.out))
    assert heading == ["path", "cold", "warm", "problem"]
    assert [float(share) for share in row[1:3]] == pytest.approx(list(expected.shares.values()), abs=1e-6)
    assert read(drawn / "large.png").shape[1:] == (120, 3)
    assert (read(masks / "large.png") != package.load(tinted[0]).predict(large)[0].mask_at(90, 120)).any()


def test_tiles_of_classes_are_refused(striate, digits_run, scans):
    said = striate("predict", digits_run, scans, "--tiles").mistake()
    assert said.endswith("--tiles puts answers for places together, and classification gives one answer for a picture; "
                         "leave it out")  # fmt: skip


def test_a_grid_draws_cells_of_one_class(striate, tinted, large, tmp_path):
    drawn = tmp_path / "drawn"
    assert striate("predict", tinted[0], large, "--draw", drawn, "--grid", 8).status == 0
    cells = read(drawn / "large.png")[:90, :120]
    assert (cells[:, 15] == 255).all() and (cells[15] == 255).all()
    said = striate("predict", tinted[0], large, "--grid", 8).mistake()
    assert said == "striate: --grid says how --draw draws; name a folder by --draw too"
