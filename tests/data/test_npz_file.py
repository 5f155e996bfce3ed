"""Arrays in .npz files: which are pictures, which labels, of which split; nothing unpickled, nothing without bounds."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from striate.core.errors import StriateError
from striate.data.npz_file import EXPECTED
from striate.data.sources import open_data

GREY = np.random.default_rng(0).integers(0, 256, (40, 8, 6), np.uint8)
LABELS = np.arange(40) % 3


def saved(folder: Path, **arrays: np.ndarray) -> Path:
    np.savez_compressed(folder / "data.npz", **arrays)
    return folder / "data.npz"


def refused(file: Path, text: str) -> None:
    with pytest.raises(StriateError, match=f"^{re.escape(text)}"):
        open_data(file)


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("x_train", "y_train", "x_test", "y_test"), ("train", "test")),
        (("train_images", "train_labels", "val_images", "val_labels"), ("train", "val")),
        (("X_train", "y_train", "X_valid", "y_valid"), ("train", "val")),
    ],
)
def test_splits_by_the_names_of_arrays(tmp_path, names, splits):
    pairs = {names[0]: GREY[:30], names[1]: LABELS[:30], names[2]: GREY[30:], names[3]: LABELS[30:, None]}
    dataset = open_data(saved(tmp_path, **pairs))
    assert dataset.splits[splits[1]].tolist() == list(range(30, 40))
    assert dataset.labels.tolist() == LABELS.tolist()
    assert dataset.classes == ("0", "1", "2")
    assert dataset.pictures.name(31) == "npz[31]"
    assert dataset.pictures.decode(31, 1)[..., 0].tolist() == GREY[31].tolist()


@pytest.mark.parametrize("names", [("images", "labels"), ("x", "y"), ("arr_0", "arr_1")])
def test_one_pair_is_split_as_folders_are(tmp_path, names):
    dataset = open_data(saved(tmp_path, **dict(zip(names, (GREY, LABELS), strict=True))))
    assert dataset.drawn == ("train", "val", "test")
    assert sum(map(len, dataset.splits.values())) == 40


def test_classes_are_in_the_order_of_numbers_or_texts(tmp_path):
    assert open_data(saved(tmp_path, x=GREY, y=LABELS * 5)).classes == ("0", "5", "10")
    texts = np.array(["bee", "ant", "cow"])[LABELS]
    dataset = open_data(saved(tmp_path, x=GREY, y=texts))
    assert [dataset.classes[label] for label in dataset.labels] == texts.tolist()


def test_colours_first_are_told_from_colours_last_and_said(tmp_path):
    rgb = np.random.default_rng(1).integers(0, 256, (40, 8, 6, 3), np.uint8)
    for given, note in (
        (rgb, ()),
        (rgb.transpose(0, 3, 1, 2), ("x (40, 3, 8, 6) is read with its colours first: 8x6 px",)),
    ):
        dataset = open_data(saved(tmp_path, x=given, y=LABELS))
        assert dataset.inventory.notes == note
        assert dataset.pictures.decode(5, 3).tolist() == rgb[5].tolist()
    one = open_data(saved(tmp_path, x=np.asfortranarray(GREY[:, None]), y=LABELS))
    assert one.pictures.decode(5, 1)[..., 0].tolist() == GREY[5].tolist()


def test_what_is_not_used_is_said(tmp_path):
    assert open_data(saved(tmp_path, x=GREY, y=LABELS, ids=LABELS)).inventory.notes == ("1 array not used: ids",)


def test_other_names_and_halves_of_pairs(tmp_path):
    refused(saved(tmp_path, faces=GREY, who=LABELS), f"{tmp_path / 'data.npz'} holds faces, who; {EXPECTED}")
    refused(
        saved(tmp_path, x_train=GREY, x_test=GREY, y_train=LABELS), f"{tmp_path / 'data.npz'} holds x_test, x_train,"
    )


def test_other_numbers_and_shapes(tmp_path):
    where = f"x and y in {tmp_path / 'data.npz'}: "
    refused(saved(tmp_path, x=GREY / 255, y=LABELS), f"{where}pictures in an array are uint8, 0 to 255")
    refused(saved(tmp_path, x=GREY, y=LABELS[:-1]), f"{where}pictures and labels must be as many")
    refused(saved(tmp_path, x=GREY, y=np.eye(3)[LABELS]), f"{where}labels are one whole number or text per picture")
    different = {"x_train": GREY, "y_train": LABELS, "x_test": GREY[:, :5], "y_test": LABELS}
    refused(
        saved(tmp_path, **different), f"{tmp_path / 'data.npz'} has splits with pictures of different shapes: [(5, 6)"
    )


def test_python_objects_are_never_unpickled(tmp_path):
    file = saved(tmp_path, x=GREY, y=np.array([{"a": 1}] * 40, dtype=object))
    refused(file, f"y in {file} holds Python objects, which are never unpickled here")


def header(shape: tuple[int, ...]) -> bytes:
    opened = io.BytesIO()
    np.lib.format.write_array_header_1_0(opened, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return opened.getvalue()


def test_headers_that_promise_too_much_or_too_little(tmp_path):
    """None makes room for what is not there."""
    file = tmp_path / "data.npz"
    for method, shape, content, said in (
        (zipfile.ZIP_DEFLATED, (1 << 20, 64, 64), b"", "would unpack to 4,294,967,296 bytes by its header"),
        (
            zipfile.ZIP_STORED,
            (1 << 20, 64, 64),
            b"abc",
            "is damaged: its header promises 4,294,967,296 bytes, there are 3",
        ),
        (zipfile.ZIP_DEFLATED, (1, 8, 8), bytes(1 << 20), "is damaged: its header promises 64 bytes, there are more"),
    ):
        with zipfile.ZipFile(file, "w", method) as archive:
            archive.writestr("x.npy", header(shape) + content)
            archive.writestr("y.npy", header((1,)) + b"\0")
        refused(file, f"x in {file} {said}")


def test_damaged_files(tmp_path):
    file = saved(tmp_path, x=GREY, y=LABELS)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    refused(file, f"{file} cannot be read as an .npz file (")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x02\0 nothing")
        archive.writestr("y.npy", b"nothing")
    refused(file, f"x in {file} is no array (")
