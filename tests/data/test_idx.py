"""MNIST's format, written here byte by byte."""

from __future__ import annotations

import gzip
import re
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from striate.core.errors import StriateError
from striate.data.sources import open_data

TRAIN_LABELS = np.arange(40, dtype=np.uint8) % 2
TEST_LABELS = np.arange(6, dtype=np.uint8) % 2
random = np.random.default_rng(0)
TRAIN = random.integers(0, 256, (40, 4, 3), dtype=np.uint8)
TEST = random.integers(0, 256, (6, 4, 3), dtype=np.uint8)


def idx(array: np.ndarray) -> bytes:
    """Two zero bytes, 8 for unsigned bytes, the dimensions, their sizes, the bytes: all numbers big-endian."""
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write(
    folder: Path, prefix: str = "", test: str = "t10k", dot: str = "-", packed: bool = False, first_label: int = 0
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for part, images, labels in (("train", TRAIN, TRAIN_LABELS), (test, TEST, TEST_LABELS)):
        for kind, array in ((f"images{dot}idx3-ubyte", images), (f"labels{dot}idx1-ubyte", labels + first_label)):
            name, content = f"{prefix}{part}-{kind}", idx(array)
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
    return folder


def refused(source: Path, text: str) -> None:
    with pytest.raises(StriateError, match=re.escape(text)):
        open_data(source)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("prefix, test, dot", [("", "t10k", "-"), ("", "t10k", "."), ("emnist-letters-", "test", "-")])
def test_names(tmp_path: Path, prefix: str, test: str, dot: str, packed: bool) -> None:
    folder = write(tmp_path, prefix, test, dot, packed)
    train_images = f"{prefix}train-images{dot}idx3-ubyte" + (".gz" if packed else "")
    for source in (folder, folder / train_images):
        data = open_data(source)
        assert data.counts() == {"train": [17, 17], "val": [3, 3], "test": [3, 3]}
        assert data.splits["test"].tolist() == list(range(40, 46))
        assert data.labels.tolist() == [*TRAIN_LABELS, *TEST_LABELS]
        for index in range(46):
            expected = TRAIN[index] if index < 40 else TEST[index - 40]
            np.testing.assert_array_equal(data.pictures.decode(index, 1)[:, :, 0], expected)


def test_splits_do_not_depend_on_the_file_names(tmp_path: Path) -> None:
    """Taken once: which idx[i] of 40 pictures validate."""
    plain = open_data(write(tmp_path / "a")).splits["val"].tolist()
    packed = open_data(write(tmp_path / "b", "emnist-digits-", "test", packed=True)).splits["val"].tolist()
    assert plain == packed == [10, 12, 16, 23, 25, 27]


def test_labels_from_one(tmp_path: Path) -> None:
    """EMNIST's letters are labelled 1 to 26."""
    data = open_data(write(tmp_path, first_label=1))
    assert data.classes == ("1", "2")
    assert data.labels.tolist() == [*TRAIN_LABELS, *TEST_LABELS]


def test_plain_and_packed_side_by_side(tmp_path: Path) -> None:
    write(tmp_path)
    assert len(open_data(write(tmp_path, packed=True)).pictures) == 46


def test_without_test_files_all_splits_are_made(tmp_path: Path) -> None:
    write(tmp_path)
    for file in tmp_path.glob("t10k*"):
        file.unlink()
    assert open_data(tmp_path).counts() == {"train": [14, 14], "val": [3, 3], "test": [3, 3]}


def test_two_sets_in_one_folder(tmp_path: Path) -> None:
    write(tmp_path, "emnist-letters-", "test")
    write(tmp_path, "emnist-digits-", "test")
    names = "emnist-digits-train-images-idx3-ubyte, emnist-letters-train-images-idx3-ubyte"
    refused(tmp_path, f"should hold one file of training images, found are {names}; name the file itself")
    assert len(open_data(tmp_path / "emnist-letters-train-images-idx3-ubyte").pictures) == 46


def test_wrong_magic(tmp_path: Path) -> None:
    file = write(tmp_path) / "train-images-idx3-ubyte"
    file.write_bytes(idx(TRAIN[0]))
    refused(tmp_path, f"{file} starts with the number 2050, expected is 2051: IDX, bytes, 3-D")
    file.write_bytes(b"")
    refused(tmp_path, f"{file} starts with the number 0, expected is 2051")


def test_wrong_length(tmp_path: Path) -> None:
    file = write(tmp_path) / "train-images-idx3-ubyte"
    file.write_bytes(idx(TRAIN)[:-1])
    refused(tmp_path, f"{file} is {16 + 40 * 4 * 3 - 1} bytes long, but its header promises 496 (40 x 4 x 3)")
    file.write_bytes(idx(TRAIN)[:10])
    refused(tmp_path, f"{file} is 10 bytes long, but its header promises")


def test_counts_differ(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(TEST_LABELS[:5]))
    images, labels = folder / "t10k-images-idx3-ubyte", folder / "t10k-labels-idx1-ubyte"
    refused(tmp_path, f"{images} holds 6 pictures, but {labels} 5 labels")


def test_no_labels(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "train-labels-idx1-ubyte").unlink()
    refused(tmp_path, "has no labels beside it; expected is train-labels-idx1-ubyte or train-labels-idx1-ubyte.gz")


def test_no_pictures_in_the_file(tmp_path: Path) -> None:
    file = write(tmp_path) / "train-images-idx3-ubyte"
    file.write_bytes(idx(TRAIN[:0]))
    refused(tmp_path, f"{file} is empty: 0 x 4 x 3")


def test_sizes_differ(tmp_path: Path) -> None:
    (write(tmp_path) / "t10k-images-idx3-ubyte").write_bytes(idx(TEST.transpose(0, 2, 1).copy()))
    refused(tmp_path, f"{tmp_path} has train and test pictures of different sizes: [(3, 4), (4, 3)]")


def test_a_gz_unpacks_to_no_more_than_its_header_promises(tmp_path: Path) -> None:
    file = write(tmp_path, packed=True) / "train-images-idx3-ubyte.gz"
    file.write_bytes(gzip.compress(idx(TRAIN) + bytes(200 << 20), 1))
    tracemalloc.start()
    refused(tmp_path, f"{file} is longer, but its header promises 496 (40 x 4 x 3)")
    assert tracemalloc.get_traced_memory()[1] < 100 << 20
    tracemalloc.stop()


def test_a_gz_that_promises_too_much_is_refused_unread(tmp_path: Path) -> None:
    file = write(tmp_path, packed=True) / "train-images-idx3-ubyte.gz"
    file.write_bytes(gzip.compress(struct.pack(">BBBB3I", 0, 0, 8, 3, 40, 1 << 13, 1 << 13)))
    refused(
        tmp_path,
        f"{file} would unpack to 2,684,354,560 bytes by its header (40 x 8192 x 8192), at most 2,147,483,648 are "
        "unpacked here; unpack it first, with gunzip",
    )


@pytest.mark.parametrize("damage", [lambda content: b"no gzip", lambda content: content[:-20]])
def test_damaged_gz(tmp_path: Path, damage: object) -> None:
    file = write(tmp_path, packed=True) / "train-images-idx3-ubyte.gz"
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    refused(tmp_path, f"{file} cannot be read (")


def test_class_that_only_tests(tmp_path: Path) -> None:
    (write(tmp_path) / "t10k-labels-idx1-ubyte").write_bytes(idx(np.full(6, 7, np.uint8)))
    refused(tmp_path, f"{tmp_path}: 1 class (7) without a readable picture to train on (there are some in test)")
