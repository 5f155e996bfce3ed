"""Proposals by name, and the files that keep them."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from striate.core.errors import StorageError, StriateError
from striate.data.proposals import METHODS, Method, kept, proposals_of
from striate.data.proposals.kept import kept_proposals, place_of

PICTURE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """How often boxes were made, by a method that counts."""
    made = []

    def search(picture):
        made.append(picture.shape)
        return np.array([[0, 0, *picture.shape[1::-1]]], np.float32)

    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    monkeypatch.setattr(kept, "method_named", lambda name: Method(search))
    return made


def test_they_are_made_once(calls):
    first = kept_proposals(PICTURE, "counting")
    again = kept_proposals(PICTURE.copy(), "counting")
    assert len(calls) == 1
    assert first.tolist() == again.tolist() == [[0, 0, 32, 24]]
    assert again.dtype == np.float32
    kept_proposals(255 - PICTURE, "counting")
    assert len(calls) == 2


@pytest.mark.parametrize("damage", [b"", b"not a file of boxes", None])
def test_a_damaged_file_is_as_good_as_none(calls, damage):
    kept_proposals(PICTURE, "counting")
    place = place_of(PICTURE, "counting")
    place.write_bytes(place.read_bytes()[:-3] if damage is None else damage)
    assert kept_proposals(PICTURE, "counting").tolist() == [[0, 0, 32, 24]]
    assert kept_proposals(PICTURE, "counting").tolist() == [[0, 0, 32, 24]]
    assert len(calls) == 2


def test_other_tensors_are_no_boxes(calls):
    kept_proposals(PICTURE, "counting")
    place_of(PICTURE, "counting").write_bytes(kept.save({"boxes": np.zeros((2, 3), np.float32)}))
    assert kept_proposals(PICTURE, "counting").shape == (1, 4)


def test_where_nothing_can_be_kept_they_are_made_anew_and_that_is_said(calls, monkeypatch, caplog):
    def full(file, content):
        raise StorageError("no space left on the disk")

    monkeypatch.setattr(kept, "write_bytes", full)
    with caplog.at_level(logging.WARNING, "striate"):
        assert kept_proposals(PICTURE, "counting").shape == (1, 4)
    assert "proposals are not kept: no space left on the disk" in caplog.text


def test_a_method_that_there_is_not_is_named():
    with pytest.raises(StriateError, match="unknown method 'selective'; did you mean 'selective_search'"):
        proposals_of(PICTURE, "selective")


@pytest.mark.parametrize("name", ["selective_search", "sliding_window"])
def test_boxes_of_a_method(name):
    found = proposals_of(PICTURE, name)
    assert found.dtype == np.float32
    assert found.shape[1] == 4
    assert np.array_equal(METHODS[name].search(PICTURE), found)
