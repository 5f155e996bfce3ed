"""Proposals by name, and the files that keep them."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from striate.core.errors import StorageError, StriateError
from striate.data.proposals import METHODS, Method, kept, method_named, proposals_of
from striate.data.proposals.kept import kept_proposals, place_of
from striate.data.shapes import scene

PICTURE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)


@pytest.fixture
def counting(tmp_path, monkeypatch):
    """A method that finds the whole picture, and the shapes of the pictures that it was asked for."""
    made = []

    def search(picture):
        made.append(picture.shape)
        return np.array([[0, 0, *picture.shape[1::-1]]], np.float32)

    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    return Method("counting-1", search), made


def test_they_are_made_once(counting):
    method, made = counting
    first = kept_proposals(PICTURE, method)
    again = kept_proposals(PICTURE.copy(), method)
    assert len(made) == 1
    assert first.tolist() == again.tolist() == [[0, 0, 32, 24]]
    assert again.dtype == np.float32
    kept_proposals(255 - PICTURE, method)
    kept_proposals(PICTURE, method._replace(key="counting-2"))
    assert len(made) == 3


@pytest.mark.parametrize("damage", [b"", b"not a file of boxes", None])
def test_a_damaged_file_is_as_good_as_none(counting, damage):
    method, made = counting
    kept_proposals(PICTURE, method)
    place = place_of(PICTURE, method)
    place.write_bytes(place.read_bytes()[:-3] if damage is None else damage)
    assert kept_proposals(PICTURE, method).tolist() == [[0, 0, 32, 24]]
    assert kept_proposals(PICTURE, method).tolist() == [[0, 0, 32, 24]]
    assert len(made) == 2


def test_other_tensors_are_no_boxes(counting):
    method, _ = counting
    kept_proposals(PICTURE, method)
    place_of(PICTURE, method).write_bytes(kept.save({"boxes": np.zeros((2, 3), np.float32)}))
    assert kept_proposals(PICTURE, method).shape == (1, 4)


def test_where_nothing_can_be_kept_they_are_made_anew_and_that_is_said(counting, monkeypatch, caplog):
    def full(file, content):
        raise StorageError("no space left on the disk")

    monkeypatch.setattr(kept, "write_bytes", full)
    with caplog.at_level(logging.WARNING, "striate"):
        assert kept_proposals(PICTURE, counting[0]).shape == (1, 4)
    assert "proposals are not kept: no space left on the disk" in caplog.text


def test_a_method_that_there_is_not_is_named():
    with pytest.raises(StriateError, match="unknown method 'selective'; did you mean 'selective_search'"):
        proposals_of(PICTURE, "selective")


def test_trained_files_that_nothing_reads_are_refused(tmp_path):
    with pytest.raises(StriateError) as refused:
        method_named("sliding_window", tmp_path)
    assert refused.value.in_flags == "--trained does nothing here: it needs the method bing"


@pytest.mark.parametrize("name", METHODS)
def test_boxes_of_a_method(name, tmp_path, monkeypatch):
    if name.startswith(("opencv", "edge")):
        pytest.importorskip("cv2")
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    picture = scene(4, size_px=64).pixels[:48]
    found = proposals_of(picture, name)
    assert found.dtype == np.float32
    assert (found[:, 2:] > found[:, :2]).all()
    assert found.min() >= 0
    assert (found[:, 2:].max(0) <= [64, 48]).all()
    assert len(np.unique(found, axis=0)) == len(found)
    kept = kept_proposals(picture, name).tolist()
    assert kept == kept_proposals(picture, name).tolist()
    assert sorted(kept) == sorted(found.tolist())  # OpenCV's selective search draws their order
