"""What is measured of proposals, on pictures whose boxes are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image

from factories import tinted_folders
from striate.core.errors import StriateError
from striate.data.proposals import Method
from striate.data.proposals.measured import Measured, measure, said, write_proposals
from striate.data.sources import open_to_evaluate
from striate.ops.proposal_recall import best_overlaps


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    """Three pictures of 20 x 40 px: two objects, of two classes; one; none."""
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    for number in range(3):
        Image.fromarray(np.full((20, 40, 3), 50 * number, np.uint8)).save(tmp_path / f"{number}.png")
    rows = ["0.png,cell,0,0,20,20", "0.png,dust,30,10,40,20", "1.png,cell,0,0,40,10", "2.png,,,,,"]
    (tmp_path / "boxes.csv").write_text("\n".join(["path,label,x0,y0,x1,y1", *rows]))
    return open_to_evaluate(str(tmp_path / "boxes.csv"), task="detection")


HALVES = Method("halves-1", lambda picture: np.array([[0, 0, 20, 20], [20, 0, 40, 20]], np.float32))


def test_figures_by_hand(dataset):
    found = Measured("halves", dataset.targets.names)
    seconds = iter([0.0, 2.0, 2.0, 3.0, 3.0, 6.0])
    seen = []
    measure(dataset, HALVES, found, progress=lambda *done: seen.append(done), clock=lambda: next(seconds))
    figures = found.to_dict()
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert (figures["pictures"], figures["objects"], figures["boxes_per_picture"]) == (3, 3, 2)
    # overlaps: 1 of the first cell, 100 of 400 of the dust, 200 of 600 of the second cell
    assert figures["recall"] == {
        "100": pytest.approx(1 / 3),
        "1000": pytest.approx(1 / 3),
        "2000": pytest.approx(1 / 3),
    }
    assert figures["average_best_overlap"] == pytest.approx((1 + 1 / 4 + 1 / 3) / 3)
    assert figures["mean_average_best_overlap"] == pytest.approx(((1 + 1 / 3) / 2 + 1 / 4) / 2)
    assert figures["by_class"]["dust"] == {"objects": 1, "recall": 0.0, "average_best_overlap": pytest.approx(0.25)}
    assert figures["seconds_per_picture"] == 2
    assert said(found) == "halves: 3 pictures, 3 objects, 2 boxes a picture, 2.00 s a picture"


def test_what_is_kept_is_not_timed_and_a_limit_takes_the_first(dataset):
    measure(dataset, HALVES, Measured("halves", dataset.targets.names), limit=2)
    found = Measured("halves", dataset.targets.names)
    measure(dataset, HALVES, found, limit=2)
    figures = found.to_dict()
    assert (figures["pictures"], figures["made_before"], figures["seconds_per_picture"]) == (2, 2, None)
    assert said(found).endswith("2 boxes a picture, 2 pictures made before")


def test_what_interrupts_it_leaves_what_was_done(dataset, tmp_path):
    calls = itertools.count()

    def search(picture):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return HALVES.search(picture)

    found = Measured("halves", dataset.targets.names)
    with pytest.raises(KeyboardInterrupt):
        measure(dataset, Method("halves-1", search), found)
    assert found.to_dict()["pictures"] == 2
    write_proposals(tmp_path / "boxes.npz", found)
    with np.load(tmp_path / "boxes.npz", allow_pickle=False) as file:
        assert file["names"].tolist() == ["0.png", "1.png"]
        assert file["starts"].tolist() == [0, 2, 4]
        assert file["boxes"].shape == (4, 4)


def test_nothing_done_is_no_figure(tmp_path):
    found = Measured("halves", ())
    figures = found.to_dict()
    assert figures["recall"] == {"100": None, "1000": None, "2000": None}
    assert figures["average_best_overlap"] is None
    write_proposals(tmp_path / "none.npz", found)
    with np.load(tmp_path / "none.npz", allow_pickle=False) as file:
        assert (file["boxes"].shape, file["starts"].tolist()) == ((0, 4), [0])


def test_data_without_boxes_is_refused(tmp_path):
    dataset = open_to_evaluate(str(tinted_folders(tmp_path / "classes")))
    with pytest.raises(StriateError, match="is for classification; proposals are held against boxes, so give pictures"):
        measure(dataset, HALVES, Measured("halves", ()))


def test_the_first_so_many_count():
    proposed = np.array([[0, 0, 1, 4], [0, 0, 2, 4], [0, 0, 4, 4]], np.float32)
    whole = np.array([[0, 0, 4, 4]], np.float32)
    assert best_overlaps(proposed, whole, [1, 2, 3, 100]).ravel().tolist() == [0.25, 0.5, 1, 1]
    assert best_overlaps(proposed[:0], whole, [5]).tolist() == [[0]]
    assert best_overlaps(proposed, whole[:0], [5]).shape == (1, 0)
