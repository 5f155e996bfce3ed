"""What lies in a folder and is not used: counted by kind, the first of each by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

NAMED = 3

# Kind: what is counted, one and many; why it is left out; whether a picture is lost by it.
KINDS = {
    "format": ("picture", "pictures", "", True),
    "beside": ("picture", "pictures", "beside the folders of the classes, so nothing says the class", True),
    "unlabelled": ("picture", "pictures", "in a split without class folders, so nothing says the class", True),
    "folder": ("picture", "pictures", "in a folder beside train, val and test that is none of these", True),
    "unpaired": ("picture", "pictures", "without a mask", True),
    "alone": ("mask", "masks", "without a picture", True),
    "unboxed": ("picture", "pictures", "without a box", True),
    "unannotated": ("picture", "pictures", "without annotations", True),
    "annotation": ("picture", "pictures", "with annotations that cannot be read", True),
    "unsplit": ("picture", "pictures", "in no split, where others are", True),
    "mask": ("picture", "pictures", "with a mask that cannot be read", True),
    "masks": ("mask or folder of them", "masks and folders of them", "no pictures of a class", False),
    "beside pictures": ("mask", "masks", "beside the picture that each is of", False),
    "unopened": ("file", "files", "cannot be opened, so nothing says whether it is a picture", True),
    "other": ("file", "files", "no picture", False),
    "hidden": ("file or folder", "files and folders", "hidden", False),
    "again": ("link", "links", "leads to a folder that was there already", False),
}


@dataclass(frozen=True)
class LeftOut:
    """Files of one kind that are not used.

    kind: a key of KINDS. reason: why, in words. count: how many files. names: the first of them, below the data's
    folder. pictures: whether they are, or may be, pictures.

    >>> print(LeftOut("format", "HEIC cannot be read here", 2, ("a/1.heic", "a/2.heic"), pictures=True))
    2 pictures are left out, HEIC cannot be read here: a/1.heic, a/2.heic
    """

    kind: str
    reason: str
    count: int
    names: tuple[str, ...]
    pictures: bool

    def __str__(self) -> str:
        one, many, _, _ = KINDS[self.kind]
        named = len(self.names)
        # Of a folder all pictures are counted, but the folder is named.
        more = f" and {self.count - named:,} more" if self.count > named and self.kind != "folder" else ""
        what = f"1 {one} is" if self.count == 1 else f"{self.count:,} {many} are"
        return f"{what} left out, {self.reason}: {', '.join(self.names)}{more}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"names": list(self.names)}


@dataclass(frozen=True)
class Inventory:
    """How a folder or table was read.

    left_out: what is not used. notes: sentences on what was read otherwise than it is spelt. doubt: why the classes
    are likely not what the folders say, or "".
    """

    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    doubt: str = ""

    @property
    def pictures_left_out(self) -> list[str]:
        """A sentence for each kind of pictures that are not used."""
        return [str(each) for each in self.left_out if each.pictures]

    @property
    def remarks(self) -> list[str]:
        """The notes, and a sentence for each kind of files that are no pictures."""
        return [*self.notes, *(str(each) for each in self.left_out if not each.pictures)]


class Tally:
    """Counts what is left out, while a folder is walked."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self._names: dict[tuple[str, str], list[str]] = {}

    def add(self, kind: str, name: str, count: int = 1, reason: str = "") -> None:
        """Count a file, or so many pictures under one name."""
        key = kind, reason or KINDS[kind][2]
        self._counts[key] = self._counts.get(key, 0) + count
        names = self._names.setdefault(key, [])
        if len(names) < NAMED:
            names.append(name)

    def add_all(self, kind: str, names: Iterable[str]) -> None:
        """Count files of one kind."""
        for name in names:
            self.add(kind, name)

    def add_foreign(self, picture_format: str, name: str) -> None:
        """Count a picture of a format that cannot be read here."""
        self.add("format", name, reason=f"{picture_format} cannot be read here (save as JPEG or PNG)")

    def left_out(self) -> tuple[LeftOut, ...]:
        """What was counted, lost pictures first."""
        ordered = sorted(self._counts.items(), key=lambda item: (list(KINDS).index(item[0][0]), -item[1]))
        return tuple(
            LeftOut(kind, reason, count, tuple(self._names[kind, reason]), KINDS[kind][3])
            for (kind, reason), count in ordered
        )
