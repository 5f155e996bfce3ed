"""The one way through folders of pictures, to train on them and to predict them: every file is taken, or counted."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from striate.core.errors import StriateError
from striate.core.files import regular_file
from striate.data.formats import (
    EXTENSIONS,
    FORMATS,
    GIF_ENDING,
    NO_PICTURE_ENDINGS,
    RAW_ENDINGS,
    START_BYTES,
    foreign_format,
    format_of,
)
from striate.data.left_out import Tally

# What systems put beside the pictures is no class: hidden folders, thumbnails, what was deleted.
HIDDEN = (".", "__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information")


class Listing(NamedTuple):
    """What lies in one folder, as paths below the root.

    foreign: format and path of pictures that cannot be read here. rest: kind (see `left_out.KINDS`) and path of
    everything else. gifs: how many of the pictures are GIF.
    """

    folder: str
    folders: list[str]
    pictures: list[str]
    foreign: list[tuple[str, str]]
    rest: list[tuple[str, str]]
    gifs: int


def all_of(listing: Listing) -> Listing:
    """What lies in a folder, all of it."""
    return listing


class Walk:
    """Walks through the folders below `root`; `tally` counts what is left out on the way, `gifs` the GIF pictures.

    sift: moves what is not asked for of each folder to the `rest` of it.
    """

    def __init__(self, root: Path, sift: Callable[[Listing], Listing] = all_of) -> None:
        self.root, self._sift = root, sift
        self.tally = Tally()
        self.gifs = 0
        self._listed: dict[str, Listing] = {}

    def listing(self, folder: str) -> Listing:
        """What lies in a folder; remembered, and counted only by `count`."""
        if folder not in self._listed:
            self._listed[folder] = self._sift(_listing(self.root, folder))
        return self._listed[folder]

    def count(self, listing: Listing) -> None:
        """Count what is left out of a folder."""
        for picture_format, name in listing.foreign:
            self.tally.add_foreign(picture_format, name)
        for kind, name in listing.rest:
            self.tally.add(kind, name)
        self.gifs += listing.gifs

    def pictures_below(self, folder: str) -> Iterator[str]:
        """All pictures in a folder and its sub-folders; counts what is left out."""
        for listing in self.listings_below(folder):
            self.count(listing)
            yield from listing.pictures

    def listings_below(self, folder: str) -> Iterator[Listing]:
        """A folder and its sub-folders, each listed once whatever links to it."""
        seen = {identity(self.root)} if folder else set()
        waiting = [folder]
        while waiting:
            current = waiting.pop()
            this = identity(self.root / current)
            if this in seen:
                self.tally.add("again", current)
                continue
            seen.add(this)
            listing = self._listed.pop(current, None) or self._sift(_listing(self.root, current))
            waiting += reversed(listing.folders)
            yield listing

    def notes(self) -> tuple[str, ...]:
        """What there is to say of the pictures that were taken."""
        if not self.gifs:
            return ()
        what = "1 picture is GIF" if self.gifs == 1 else f"{self.gifs:,} pictures are GIF"
        return (f"{what}: of an animation the first picture is taken",)


def _listing(root: Path, folder: str) -> Listing:
    """List one folder; links are followed. What has a picture's ending is one, also a broken link, to be named."""
    listing = Listing(folder, [], [], [], [], 0)
    gifs = 0
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                name = entry.name
                path = f"{folder}/{name}" if folder else name
                ending = name[name.rfind(".") :].lower()
                if name.startswith(HIDDEN):
                    listing.rest.append(_hidden(entry, path, ending))
                elif is_folder(entry):
                    listing.folders.append(path)
                elif ending in EXTENSIONS:
                    listing.pictures.append(path)
                    gifs += ending == GIF_ENDING
                elif ending in NO_PICTURE_ENDINGS:
                    listing.rest.append(("other", path))
                else:
                    gifs += _look_inside(entry, path, ending, listing)
    except OSError as error:
        raise StriateError(f"{root / folder} cannot be listed ({error.strerror or error})") from error
    for names in (listing.folders, listing.foreign, listing.rest):
        names.sort()  # what is named does not depend on the disk
    return listing._replace(gifs=gifs)


def _hidden(entry: os.DirEntry[str], path: str, ending: str) -> tuple[str, str]:
    """Kind and path of something hidden; .DS_Store and its like are only files."""
    return ("hidden" if ending in EXTENSIONS or is_folder(entry) else "other"), path


def _look_inside(entry: os.DirEntry[str], path: str, ending: str, listing: Listing) -> bool:
    """Put a file, whose ending does not say what it is, where its first bytes belong; whether that is a GIF."""
    try:
        start = _start(Path(entry.path)) if stat.S_ISREG(entry.stat().st_mode) else b""
    except OSError:
        listing.rest.append(("unopened", path))
        return False
    if ending not in RAW_ENDINGS and format_of(start) in FORMATS:
        listing.pictures.append(path)
        return format_of(start) == "GIF"
    if foreign := foreign_format(entry.name, start):
        listing.foreign.append((foreign, path))
    else:
        listing.rest.append(("other", path))
    return False


def _start(file: Path) -> bytes:
    with regular_file(file) as opened:
        return opened.read(START_BYTES)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or a link to one; a link to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def identity(folder: Path) -> tuple[int, int]:
    """What stays the same under every name of a folder."""
    status = folder.stat()
    return status.st_dev, status.st_ino
