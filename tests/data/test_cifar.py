"""CIFAR's four forms, written here, and pickles that would run programs."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from striate.core.errors import StriateError
from striate.data.dataset import Dataset
from striate.data.plain_pickle import STANDS_FOR, read_pickle
from striate.data.sources import open_data

Files = dict[str, bytes]
random = np.random.default_rng(0)
PIXELS = random.integers(0, 256, (6, 20, 3072), dtype=np.uint8)  # five batches and the test batch
LABELS = np.tile(np.arange(20) % 10, (6, 1))
CIFAR10 = [f"class_{number}" for number in range(10)]
CIFAR100 = [f"fine_{number}" for number in range(100)]
BATCHES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
FINE = np.tile(np.arange(100), 6)
FINE_PIXELS = random.integers(0, 256, (600, 3072), dtype=np.uint8)
GOLDEN_VAL = [
    3,
    4,
    14,
    17,
    23,
    26,
    31,
    35,
    38,
    39,
    55,
    61,
    69,
    70,
    72,
    80,
    87,
    88,
    92,
    96,
]  # of 100 names cifar-10[i]; taken once


def dump(value: dict[str, Any], protocol: int = 4, old_numpy: bool = False) -> bytes:
    content = pickle.dumps(value, protocol)
    return content.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n") if old_numpy else content


def cifar10_python(protocol: int = 4, old_numpy: bool = False) -> Files:
    files = {
        name: dump({"data": pixels, "labels": labels.tolist(), "batch_label": name}, protocol, old_numpy)
        for name, pixels, labels in zip(BATCHES, PIXELS, LABELS, strict=True)
    }
    return files | {"batches.meta": dump({"label_names": CIFAR10}, protocol)}


def cifar10_binary() -> Files:
    rows = np.concatenate([LABELS[:, :, None].astype(np.uint8), PIXELS], axis=2)
    files = {f"{name}.bin": batch.tobytes() for name, batch in zip(BATCHES, rows, strict=True)}
    return files | {"batches.meta.txt": "\n".join([*CIFAR10, "", ""]).encode()}


def cifar100_python() -> Files:
    parts = {"train": slice(0, 500), "test": slice(500, 600)}
    files = {
        name: dump(
            {"data": FINE_PIXELS[part], "fine_labels": FINE[part].tolist(), "coarse_labels": [0] * len(FINE[part])}
        )
        for name, part in parts.items()
    }
    return files | {"meta": dump({"fine_label_names": CIFAR100, "coarse_label_names": ["all"]})}


def cifar100_binary() -> Files:
    coarse, fine = np.zeros((600, 1), np.uint8), FINE[:, None].astype(np.uint8)
    rows = np.concatenate([coarse, fine, FINE_PIXELS], axis=1)
    return {
        "train.bin": rows[:500].tobytes(),
        "test.bin": rows[500:].tobytes(),
        "fine_label_names.txt": "\n".join(CIFAR100).encode(),
        "coarse_label_names.txt": b"all\n",
    }


def as_folder(where: Path, files: Files) -> Path:
    folder = where / "cifar"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def as_tar(where: Path, files: Files) -> Path:
    path = where / "cifar.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def refused(source: Path, text: str) -> None:
    with pytest.raises(StriateError, match=re.escape(text)):
        open_data(source)


def check_cifar10(data: Dataset) -> None:
    assert data.classes == tuple(CIFAR10)
    assert data.labels.tolist() == LABELS.reshape(-1).tolist()
    assert data.counts() == {"train": [8] * 10, "val": [2] * 10, "test": [2] * 10}  # 15 % of 10 is 1.5: 2
    assert data.splits["test"].tolist() == list(range(100, 120))
    for number in (0, 21, 119):
        planes = PIXELS.reshape(120, 3072)[number]
        picture = data.pictures.decode(number, 3)
        assert picture.shape == (32, 32, 3)
        for row, column, channel in ((0, 0, 0), (0, 1, 0), (1, 0, 0), (31, 31, 2), (5, 7, 1)):
            assert picture[row, column, channel] == planes[channel * 1024 + row * 32 + column]


@pytest.mark.parametrize("pack", [as_folder, as_tar])
@pytest.mark.parametrize("files", [cifar10_python, cifar10_binary])
def test_cifar10(tmp_path: Path, files: Callable[[], Files], pack: Callable[[Path, Files], Path]) -> None:
    data = open_data(pack(tmp_path, files()))
    check_cifar10(data)
    assert data.splits["val"].tolist() == GOLDEN_VAL


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_protocols_and_both_names_of_numpy(tmp_path: Path, protocol: int) -> None:
    """The authors' files are of protocol 2 and name numpy.core; 0 to 2 bring _codecs.encode along."""
    check_cifar10(open_data(as_folder(tmp_path, cifar10_python(protocol, old_numpy=protocol <= 3))))


def test_pickle_of_python_2() -> None:
    """As the authors' files are: all text, the array's content too, is Python 2's (opcode U, SHORT_BINSTRING)."""
    content = (
        b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02K\x03\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x06\x01\x02\xfd\xfe\xff\x00tbU\x06labels](K\x06K\x09eu."
    )
    value = read_pickle(content, Path("data_batch_1"))
    assert value["data"].tolist() == [[1, 2, 253], [254, 255, 0]]
    assert value["labels"] == [6, 9]


@pytest.mark.parametrize("pack", [as_folder, as_tar])
@pytest.mark.parametrize("files", [cifar100_python, cifar100_binary])
def test_cifar100_has_fine_labels(
    tmp_path: Path, files: Callable[[], Files], pack: Callable[[Path, Files], Path]
) -> None:
    data = open_data(pack(tmp_path, files()))
    assert data.classes == tuple(CIFAR100)
    assert data.labels.tolist() == FINE.tolist()
    assert data.counts() == {"train": [4] * 100, "val": [1] * 100, "test": [1] * 100}  # 15 % of 5 is 0.75: 1
    expected = FINE_PIXELS[501].reshape(3, 32, 32).transpose(1, 2, 0)
    np.testing.assert_array_equal(data.pictures.decode(501, 3), expected)


class Malicious:
    """Unpickled by the usual loader, it makes the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"mkdir {self.folder}",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_malicious_pickle_does_not_run(tmp_path: Path, protocol: int) -> None:
    made = tmp_path / "made"
    content = pickle.dumps({"label_names": Malicious(made)}, protocol)
    folder = as_folder(tmp_path, cifar10_python() | {"batches.meta": content})
    module = os.system.__module__
    text = f"{folder / 'batches.meta'} asks to run {module}.system, which was refused: the data needs no such thing"
    refused(folder, text)
    assert not made.exists()
    pickle.loads(content)
    assert made.exists()  # so the pickle was a true one


@pytest.mark.parametrize(
    "content",
    [
        b"cbuiltins\neval\n(V1+1\ntR.",
        b"c__builtin__\ngetattr\n(cnumpy\nndarray\nV__class__\ntR.",
        b"cnumpy\nfromfile\n(V/etc/passwd\ntR.",
        b"cnumpy.core.multiarray\nscalar\n.",
        b"c_codecs\ndecode\n.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93.",  # STACK_GLOBAL
        b"(S'id'\nios\nsystem\n.",  # INST
        b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__base__\x93.",
    ],
)
def test_every_other_name_is_refused(content: bytes) -> None:
    with pytest.raises(StriateError, match=r"batch asks to run [\w.]+, which was refused"):
        read_pickle(content, Path("batch"))


def test_a_pickle_cannot_change_what_stands_for_numpy() -> None:
    """The opcode BUILD sets attributes; on the names that are known it must not stick."""
    before = {name: dict(vars(known)) if isinstance(known, type) else known for name, known in STANDS_FOR.items()}
    for module, name in STANDS_FOR:
        with pytest.raises(StriateError, match="is damaged"):
            read_pickle(f"c{module}\n{name}\n(N}}(Vshape\nI1\nutb.".encode(), Path("batch"))
    after = {name: dict(vars(known)) if isinstance(known, type) else known for name, known in STANDS_FOR.items()}
    assert before == after


@pytest.mark.parametrize(
    "content, text",
    [
        (b"", "batch is damaged (Ran out of input)"),
        (b"\xff\xd8\xff\xe0", "batch is damaged ("),
        (pickle.dumps([1]), "batch is damaged (it holds no dictionary)"),
        (dump({"data": np.zeros((1, 3072), np.float32)}), "batch is damaged (an array of f4, expected are bytes (u1))"),
        (cifar10_python()["test_batch"][:3000], "batch is damaged ("),
    ],
)
def test_damaged_pickles(content: bytes, text: str) -> None:
    with pytest.raises(StriateError, match=re.escape(text)):
        read_pickle(content, Path("batch"))


def test_mutated_pickles_raise_only_striate_errors() -> None:
    content = dump({"data": PIXELS[0][:1, :64], "labels": [1], "names": [b"a", "b"]}, protocol=2)
    for _ in range(1000):
        mutated = bytearray(content)
        for place in random.integers(0, len(content), 3):
            mutated[place] = random.integers(0, 256)
        if max(re.findall(rb"r(.{4})", bytes(mutated), re.DOTALL), default=b"")[2:] > b"\0\0":
            continue  # LONG_BINPUT of a huge number makes Python's pickle ask for gigabytes
        try:
            read_pickle(bytes(mutated), Path("batch"))
        except StriateError as error:
            assert str(error).startswith("batch ")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    files = cifar10_python()
    del files["data_batch_3"], files["test_batch"]
    folder = as_folder(tmp_path, files)
    refused(folder, f"{folder} is not complete: data_batch_3, test_batch missing")


def test_wrong_contents(tmp_path: Path) -> None:
    folder = as_folder(tmp_path, cifar10_python())
    file = folder / "data_batch_2"
    file.write_bytes(dump({"labels": [1]}))
    refused(folder, f"{file} has no array N x 3,072 of bytes called data")
    file.write_bytes(dump({"data": PIXELS[0], "labels": "abc"}))
    refused(folder, f"{file} has no list of numbers called labels")
    file.write_bytes(dump({"data": PIXELS[0], "labels": [1, 2]}))
    refused(folder, f"{file} holds 20 pictures, but 2 labels")
    file.write_bytes(dump({"data": PIXELS[0], "labels": [10] * 20}))
    refused(folder, f"{file} has the label 10, but there are 10 classes")
    (folder / "batches.meta").write_bytes(dump({}))
    refused(folder, f"{folder / 'batches.meta'} names no classes")


def test_wrong_length_of_a_binary_file(tmp_path: Path) -> None:
    folder = as_folder(tmp_path, cifar10_binary())
    file = folder / "data_batch_1.bin"
    file.write_bytes(file.read_bytes()[:-1])
    refused(folder, f"{file} is {20 * 3073 - 1:,} bytes long, expected is a multiple of 3,073")


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_file_of_a_tar_that_would_fill_the_memory_is_refused_unread(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("data_batch_1")
    member.size, member.type = 600 << 20, kind
    path = tmp_path / "cifar.tar.gz"
    path.write_bytes(gzip.compress(member.tobuf()))
    refused(
        path,
        f"{path} is not read: with its file data_batch_1 it would unpack to 629,145,600 bytes, and CIFAR has "
        "fewer than 536,870,912",
    )


def test_a_size_that_a_header_of_its_own_says_is_bounded_too(tmp_path: Path) -> None:
    path = tmp_path / "cifar.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("data_batch_1")
        member.pax_headers = {"size": str(600 << 20)}
        tar.addfile(member)
    refused(path, f"{path} is not read: with its file data_batch_1 it would unpack to 629,145,600 bytes")


def test_the_files_of_a_tar_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = cifar10_python()
    path, whole = as_tar(tmp_path, files), sum(map(len, files.values()))
    monkeypatch.setattr("striate.data.cifar.MOST_UNPACKED", whole)
    assert open_data(path).classes == tuple(CIFAR10)
    monkeypatch.setattr("striate.data.cifar.MOST_UNPACKED", whole - 1)
    refused(path, f"it would unpack to {whole:,} bytes, and CIFAR has fewer than {whole - 1:,}")


def test_other_tar_files(tmp_path: Path) -> None:
    path = as_tar(tmp_path, {"cat/1.jpg": b""})
    refused(path, f"{path} holds no CIFAR-10 or CIFAR-100 (python or binary version); unpack other pictures")
    path.write_bytes(b"no tar")
    refused(path, f"{path} cannot be read as a tar file (")
