"""`striate look` as a person uses it: the page, the numbers, and what is said where there is nothing to see."""

from __future__ import annotations

import json

from striate.cli.look import PARTS as NAMED
from striate.core.files import read_regular
from striate.report.look.parts import PARTS

MOST_BYTES = 30_000_000


def test_the_help_names_every_part():
    assert NAMED.replace(" and", ",").split(", ") == list(PARTS)


def test_a_run_becomes_one_page_and_its_numbers(striate, digits_run, scans, tmp_path):
    page = tmp_path / "page.html"
    answer = striate("look", digits_run, "--data", scans, "--output", page, "--json")
    assert (answer.status, answer.err) == (0, "")
    told = json.loads(answer.out)
    assert (told["network"], told["pictures"], told["output"]) == (str(digits_run), 3, str(page))
    assert list(told["parts"]) == list(PARTS)
    reasons = told["parts"]["attribution"]
    assert [one["name"] for one in reasons["pictures"]] == sorted(str(scan) for scan in scans.iterdir())
    by_name = {one["method"]: one for one in reasons["methods"]}
    assert "tanh" in by_name["deconvnet"]["left_out"] and "left_out" not in by_name["grad-cam"]
    assert 0 <= by_name["gradient"]["deletion"] <= 1 and -1 <= by_name["gradient"]["similarity"] <= 1
    text = read_regular(page, MOST_BYTES).decode()
    assert "Integrated gradients" in text and "Adebayo" in text and "<script" not in text


def test_pictures_are_needed_where_every_part_needs_them(striate, tmp_path):
    said = striate("look", "embedded", "--only", "attribution", "--output", tmp_path / "x.html").mistake()
    assert said == "striate: attribution needs pictures, and none were given; name some by --data"
    assert not (tmp_path / "x.html").exists()


def test_a_part_that_is_not_there(striate, tmp_path):
    said = striate("look", "embedded", "--only", "diagam", "--output", tmp_path / "x.html").mistake()
    assert said == "striate: unknown part of the page 'diagam'; did you mean 'diagram'?"


def test_pictures_that_cannot_be_read_are_told(striate, digits_run, scans, tmp_path):
    (scans / "broken.png").write_bytes(b"no picture")
    page = tmp_path / "page.html"
    answer = striate("look", digits_run, "--data", scans, "--only", "attribution", "--most", "2", "--output", page)
    assert (answer.status, answer.out) == (0, f"wrote {page}\n")
    assert "striate: 1 picture cannot be read, such as" in answer.err and "broken.png" in answer.err
    assert "broken.png" in page.read_text(encoding="utf-8")


def test_a_dream_needs_a_layer_that_is_there_and_a_picture(striate, scans, tmp_path):
    scan, page = str(sorted(scans.iterdir())[0]), tmp_path / "x.html"
    said = striate("look", "embedded", "--dream", "layer33", scan, "--output", page).mistake()
    assert said.startswith("striate: unknown layer of quick_regnet26 'layer33'; did you mean 'layer3'")
    said = striate("look", "embedded", "--dream", "layer3", "--output", page).mistake()
    assert said.startswith("striate: a dream is of a picture by a layer, as in: striate look embedded --dream layer3")
    said = striate("look", "embedded", "--dream", "layer3", scan, "--only", "units", "--output", page).mistake()
    assert "--only does nothing for a dream" in said
    assert not page.exists()


def test_a_run_is_looked_into_with_the_pictures_that_it_was_tested_on(striate, digits_run, tmp_path):
    given = ("--only", "doubts", "--most", "40", "--output", tmp_path / "page.html", "--json")
    told = json.loads(striate("look", digits_run, *given).out)
    assert told == json.loads(striate("look", digits_run, "--data", "digits", *given).out)
    assert told["parts"]["doubts"]["with_known_class"] == 40
