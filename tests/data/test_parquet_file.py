"""Parquet files: which columns are understood, splits by the names of files, and what a damaged row or file says."""

from __future__ import annotations

import importlib.util
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from striate.api import check
from striate.cli import app
from striate.core.errors import StriateError
from striate.data import parquet_pictures
from striate.data.dataset import FilePictures
from striate.data.digits import open_digits
from striate.data.parquet_columns import EXPECTED
from striate.data.sources import open_data

NAMES = [f"number {number}" for number in range(10)]
PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
DIGITS = open_digits(0)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def digit(number: int) -> bytes:
    return png(DIGITS.pictures.decode(number, 1)[..., 0])


def written(
    file: Path,
    numbers: range,
    names: list[str] | None = None,
    kind: Any = PICTURE,
    label: Any = None,
    columns: tuple[str, str] = ("image", "label"),
    **options: Any,
) -> Path:
    """A file of digits, with the metadata that the hubs write where there are names."""
    contents = [digit(number) for number in numbers]
    rows = [{"bytes": each, "path": f"{n}.png"} for n, each in enumerate(contents)] if kind == PICTURE else contents
    labels = DIGITS.labels[numbers].tolist() if label is None else label
    table = pa.table({columns[0]: pa.array(rows, kind), columns[1]: labels})
    if names:
        features = {columns[0]: {"_type": "Image"}, columns[1]: {"names": names, "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file, **{"row_group_size": 20, **options})
    return file


def hub(folder: Path, below: str = "data") -> Path:
    """A folder as a hub hands it out."""
    written(folder / below / "train-00000-of-00002.parquet", range(150), NAMES)
    written(folder / below / "train-00001-of-00002.parquet", range(150, 250), NAMES)
    written(folder / below / "test-00000-of-00001.parquet", range(250, 300), NAMES)
    (folder / "README.md").write_text("digits")
    (folder / ".gitattributes").touch()
    return folder


def refused(data: Path, text: str) -> None:
    with pytest.raises(StriateError, match=f"^{re.escape(text)}"):
        open_data(data)


@pytest.mark.parametrize("below", ["data", "plain_text", "."])
def test_a_folder_of_the_hubs(tmp_path, below):
    dataset = open_data(hub(tmp_path, below))
    assert dataset.split_rule == (
        "train, test as given; val is 15 % of the given train, stratified by class, by name and split seed 0"
    )
    assert dataset.splits["test"].tolist() == list(range(50))
    assert len(dataset.splits["train"]) + len(dataset.splits["val"]) == 250
    assert dataset.classes == tuple(NAMES)
    assert dataset.labels.tolist() == [*DIGITS.labels[250:300], *DIGITS.labels[:250]]
    name = (Path(below) / "train-00001-of-00002.parquet").as_posix()
    assert dataset.pictures.listed_name(205) == f"{name}[5]"
    assert dataset.pictures.name(205) == str(tmp_path / f"{name}[5]")
    for number in (299, 205, 0, 60):  # whatever the order in which they are asked for
        expected = DIGITS.pictures.decode((number - 50) if number >= 50 else 250 + number, 1)
        assert dataset.pictures.decode(number, 1).tolist() == expected.tolist()
        assert dataset.pictures.size(number) == (8, 8)


def test_splits_in_the_names_of_folders(tmp_path):
    written(tmp_path / "default" / "train" / "0000.parquet", range(100))
    written(tmp_path / "default" / "validation" / "0000.parquet", range(100, 150))
    dataset = open_data(tmp_path)
    assert {split: len(part) for split, part in dataset.splits.items()} == {"train": 100, "val": 50}


@pytest.mark.parametrize("kind", [PICTURE, pa.binary(), pa.large_binary()])
def test_one_file_without_metadata_is_split_as_folders_are(tmp_path, kind):
    dataset = open_data(written(tmp_path / "digits.parquet", range(100), kind=kind))
    assert dataset.drawn == ("train", "val", "test")
    assert dataset.classes == tuple("0123456789")
    assert dataset.pictures.decode(42, 1).tolist() == DIGITS.pictures.decode(42, 1).tolist()


@pytest.mark.parametrize(
    "columns", [("img", "fine_label"), ("Photo", "Class"), ("what the camera saw", "target"), ("picture", "labels")]
)
def test_usual_names_and_the_only_column_of_bytes(tmp_path, columns):
    assert open_data(written(tmp_path / "x.parquet", range(60), columns=columns)).labels.tolist() == (
        DIGITS.labels[:60].tolist()
    )


def test_the_metadata_say_which_column_has_classes(tmp_path):
    dataset = open_data(written(tmp_path / "x.parquet", range(60), NAMES, columns=("image", "digit")))
    assert dataset.classes == tuple(NAMES)


def test_texts_are_classes_stored_once_or_not(tmp_path):
    texts = pa.array([NAMES[label] for label in DIGITS.labels[:60]])
    for labels in (texts, texts.dictionary_encode()):
        dataset = open_data(written(tmp_path / "x.parquet", range(60), label=labels))
        assert [dataset.classes[label] for label in dataset.labels] == texts.to_pylist()


def test_paths_count_from_the_folder_of_their_file(tmp_path):
    (tmp_path / "data" / "pictures").mkdir(parents=True)
    for number in range(60):
        (tmp_path / "data" / "pictures" / f"{number}.png").write_bytes(digit(number))
    table = {"image": [f"pictures/{n}.png" for n in range(60)], "label": DIGITS.labels[:60].tolist()}
    pq.write_table(pa.table(table), tmp_path / "data" / "list.parquet")
    dataset = open_data(tmp_path / "data" / "list.parquet")
    assert isinstance(dataset.pictures, FilePictures)
    assert dataset.pictures.path(7) == tmp_path / "data" / "pictures" / "7.png"
    assert dataset.pictures.decode(7, 1).tolist() == DIGITS.pictures.decode(7, 1).tolist()


def test_pictures_beside_a_table_of_features_stay_a_folder(tmp_path):
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        for number in range(4):
            (tmp_path / name / f"{number}.png").write_bytes(digit(number))
    written(tmp_path / "features.parquet", range(10))
    assert isinstance(open_data(tmp_path).pictures, FilePictures)


def test_other_columns_are_named(tmp_path):
    file = tmp_path / "x.parquet"
    pq.write_table(pa.table({"face": [b"x"], "who": ["me"]}), file)
    refused(file, f"{file} has the columns face (binary), who (string); {EXPECTED}")
    pq.write_table(pa.table({"label": [0], "pixel0": [3]}), file)
    refused(file, f"{file} has the columns label (int64), pixel0 (int64); {EXPECTED}")


def test_what_is_not_used_is_said(tmp_path):
    file = tmp_path / "x.parquet"
    rows = {"img": [digit(n) for n in range(60)], "fine_label": DIGITS.labels[:60], "coarse_label": [0] * 60}
    pq.write_table(pa.table(rows), file)
    assert open_data(file).inventory.notes == ("1 column not used: coarse_label",)


def test_rows_without_a_class_are_left_out_by_name(tmp_path):
    """The hubs write -1 in the test of a contest."""
    written(tmp_path / "train.parquet", range(100), NAMES)
    written(tmp_path / "test.parquet", range(100, 110), NAMES, label=[-1] * 9 + [None])
    dataset = open_data(tmp_path)
    assert dataset.drawn == ("train", "val", "test") and len(dataset.pictures) == 100
    assert dataset.inventory.pictures_left_out == [
        "10 pictures are left out, as their rows have no class: test.parquet[0], test.parquet[1], test.parquet[2] and "
        "7 more"
    ]
    assert dataset.pictures.listed_name(3) == "train.parquet[3]"
    assert dataset.pictures.decode(3, 1).tolist() == DIGITS.pictures.decode(3, 1).tolist()


def test_a_number_without_a_name(tmp_path):
    file = written(tmp_path / "x.parquet", range(3), NAMES, label=[0, 1, 10])
    refused(file, f"the class of {file}[2] is 10, but the metadata have 10 names, 0 to 9")


def test_metadata_that_do_not_agree_or_cannot_be_read(tmp_path):
    written(tmp_path / "train.parquet", range(60), NAMES)
    other = written(tmp_path / "test.parquet", range(60), NAMES[::-1])
    refused(tmp_path, f"{tmp_path / 'train.parquet'} has other names of classes in its metadata (number 0, number 1,")
    for metadata in (b"{", b"[" * 100_000, b'{"info": {"features": {"label": {"names": [1, 2]}}}}'):
        table = pq.read_table(other).replace_schema_metadata({"huggingface": metadata})
        pq.write_table(table, tmp_path / "plain.parquet")
        assert open_data(tmp_path / "plain.parquet").classes == tuple("0123456789")


def test_some_files_of_no_split_and_several_sets(tmp_path):
    written(tmp_path / "a" / "train.parquet", range(20))
    extra = written(tmp_path / "a" / "extra.parquet", range(20))
    refused(tmp_path, f"{tmp_path} has files of splits and a/extra.parquet, whose name says none of train, val, test")
    extra.unlink()
    written(tmp_path / "b" / "train.parquet", range(20))
    refused(tmp_path, f"{tmp_path} has Parquet files in several folders, a, b; name the one")


def test_rows_that_cannot_be_decoded_are_problems_of_the_check(tmp_path):
    file = tmp_path / "x.parquet"
    contents: list[bytes | None] = [digit(number) for number in range(60)]
    contents[3], contents[4], contents[5] = None, b"", contents[5][:40]
    pq.write_table(pa.table({"image": contents, "label": DIGITS.labels[:60]}), file)
    rows = [None if number == 6 else {"bytes": each, "path": None} for number, each in enumerate(contents)]
    pq.write_table(pa.table({"image": pa.array(rows, PICTURE), "label": DIGITS.labels[:60]}), tmp_path / "y.parquet")
    for name, bad in (("x.parquet", (3, 4, 5)), ("y.parquet", (3, 4, 5, 6))):
        unreadable = check(str(tmp_path / name)).unreadable
        assert [each for each, _ in unreadable] == [str(tmp_path / f"{name}[{number}]") for number in bad]
        assert [reason for _, reason in unreadable][:2] == ["has no bytes in its row", "is empty (0 bytes)"]


def test_damaged_files(tmp_path):
    file = written(tmp_path / "x.parquet", range(100))
    content = file.read_bytes()
    broken = {
        "cut": content[:-100],
        "empty": b"",
        "text": b"PAR1 no table PAR1",
        "begun": content[:2000] + content[-8:],
    }
    for name, part in broken.items():
        (tmp_path / f"{name}.parquet").write_bytes(part)
        refused(tmp_path / f"{name}.parquet", f"{tmp_path / name}.parquet cannot be read as a Parquet file (")
    middle = bytearray(content)
    middle[200:4000] = bytes(3800)
    file.write_bytes(middle)
    refused(file, f"{file} cannot be read as a Parquet file (")


def test_a_file_that_goes_away_is_a_problem_of_the_picture(tmp_path):
    file = written(tmp_path / "x.parquet", range(100))
    dataset = open_data(file)
    file.unlink()
    with pytest.raises(StriateError, match=re.escape(f"{file}[7] cannot be read any more (")):
        dataset.pictures.decode(7, 1)


def test_no_row_at_all(tmp_path):
    refused(written(tmp_path / "x.parquet", range(0)), f"{tmp_path / 'x.parquet'} has no row with a picture and its ")


def test_few_row_groups_are_in_memory(tmp_path, monkeypatch):
    dataset = open_data(written(tmp_path / "x.parquet", range(100)))
    monkeypatch.setattr(parquet_pictures, "KEPT_BYTES", 5000)  # about two groups
    read: list[int] = []
    kept = dataset.pictures._kept
    for number in (0, 1, 25, 45, 65, 99, 0):
        dataset.pictures.decode(number, 1)
        read.append(len(kept))
    assert read[:2] == [1, 1]
    assert max(read) < 5
    assert sum(each.nbytes for each in kept.values()) <= 5000


def test_a_row_group_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    """One picture in all rows is stored once."""
    file = tmp_path / "x.parquet"
    one = png(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8))
    pq.write_table(pa.table({"image": [one] * 1000, "label": [0, 1] * 500}), file)
    assert file.stat().st_size < 20_000
    monkeypatch.setattr(parquet_pictures, "MOST_GROUP_BYTES", 1_000_000)
    refused(file, "row group 0 of 1 in a Parquet file unpacks to more than 1,000,000 bytes")


def test_the_same_pictures_have_the_same_keys_wherever_they_lie(tmp_path):
    first = open_data(written(tmp_path / "a.parquet", range(60)))
    second = open_data(written(tmp_path / "b.parquet", range(60), NAMES, kind=pa.binary(), row_group_size=7))
    assert [first.pictures.key(n) for n in range(60)] == [second.pictures.key(n) for n in range(60)]


def test_without_pyarrow_there_is_a_command_to_install_it(tmp_path, monkeypatch):
    file = written(tmp_path / "x.parquet", range(10))
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "pyarrow" else find(name))
    refused(
        file, f"{file} needs the package pyarrow, which is not installed; install it with: pip install 'striate[par"
    )


def test_a_split_elsewhere_on_the_command_line(tmp_path):
    written(tmp_path / "train.parquet", range(100), NAMES)
    written(tmp_path / "more.parquet", range(100, 160), NAMES)
    command = ["check", str(tmp_path / "train.parquet"), "--val", str(tmp_path / "more.parquet"), "--json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert sum(json.loads(result.stdout)["counts"]["val"]) == 60
