"""`striate check --labels` as a person uses it."""

from __future__ import annotations

import json
import shutil

import pytest

import striate as package


@pytest.fixture
def wrong(digit_folder):
    """Three scans of ten times ten, put into the wrong folder: path, then the folders of now and before."""
    moved = {}
    for digit, other in (("0", "7"), ("4", "1"), ("6", "2")):
        file = sorted((digit_folder / digit).iterdir())[2]
        path = shutil.move(file, digit_folder / other / f"<wrong> {file.name}")
        moved[str(path)] = (other, digit)
    return moved


def test_most_moved_pictures_are_named_and_stand_on_the_page(striate, digit_folder, wrong, digits_run, tmp_path):
    page = tmp_path / "pages" / "labels.html"
    words = ("check", digit_folder, "--labels", "--weights", digits_run, "--out", page)
    told = json.loads(striate(*words, "--json").out)
    assert told["problems"] == []
    labels = told["labels"]
    assert (labels["pictures"], labels["page"]) == (100, str(page))
    suspects = {suspect["path"]: (suspect["given"], suspect["likely"]) for suspect in labels["suspects"]}
    found = wrong.keys() & suspects.keys()
    assert len(found) >= 2
    assert len(suspects) <= 8
    assert all(suspects[path] == wrong[path] for path in found)
    text = page.read_text(encoding="utf-8")
    assert "<wrong>" not in text
    assert all(path.replace("<wrong>", "&lt;wrong&gt;") in text for path in found)
    assert text.count('src="data:image/png;base64,') == len(suspects)
    assert "http" not in text.replace("http-equiv", "")

    answer = striate(*words)
    assert (answer.status, answer.err) == (0, "")
    assert f"labels: {len(suspects)} of 100 pictures have a label that is likely wrong, by a linear" in answer.out
    assert next(iter(suspects)) in answer.out
    assert sum(path in answer.out for path in suspects) == min(5, len(suspects))
    assert f"wrote {page}" in answer.out


def test_labels_are_looked_at_only_when_asked(striate, digit_folder):
    assert "labels" not in json.loads(striate("check", digit_folder, "--json").out)


def test_embedded_weights_are_the_default_and_small_classes_are_named(embedded, photos):
    for path in sorted((photos / "level").iterdir())[4:]:
        path.unlink()
    found = package.check_labels(photos)
    assert found.dataset_features.features.shape == (24, 384)
    assert found.unjudged == ("level",)
    assert all(suspect.given == 1 for suspect in found.suspects)


def test_without_embedded_weights_it_says_so_and_names_no_page(striate, photos, tmp_path, monkeypatch):
    from striate.models import stored

    monkeypatch.setattr(stored, "EMBEDDED_FOLDER", tmp_path)
    answer = striate("check", photos, "--labels", "--json", "--out", tmp_path / "labels.html")
    assert "this installation has no embedded weights" in answer.mistake()
    assert not (tmp_path / "labels.html").exists()
