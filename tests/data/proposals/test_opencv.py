"""Proposals by OpenCV: what they find, beside our own; and what is said where something is missing."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from striate.core.errors import StriateError
from striate.data.proposals import METHODS, VERSION, method_named
from striate.data.proposals.opencv import BING_FILES, bing, edge_boxes
from striate.data.shapes import scene
from striate.ops.boxes import pairwise_iou

SCENES = [one for one in (scene(number, size_px=96) for number in range(40)) if len(one.boxes) > 1][:6]


def best_overlaps(name):
    found = [METHODS[name](one.pixels)[:2000] for one in SCENES]
    pairs = zip(found, SCENES, strict=True)
    return torch.cat([pairwise_iou(torch.from_numpy(one.boxes), torch.from_numpy(b)).max(1).values for b, one in pairs])


def test_our_selective_search_finds_as_much_as_opencvs():
    pytest.importorskip("cv2")
    ours, theirs = best_overlaps("selective_search"), best_overlaps("opencv_selective_search")
    assert (ours >= 0.5).float().mean() >= (theirs >= 0.5).float().mean() - 0.03
    assert ours.mean() >= theirs.mean() - 0.03


def test_edge_boxes_find_a_square_first():
    pytest.importorskip("cv2")
    picture = np.full((80, 100, 3), 60, np.uint8)
    picture[20:60, 30:70] = 200
    first = torch.from_numpy(edge_boxes(picture)[:3])
    assert pairwise_iou(first, torch.tensor([[30.0, 20, 70, 60]])).max() > 0.6


@pytest.fixture
def trained(tmp_path):
    """A BING that has learned nothing but that the middle of a window is dark, in windows of 8 to 64 px."""
    cv2 = pytest.importorskip("cv2")
    dark = np.pad(-np.ones((4, 4), np.float32), 2, constant_values=1)
    sizes = np.arange(8, 30, dtype=np.int32)[None]
    content = {"wS1": dark, "wS2": np.tile(np.array([[1, 0]], np.float32), (sizes.size, 1)), "idx": sizes}
    for name in BING_FILES:
        file = cv2.FileStorage(str(tmp_path / name), cv2.FILE_STORAGE_WRITE)
        stem, part = name.split(".")[:2]
        file.write(stem, content[part])
        file.release()
    return tmp_path


def test_bing_answers_from_its_trained_files_and_prints_nothing(trained, capfd):
    found = bing(SCENES[0].pixels, trained)
    assert len(found) > 100
    assert (found[:, 2:] > found[:, :2]).all()
    assert capfd.readouterr().out == ""
    assert method_named("bing", trained).key.startswith(f"bing-{VERSION}-")


def test_bing_of_other_trained_files_has_another_key(trained):
    before = method_named("bing", trained).key
    (trained / BING_FILES[0]).write_bytes(b"other")
    assert method_named("bing", trained).key != before


def test_bing_without_its_files_says_which_are_needed(tmp_path):
    with pytest.raises(StriateError) as refused:
        method_named("bing", tmp_path)
    assert refused.value.in_flags == (
        "bing needs what it has learned, 9 files such as ObjNessB2W8MAXBGR.wS1.yml.gz that OpenCV's package does not "
        f"bring, and {tmp_path} lacks ObjNessB2W8MAXBGR.wS1.yml.gz; name the folder by --trained, as opencv_contrib "
        "has it in modules/saliency/samples/ObjectnessTrainedModel"
    )
    with pytest.raises(StriateError, match="and no folder was given; name the folder by"):
        method_named("bing")


def test_opencv_that_is_missing_or_without_its_contributed_modules_is_named(monkeypatch):
    monkeypatch.setattr("striate.core.extras.installed", lambda package: False)
    with pytest.raises(StriateError, match=r"need the package cv2, .* pip install 'striate\[classic\]'"):
        edge_boxes(SCENES[0].pixels)
    monkeypatch.setattr("striate.core.extras.installed", lambda package: True)
    monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace(__version__="4.0"))
    with pytest.raises(StriateError, match=r"OpenCV 4.0 is installed without its contributed modules"):
        edge_boxes(SCENES[0].pixels)
