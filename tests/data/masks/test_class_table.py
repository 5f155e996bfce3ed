"""Lists of classes in every form that people keep them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from striate.core.errors import StriateError
from striate.data.masks.class_table import ClassTable, find_class_table, read_class_table


def read(tmp_path: Path, text: str, name: str = "classes.txt", ignored: str | None = None) -> ClassTable:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_class_table(tmp_path / name, ignored)


@pytest.mark.parametrize(
    "text",
    [
        "0\tsky\n1\tlight pole\n255\tnot labelled\n",
        "0,sky\n1,light pole\n255,void\n",
        "number;name\n0;sky\n1;light pole\n255;Void\n",
        "1: light pole\n0: sky\n255: ignore\n",
    ],
)
def test_numbers(tmp_path, text):
    table = read(tmp_path, text)
    assert table.names == ("sky", "light pole")
    assert table.numbers == {0: "sky", 1: "light pole", 255: None}
    assert table.colours == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("label_colors.txt", "128 128 128\tsky\n64 0 128\tlight pole\n0 0 0\tVoid\n"),
        ("class_dict.csv", "name,r,g,b\nsky,128,128,128\nlight pole,64,0,128\nVoid,0,0,0\n"),
        ("labelmap.txt", "# label:color_rgb:parts:actions\nsky:128,128,128::\nlight pole:64,0,128::\nvoid:0,0,0::\n"),
        ("classes.json", json.dumps({"sky": [128, 128, 128], "light pole": [64, 0, 128], "void": [0, 0, 0]})),
    ],
)
def test_colours(tmp_path, name, text):
    table = read(tmp_path, text, name)
    assert table.names == ("sky", "light pole")
    assert table.colours == {0x808080: "sky", 0x400080: "light pole", 0: None}


def test_numbers_and_colours(tmp_path):
    table = read(tmp_path, "4 128 128 128 sky\n2 64 0 128 road\n")
    assert (table.names, table.numbers) == (("road", "sky"), {4: "sky", 2: "road"})
    assert table.colours == {0x808080: "sky", 0x400080: "road"}


@pytest.mark.parametrize(
    "told", [["sky", "road"], {"0": "sky", "1": "road"}, {"sky": 0, "road": 1}, [{"name": "sky"}, {"name": "road"}]]
)
def test_json(tmp_path, told):
    table = read(tmp_path, json.dumps(told), "classes.json")
    assert table.numbers == {0: "sky", 1: "road"}


def test_names_alone_even_where_one_begins_with_a_number(tmp_path):
    assert read(tmp_path, "\ufeffsky\n2 wheels\n\nlight pole\n").names == ("sky", "2 wheels", "light pole")


def test_a_name_that_is_void_keeps_its_place_and_a_named_class_is_ignored(tmp_path):
    assert read(tmp_path, "void\nsky\nroad\n").numbers == {0: None, 1: "sky", 2: "road"}
    assert read(tmp_path, "sky\nown_car\nroad\n", ignored="own car").names == ("sky", "road")


def test_two_rows_of_one_name_are_one_class(tmp_path):
    table = read(tmp_path, "0 0 0 road\n0 0 1 road\n9 9 9 sky\n")
    assert (table.names, table.colours) == (("road", "sky"), {0: "road", 1: "road", 0x090909: "sky"})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("classes.txt", "0 sky\n0 road\n", "gives the number 0 to two classes, sky and road"),
        ("classes.txt", "1 2 3 sky\n1 2 3 road\n", "gives the colour 1 2 3 to two classes, sky and road"),
        ("classes.txt", "", "names no class; expected is a class a line: sky, or 0 sky, or 128 128 128 sky"),
        ("classes.json", "{", "is no list of classes"),
        ("classes.json", '{"sky": [1, 2]}', "is no list of classes"),
        ("classes.json", '{"sky": [1, 2, 300]}', "is no list of classes"),
        ("classes.json", "3", "is no list of classes"),
        ("classes.json", '{"sky": 1e400}', "is no list of classes"),
        ("classes.json", '{"sky": -1}', "is no list of classes"),
    ],
)
def test_lists_that_say_nothing_or_two_things(tmp_path, name, text, said):
    with pytest.raises(StriateError, match=said):
        read(tmp_path, text, name)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "classes.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(StriateError, match="is not UTF-8 text"):
        read_class_table(tmp_path / "classes.txt")


def test_what_is_ignored_need_not_be_in_a_list(tmp_path):
    assert read(tmp_path, "void\nsky\n", ignored="fog").unasked == ("void",)
    assert find_class_table([tmp_path / "none"], "fog") is None
    assert find_class_table([tmp_path / "none", tmp_path]).names == ("sky",)


def test_files_that_are_other_things_elsewhere_are_no_lists(tmp_path):
    for name in ("labels.csv", "labels.json", "train.txt"):
        (tmp_path / name).write_text("{")
    assert find_class_table([tmp_path]) is None
