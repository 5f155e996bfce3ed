"""Answers as pictures: where they are written, and where not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from striate.answers.masks import Segmentation
from striate.core.errors import StriateError
from striate.data.streaming import Undecoded
from striate.deploy.answer_pictures import answer_pictures


def picture(path: Path) -> Undecoded:
    return Undecoded(str(path), lambda channels, cover, white: np.zeros((2, 2, channels), np.uint8))


def test_a_mask_never_takes_the_place_of_its_picture(tmp_path):
    given = [picture(tmp_path / name) for name in ("a.jpg", "b.png")]
    with pytest.raises(StriateError, match=re.escape(f"--masks would write over {tmp_path / 'b.png'}")):
        answer_pictures("segmentation", given, None, tmp_path / "." / "")
    assert answer_pictures("segmentation", given[:1], None, tmp_path).masks == tmp_path


def test_drawings_and_masks_have_folders_of_their_own(tmp_path):
    with pytest.raises(StriateError, match="name two folders"):
        answer_pictures("segmentation", [], tmp_path / "out", tmp_path / "out")


def test_files_are_called_alike_whichever_pictures_are_left_to_answer(tmp_path):
    given = [picture(tmp_path / folder / "1.png") for folder in ("a", "b")]
    kept = answer_pictures("segmentation", given, None, tmp_path / "masks")
    kept.write(given[1], Segmentation(given[1].name, np.zeros((1, 1), np.uint8), ("sky",)))
    assert [file.name for file in (tmp_path / "masks").iterdir()] == ["1-2.png"]
