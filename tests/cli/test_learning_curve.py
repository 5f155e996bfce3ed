"""`striate learning-curve` as a person uses it."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

import striate as package
from striate.core.errors import StriateError


def test_table_page_and_drawing(striate, photos, embedded, tmp_path):
    answer = striate("learning-curve", photos, "--out", tmp_path / "out", "--added", "10")
    assert (answer.status, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert [line.split()[:2] for line in lines[2:7]] == [
        ["10%", "4"], ["25%", "8"], ["50%", "18"], ["100%", "36"], ["forecast", "80"],
    ]  # fmt: skip
    assert "twice as many as there are, 80, are forecast to bring" in answer.out
    assert "10 more pictures of one" in answer.out or "10 more pictures of" in answer.out
    page = (tmp_path / "out" / "learning-curve.html").read_text(encoding="utf-8")
    assert "upright" in page
    assert "<script" not in page
    drawing = ElementTree.parse(tmp_path / "out" / "learning-curve.svg").getroot()
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert "80 pictures: " in drawing.attrib["aria-label"]
    told = json.loads(striate("learning-curve", photos, "--out", tmp_path / "out", "--json").out)
    assert [size["pictures"] for size in told["sizes"]] == [4, 8, 18, 36]
    assert told["forecast"]["pictures"] == 80
    assert {row["class"] for row in told["classes"]} == {"upright", "level"}
    assert told["files"] == [str(tmp_path / "out" / f"learning-curve.{kind}") for kind in ("html", "svg")]


def test_pictures_that_lie_elsewhere_count_too(striate, photos, embedded, tmp_path):
    other = tmp_path / "other" / "level"
    other.mkdir(parents=True)
    for file in (photos / "level").iterdir():
        other.joinpath(file.name).write_bytes(file.read_bytes())
    words = ["--val", other.parent, "--out", tmp_path / "out", "--json"]
    told = json.loads(striate("learning-curve", photos, *words).out)
    assert told["pictures"] == 60 and {row["class"]: row["pictures"] for row in told["classes"]} == {
        "level": 36,
        "upright": 18,
    }  # of 40 and 20: a tenth is held out


def test_nothing_added_is_refused(photos):
    with pytest.raises(StriateError, match="added must be at least 1 picture, got 0"):
        package.learning_curve(photos, added=0)
