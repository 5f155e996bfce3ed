"""`striate predict` on what people have in their folders."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path

import pytest

from striate.cli.output import print_csv


def paths(answer):
    return [row["path"] for row in json.loads(answer.out)]


def test_the_table(striate, digits_run, scans):
    answer = striate("predict", digits_run, scans)
    assert (answer.status, answer.err) == (0, "")
    lines = [line.split() for line in answer.out.splitlines()]
    assert lines[0] == ["picture", "label", "probability", "next"]
    assert [line[0] for line in lines[2:]] == [str(file) for file in sorted(scans.iterdir())]
    assert all(line[2].endswith("%") for line in lines[2:])
    assert len(lines[2]) == 3 + 2 * 2  # two runners-up with their probabilities
    assert striate("predict", digits_run, scans, "--top", 1).out.splitlines()[0].split() == [
        "picture", "label", "probability",
    ]  # fmt: skip


@pytest.mark.parametrize("top", [1, 3, 10, 99])
def test_json_lists_the_most_probable_classes(striate, digits_run, scans, top):
    rows = json.loads(striate("predict", digits_run, scans, "--top", top, "--json").out)
    assert len(rows) == 3
    for row in rows:
        assert len(row["top"]) == min(top, 10)
        probabilities = [entry["probability"] for entry in row["top"]]
        assert probabilities == sorted(probabilities, reverse=True)
        assert {"label": row["label"], "probability": row["probability"]} == row["top"][0]
        if top >= 10:
            assert sum(probabilities) == pytest.approx(1)


def test_csv_is_read_back(striate, digits_run, scans):
    (scans / 'a "broken", one.png').write_text("x")
    answer = striate("predict", digits_run, scans, "--csv", "--top", 2)
    assert answer.status == 1
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    assert list(rows[0]) == ["path", "label", "probability", "label_2", "probability_2", "problem"]
    plain = json.loads(striate("predict", digits_run, scans, "--json").out)
    assert [row["path"] for row in rows] == [row["path"] for row in plain]
    for row, other in zip(rows, plain, strict=True):
        assert row["label"] == (other["label"] or "")
        assert row["problem"] == other.get("problem", "")
        if other["label"]:
            assert float(row["probability"]) == other["probability"]
            assert float(row["probability_2"]) == other["top"][1]["probability"]


def test_a_csv_of_broken_files_has_the_same_columns(striate, digits_run, tmp_path):
    answer = striate("predict", digits_run, tmp_path / "none.png", "--csv", "--top", 2)
    assert answer.status == 1
    assert [len(row) for row in csv.reader(io.StringIO(answer.out))] == [6, 6]


def test_the_order_given_is_kept_and_a_file_may_come_twice(striate, digits_run, scans):
    first, second, third = sorted(scans.iterdir())
    answer = striate("predict", digits_run, third, first, third, scans, second, "--json")
    assert paths(answer) == [str(p) for p in (third, first, third, first, second, third, second)]
    rows = json.loads(answer.out)
    assert rows[0] == rows[2]


def test_folders_are_searched_to_the_bottom(striate, digits_run, scans, tmp_path):
    deep = tmp_path / "album" / "2024" / "Ostern – päivä 1"
    deep.mkdir(parents=True)
    one = next(scans.iterdir())
    for name in ("日本.png", "ÄÖÜ ß.PNG", "notes.txt", ".hidden.png", "._resource.png"):
        shutil.copy(one, deep / name)
    shutil.copy(one, tmp_path / "album" / "above.png")
    for hidden in (".thumbnails", "__MACOSX"):
        (tmp_path / "album" / hidden).mkdir()
        shutil.copy(one, tmp_path / "album" / hidden / "small.png")
    answer = striate("predict", digits_run, tmp_path / "album", "--json")
    assert paths(answer) == [str(deep / "ÄÖÜ ß.PNG"), str(deep / "日本.png"), str(tmp_path / "album" / "above.png")]
    assert "日本.png" in answer.out  # as it is, not as an escape
    assert "日本.png" in striate("predict", digits_run, tmp_path / "album").out


def test_links_are_followed_once(striate, digits_run, scans, tmp_path):
    album = tmp_path / "album"
    album.mkdir()
    (album / "link.png").symlink_to(next(scans.iterdir()))
    (album / "folder").symlink_to(scans)
    (album / "again").symlink_to(scans)
    (album / "itself").symlink_to(album)
    (album / "loop.png").symlink_to(album / "loop.png")
    (album / "gone.png").symlink_to(album / "nowhere.png")
    answer = striate("predict", digits_run, album, "--json")
    assert answer.status == 1
    assert len(paths(answer)) == 3 + 1 + 2  # scans once, the link to one of them, two that lead nowhere
    assert answer.err.count("cannot be read") == 2
    assert len(paths(striate("predict", digits_run, album / "link.png", "--json"))) == 1


def test_a_name_that_begins_with_a_dash(striate, digits_run, scans, monkeypatch):
    monkeypatch.chdir(scans)
    shutil.copy(next(scans.iterdir()), scans / "-x.png")
    answer = striate("predict", digits_run, "--json", "--", "-x.png")
    assert answer.status == 0
    assert paths(answer) == ["-x.png"]


@pytest.mark.skipif(os.name != "posix", reason="names are text elsewhere")
def test_a_name_that_is_no_text(striate, digits_run, scans):
    shutil.copy(next(scans.iterdir()), os.fsencode(scans) + b"/\xff.png")
    (scans / "broken.png").write_bytes(b"")
    for form in ((), ("--csv",), ("--json",)):
        answer = striate("predict", digits_run, scans, *form)
        assert answer.status == 1
        assert "\\udcff.png" in answer.out
        assert answer.err == f"striate: {scans / 'broken.png'} is empty (0 bytes)\n"
    assert os.fsencode(paths(answer)[-1]).endswith(b"/\xff.png")


def test_every_broken_file_is_named_and_the_rest_predicted(striate, digits_run, scans, tmp_path):
    good = next(scans.iterdir())
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    answer = striate("predict", digits_run, tmp_path / "gone.png", good, tmp_path / "text.png", tmp_path / "empty.png")
    assert answer.status == 1
    assert answer.err.splitlines() == [
        f"striate: {tmp_path / 'gone.png'} cannot be read (No such file or directory)",
        f"striate: {tmp_path / 'text.png'} is not a picture in a known format (it starts with 'hello')",
        f"striate: {tmp_path / 'empty.png'} is empty (0 bytes)",
    ]
    assert len(answer.out.splitlines()) == 3
    assert striate("predict", digits_run, tmp_path / "empty.png").out == ""


def test_more_pictures_than_one_batch(striate, digits_run, digit_folder):
    rows = json.loads(striate("predict", digits_run, digit_folder, "--json").out)
    assert len(rows) == 100
    right = [row["path"].split("/")[-2] == row["label"] for row in rows]
    assert sum(right) > 80


def test_a_file_for_spreadsheets(striate, digits_run, scans, tmp_path, monkeypatch):
    monkeypatch.chdir(scans)
    names = ["=cmd()", "+1", "-1", "@a", "Küste"]
    for name in names:
        shutil.copy(next(Path().glob("*.png")), f"{name}.png")
    files = [f"{name}.png" for name in names]
    written = tmp_path / "out" / "found.csv"
    answer = striate("predict", digits_run, "--top", 1, "--output", written, "--", *files)
    assert (answer.status, answer.out, answer.err) == (0, f"wrote {written}: 5 pictures\n", "")
    content = written.read_bytes()
    assert content.startswith(b"\xef\xbb\xbfpath,label,probability,problem\n")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert [row["path"] for row in rows] == ["'=cmd().png", "'+1.png", "'-1.png", "'@a.png", "Küste.png"]
    assert all(0 < float(row["probability"]) <= 1 for row in rows)
    printed = striate("predict", digits_run, "--csv", "--", *files).out
    assert [row["path"] for row in csv.DictReader(io.StringIO(printed))] == files  # for programs


def test_a_file_of_json(striate, digits_run, scans, tmp_path):
    written = tmp_path / "found.json"
    told = json.loads(striate("predict", digits_run, scans, "--output", written, "--json").out)
    assert told == {"output": str(written), "pictures": 3, "left_out": []}
    printed = striate("predict", digits_run, scans, "--json").out
    assert json.loads(written.read_text(encoding="utf-8")) == json.loads(printed)


def test_where_predictions_cannot_be_written(striate, digits_run, scans, tmp_path):
    for words, line in (
        (("--output", tmp_path / "a.xls"), f"--output must end in .csv or .json, got {tmp_path / 'a.xls'}"),
        (("--output", "a.csv", "--csv"), "--csv prints, --output writes a file, as CSV where it ends in .csv; leave"),
        (("--output", scans / next(scans.iterdir()).name / "a.csv"), "may not write"),
    ):
        assert striate("predict", digits_run, scans, *words).mistake().startswith(f"striate: {line}")


def test_csv_on_a_terminal_is_only_shown(capsys, monkeypatch):
    print_csv([("a\x1b[2J", 0.5)])
    assert capsys.readouterr().out == "a\x1b[2J,0.5\n"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_csv([("a\x1b[2J", 0.5)])
    assert capsys.readouterr().out == "a\\x1b[2J,0.5\n"
