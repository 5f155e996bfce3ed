"""Tables of paths and labels: what is understood, and the line number of what is not."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.api import check
from striate.core.errors import StriateError
from striate.data.dataset import Dataset, FilePictures
from striate.data.sources import open_data


def table(folder: Path, content: str | bytes, name: str = "data.csv") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def paths(data: Dataset) -> list[str]:
    assert isinstance(data.pictures, FilePictures)
    return list(data.pictures.relative_paths)


def refused(file: Path, text: str) -> None:
    with pytest.raises(StriateError, match=re.escape(text)):
        open_data(file)


PLAIN = "a/1.jpg,cat\na/2.jpg,dog\nb/3.jpg,cat\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        "path,label\n" + PLAIN,
        "Path,LABEL\r\n" + PLAIN.replace("\n", "\r\n"),
        b"\xef\xbb\xbfpath,label\n" + PLAIN.encode(),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        "path;label\n" + PLAIN.replace(",", " ; "),
        "\n\npath,label\n\n" + PLAIN.replace("\n", "\n\n"),
        "label,size,path\n" + "".join(f"{line.split(',')[1]},7,{line.split(',')[0]}\n" for line in PLAIN.splitlines()),
        PLAIN.rstrip(),
    ],
)
def test_forms_of_one_table(tmp_path: Path, content: str | bytes) -> None:
    data = open_data(table(tmp_path, content))
    assert paths(data) == ["a/1.jpg", "a/2.jpg", "b/3.jpg"]
    assert data.classes == ("cat", "dog")
    assert data.labels.tolist() == [0, 1, 0]
    assert data.pictures.name(0) == str(tmp_path / "a" / "1.jpg")


def test_tsv(tmp_path: Path) -> None:
    assert open_data(table(tmp_path, PLAIN.replace(",", "\t"), "data.TSV")).classes == ("cat", "dog")


def test_quoted_fields(tmp_path: Path) -> None:
    data = open_data(table(tmp_path, 'path,label\n"a, b.jpg","big ""cat"""\n"c\u2028d.jpg",dog\n'))
    assert paths(data) == ["a, b.jpg", "c\u2028d.jpg"]
    assert data.classes == ('big "cat"', "dog")


def test_unicode(tmp_path: Path) -> None:
    data = open_data(table(tmp_path, "B\u00e4r/\u5199\u771f.jpg,B\u00e4r\ncat.jpg,\u732b\n"))
    assert data.classes == ("B\u00e4r", "\u732b")


def test_absolute_paths(tmp_path: Path) -> None:
    """A path below the table's folder counts from there, so its split does not depend on where the folder lies."""
    inside, outside = tmp_path / "here" / "1.png", tmp_path / "there.png"
    inside.parent.mkdir()
    Image.new("L", (1, 1), 10).save(inside)
    Image.new("L", (1, 1), 20).save(outside)
    data = open_data(table(tmp_path / "here", f"{inside},a\n{outside},b\n"))
    assert paths(data) == ["1.png", outside.as_posix()]
    assert [int(data.pictures.decode(index, 1).item()) for index in (0, 1)] == [10, 20]


def test_missing_files_are_left_for_the_check(tmp_path: Path) -> None:
    data = open_data(table(tmp_path, PLAIN))
    with pytest.raises(StriateError, match=r"1\.jpg cannot be read \(No such file or directory\)"):
        data.pictures.decode(0, 3)


def test_split_column(tmp_path: Path) -> None:
    rows = [("1.jpg", "a", "train"), ("2.jpg", "b", "Train"), ("3.jpg", "a", "valid"), ("4.jpg", "b", "test")]
    data = open_data(table(tmp_path, "path,label,split\n" + "".join(",".join(row) + "\n" for row in rows)))
    assert {split: part.tolist() for split, part in data.splits.items()} == {"train": [0, 1], "val": [2], "test": [3]}
    assert data.split_rule == "train, val, test as given"


def test_split_column_without_val(tmp_path: Path) -> None:
    rows = [f"{name}{number}.jpg,{name},{'test' if number < 5 else 'train'}" for name in "ab" for number in range(25)]
    data = open_data(table(tmp_path, "\n".join(["path,label,split", *rows])))
    assert data.counts() == {"train": [17, 17], "val": [3, 3], "test": [5, 5]}


def test_splits_follow_the_names_not_the_order(tmp_path: Path) -> None:
    rows = [f"{name}/{number:02}.jpg,{name}" for name in ("cat", "dog") for number in range(20)]
    data = open_data(table(tmp_path, "\n".join(rows)))
    assert data.splits["test"].tolist() == [1, 3, 10, 30, 33, 36]  # as the folder of the same names
    turned = open_data(table(tmp_path, "\n".join(reversed(rows)), "turned.csv"))
    assert np.sort(39 - turned.splits["test"]).tolist() == [1, 3, 10, 30, 33, 36]


@pytest.mark.parametrize("content", ["", "\n \n", "path,label\n"])
def test_empty(tmp_path: Path, content: str) -> None:
    file = table(tmp_path, content)
    refused(file, f'{file} has no line with a picture; expected are lines such as "cats/1.jpg,cat", under a header')


def test_missing_columns(tmp_path: Path) -> None:
    file = table(tmp_path, "width,breed\n1.jpg,cat\n")
    refused(file, f"{file} line 1 is neither a header with path and label nor a picture, but ['width', 'breed']; ")
    file = table(tmp_path, "000bec180eb18c,cat\n0a0b97441050bb,dog\n")
    refused(file, f"{file} line 1 is neither a header with path and label nor a picture, but ['000bec180eb18c', 'cat']")
    file = table(tmp_path, "image_id,Healthy,rust\n1,0,1\n2,1,0\n")
    refused(file, f"{file} names exactly one label for each picture, which is classification: give a column label ")
    file = table(tmp_path, "image_id,Healthy,rust\n1,no leaf,1\n2,1,0\n")
    refused(
        file,
        f"{file} line 1 names the columns image_id, Healthy, rust, none of which says that it is the class; "
        "call that column label",
    )
    refused(table(tmp_path, "id,is_valid\n1,0\n"), "none of which says that it is the class")
    refused(table(tmp_path, "id,path\n1,a.jpg\n"), "none of which says that it is the class")
    refused(table(tmp_path, "1.jpg\n2.jpg\n"), "line 1 has 1 column, expected 2: path, label")
    refused(table(tmp_path, "path,label\n1.jpg,cat\n2.jpg\n"), "line 3 has 1 column, expected 2: path, label")
    refused(table(tmp_path, "1.jpg,cat\n\n2.jpg,dog,x\n"), "line 3 has 3 columns, expected 2: path, label")
    refused(table(tmp_path, "path,label\n1.jpg,\n"), "line 2 has no label")
    refused(table(tmp_path, "path,label\n,cat\n"), "line 2 has no path")


def test_unknown_split(tmp_path: Path) -> None:
    file = table(tmp_path, "path,label,split\n1.jpg,a,train\n2.jpg,b,tset\n")
    refused(file, f"{file} line 3: unknown split 'tset'; did you mean 'test'?")


def test_no_training_lines(tmp_path: Path) -> None:
    file = table(tmp_path, "path,label,split\n1.jpg,a,val\n2.jpg,b,test\n")
    refused(file, f"{file} has val and test pictures but none to train on")


def test_one_class_only(tmp_path: Path) -> None:
    file = table(tmp_path, "1.jpg,cat\n2.jpg,cat\n")
    refused(file, f"{file} holds one class only ('cat'); a classifier needs two or more, each with its own sub-folder")


def test_no_text(tmp_path: Path) -> None:
    file = table(tmp_path, "path,label\n1.jpg,B\u00e4r\n".encode("latin-1"))
    refused(file, f"{file} is not UTF-8 text (byte 18); save it as UTF-8")


def test_open_quote(tmp_path: Path) -> None:
    refused(
        table(tmp_path, 'path,label\n1.jpg,"cat\n2.jpg,dog\n'), "line 3 is no line of a table (unexpected end of data)"
    )


def test_labels_in_two_forms_of_unicode_are_one_class(tmp_path: Path) -> None:
    data = open_data(table(tmp_path, "1.jpg,B\u00e4r\n2.jpg,Ba\u0308r\n3.jpg,cat\n"))
    assert data.classes == ("B\u00e4r", "cat")
    assert data.labels.tolist() == [0, 0, 1]


def test_backslashes_end_folders_where_no_file_has_them_in_its_name(tmp_path: Path) -> None:
    data = open_data(table(tmp_path, "a\\1.jpg,cat\na\\b\\2.jpg,dog\nc/3.jpg,cat\n"))
    assert paths(data) == ["a/1.jpg", "a/b/2.jpg", "c/3.jpg"]
    assert data.inventory.notes == ("backslashes in the paths are read as the ends of folders",)


@pytest.mark.parametrize("box", ["", ",1,1,3,3"])
def test_a_table_elsewhere_has_paths_as_the_program_was_asked_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, box: str
) -> None:
    """As `predict photos/ --output out/a.csv` writes them; what lies beside the table goes first."""
    monkeypatch.chdir(tmp_path)
    lines = [f"photos/{number}.png,{'ab'[number % 2]}{box}\n" for number in range(12)]
    Path("photos").mkdir()
    Path("out/photos").mkdir(parents=True)
    for number in range(12):
        Image.new("RGB", (9, 9), (number, 0, 0)).save(f"photos/{number}.png")
    header = "path,label,x0,y0,x1,y1\n" if box else "path,label\n"
    Path("out/a.csv").write_text(header + f"photos/gone.png,a{box}\n" + "".join(lines))
    report = check("out/a.csv")
    assert [name for name, _ in report.unreadable] == ["out/photos/gone.png"]
    assert f"paths are read from {tmp_path}, since nothing lies so beside the table" in report.notes
    Image.new("RGB", (9, 9)).save("out/photos/gone.png")
    report = check("out/a.csv")
    assert len(report.unreadable) == 12
    assert not any("paths are read from" in note for note in report.notes)


@pytest.mark.skipif(os.sep != "/", reason="a backslash in a name")
def test_a_backslash_may_be_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "a\\1.jpg").touch()
    data = open_data(table(tmp_path, "a\\1.jpg,cat\na\\2.jpg,dog\n"))
    assert paths(data) == ["a\\1.jpg", "a\\2.jpg"]
    assert data.inventory.notes == ()


@pytest.mark.parametrize("first", ["sep=;\n", "\n\ufeffSEP=;\r\n".lstrip(), '"sep=;"\n', "\nsep=;\n\n"])
def test_the_first_line_of_excel(tmp_path: Path, first: str) -> None:
    data = open_data(table(tmp_path, first + "path;label\n" + PLAIN.replace(",", ";")))
    assert paths(data) == ["a/1.jpg", "a/2.jpg", "b/3.jpg"]
    line = first.count("\n") + 2
    refused(table(tmp_path, first + "path;label\n1.jpg;\n"), f"line {line} has no label")


@pytest.mark.parametrize("separator", ["\t", "|", ","])
def test_excel_may_name_any_separator(tmp_path: Path, separator: str) -> None:
    data = open_data(table(tmp_path, f"sep={separator}\n" + PLAIN.replace(",", separator)))
    assert data.classes == ("cat", "dog")


def test_fastai_says_which_validate(tmp_path: Path) -> None:
    rows = "fname,label,is_valid\n1.jpg,a,False\n2.jpg,b,False\n3.jpg,a,True\n4.jpg,b,1\n"
    data = open_data(table(tmp_path, rows))
    assert {split: part.tolist() for split, part in data.splits.items()} == {"train": [0, 1], "val": [2, 3]}
    assert data.split_rule == "train, val as given; no test split"
    refused(table(tmp_path, rows + "5.jpg,a,maybe\n"), "line 6: is_valid is 'maybe'; it is true or false")


@pytest.mark.parametrize("header", ["file_name,class", "Image,Label", "name,label", "filename,label"])
def test_other_names_of_the_columns(tmp_path: Path, header: str) -> None:
    assert paths(open_data(table(tmp_path, f"{header}\n{PLAIN}"))) == ["a/1.jpg", "a/2.jpg", "b/3.jpg"]


@pytest.mark.parametrize(
    "header",
    [
        *("id,breed", "image_id,label", "Id,target", "filename,category", "IMG,species", "picture,classname"),
        *("img_id,plant", "image_name,has_cactus", "id,name", "image,name", "img,Class_Name"),
    ],
)
def test_columns_of_kaggle(tmp_path: Path, header: str) -> None:
    data = open_data(table(tmp_path, f"{header}\n{PLAIN}"))
    assert paths(data) == ["a/1.jpg", "a/2.jpg", "b/3.jpg"]
    assert data.classes == ("cat", "dog")
    assert data.inventory.notes == ()


def test_columns_of_kaggle_among_others(tmp_path: Path) -> None:
    data = open_data(table(tmp_path, "width,breed,image_id\n7,cat,1.jpg\n7,dog,2.jpg\n"))
    assert (paths(data), data.classes) == (["1.jpg", "2.jpg"], ("cat", "dog"))
    data = open_data(table(tmp_path, "id,filename,label\n7,1.jpg,cat\n8,2.jpg,dog\n"))
    assert paths(data) == ["1.jpg", "2.jpg"]
    data = open_data(table(tmp_path, "id,plant,split\n1.jpg,elm,train\n2.jpg,oak,train\n3.jpg,oak,val\n"))
    assert (data.classes, data.counts()) == (("elm", "oak"), {"train": [1, 1], "val": [0, 1]})


def test_a_class_may_be_called_as_a_column_is(tmp_path: Path) -> None:
    data = open_data(table(tmp_path, "1.jpg,image\n2.jpg,id\n3.jpg,image\n"))
    assert (paths(data), data.classes) == (["1.jpg", "2.jpg", "3.jpg"], ("id", "image"))


def test_a_column_called_path_goes_first(tmp_path: Path) -> None:
    assert paths(open_data(table(tmp_path, "name,path,label\nx,1.jpg,a\ny,2.jpg,b\n"))) == ["1.jpg", "2.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names")
def test_a_table_may_name_devices_pipes_and_folders(tmp_path: Path) -> None:
    """None is read: a device has no end, and nobody writes to this pipe."""
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    names = ["/dev/zero", "pipe.jpg", "folder.jpg", "/dev/stdin", "good.png"] * 2
    for name in ("good.png", "fine.png"):
        Image.new("L", (4, 4), 7).save(tmp_path / name)
    rows = [f"{name},{label}" for label, name in zip("a" * 5 + "b" * 5, names, strict=True)]
    report = check(table(tmp_path, "path,label\n" + "\n".join(rows)))
    reasons = dict(report.unreadable)
    assert reasons["/dev/zero"] == "cannot be read (is a device, no regular file)"
    assert reasons[str(tmp_path / "pipe.jpg")] == "cannot be read (is a pipe, no regular file)"
    assert reasons[str(tmp_path / "folder.jpg")] == "cannot be read (is a folder, no regular file)"
    assert "no regular file" in reasons["/dev/stdin"]
