"""Pictures in folders: one sub-folder per class, with or without train, val and test above."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from striate.core.errors import StriateError
from striate.data.dataset import Dataset, FilePictures
from striate.data.decode import EXTENSIONS
from striate.data.splits import given_splits, split_dataset, split_number

SPLIT_FOLDERS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
HIDDEN = (".", "__MACOSX")  # what macOS packs beside the pictures is no class
EXPECTED = (
    "expected is a folder with one sub-folder per class, or train, val and test folders with one sub-folder "
    f"per class in each; pictures are {', '.join(sorted(EXTENSIONS))}"
)


def open_folder(root: Path, split_seed: int = 0) -> Dataset:
    """The pictures of `root/class/...` or `root/{train,val,test}/class/...`.

    Classes are the sorted names of the sub-folders. Folders below a class belong to it. Hidden files and folders
    are skipped. A missing val is taken from train, a missing test stays missing; without any, all three are made.
    Raises StriateError when this gives no pictures or does not say their classes.
    """
    blocks: list[tuple[str, str, int]] = []  # split, class, pictures: in the order of the paths

    def paths() -> Iterator[str]:
        for split, split_folder in _split_folders(root):
            for folder in _class_folders(root, split_folder):
                members = sorted(_pictures_below(root, folder), key=_nfc)
                blocks.append((split, _class_name(folder), len(members)))
                yield from members

    pictures = FilePictures(root, paths())
    if not len(pictures):
        raise StriateError(f"{root} holds no pictures; {EXPECTED}")
    classes = sorted({name for _, name, _ in blocks})
    number = {name: place for place, name in enumerate(classes)}
    sizes = [size for _, _, size in blocks]
    labels = np.repeat(np.array([number[name] for _, name, _ in blocks], np.int64), sizes)
    given = given_splits(np.repeat(np.array([split_number(split) for split, _, _ in blocks], np.int8), sizes))
    return split_dataset(str(root), pictures, pictures.relative_paths, labels, classes, given, split_seed)


def _split_folders(root: Path) -> list[tuple[str, str]]:
    """Split and folder below `root` of each part; ("", "") when the class folders lie in `root` itself."""
    folders, _ = _list(root, "")
    splits = [(SPLIT_FOLDERS[name.lower()], name) for name in folders if name.lower() in SPLIT_FOLDERS]
    names = [split for split, _ in splits]
    only_splits = len(splits) == len(folders) > 0
    # A class may be called "train", beside others that are no splits: then its pictures lie directly in it.
    train_folder = next((folder for split, folder in splits if split == "train"), None)
    if not only_splits and (train_folder is None or not _list(root, train_folder)[0]):
        return [("", "")]
    if len(set(names)) < len(names):
        raise StriateError(f"{root} has two folders for one split: {', '.join(name for _, name in splits)}")
    return sorted(splits)


def _class_folders(root: Path, above: str) -> list[str]:
    """Paths below `root` of the class folders; pictures without classes are refused."""
    folders, files = _list(root, above)
    if not folders and files:
        raise StriateError(
            f"{root / above} holds {len(files)} pictures directly and no sub-folders, so nothing says their "
            f"classes; {EXPECTED}"
        )
    return sorted((f"{above}/{name}" if above else name for name in folders), key=_nfc)


def _pictures_below(root: Path, folder: str) -> Iterator[str]:
    """Paths below `root` of all pictures in a folder and its sub-folders, each listed once whatever links to it."""
    seen = {_identity(root)}
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        identity = _identity(root / current)
        if identity in seen:
            continue
        seen.add(identity)
        folders, files = _list(root, current)
        waiting += [f"{current}/{name}" for name in folders]
        yield from (f"{current}/{name}" for name in files)


def _list(root: Path, folder: str) -> tuple[list[str], list[str]]:
    """Names of the sub-folders and of the picture files; links are followed, broken ones are files.

    Pipes, sockets and devices are neither, whatever their names: to read one may take for ever.
    """
    folders, files = [], []
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith(HIDDEN):
                    continue
                if _is_folder(entry):
                    folders.append(name)
                elif name[name.rfind(".") :].lower() in EXTENSIONS and _is_file(entry):
                    files.append(name)
    except OSError as error:
        raise StriateError(f"{root / folder} cannot be listed ({error.strerror or error})") from error
    return folders, files


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or a link to one; a link to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a file, a link to one or a broken link."""
    try:
        return entry.is_file() or not Path(entry.path).exists()
    except OSError:  # a link to itself
        return True


def _identity(folder: Path) -> tuple[int, int]:
    """What stays the same under every name of a folder."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def _class_name(folder: str) -> str:
    """The last part of a path in the form NFC, bytes that are no UTF-8 replaced."""
    name = folder.rpartition("/")[2].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return _nfc(name)


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)
