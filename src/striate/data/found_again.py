"""The pictures of a run that goes on: which are where they were, which are elsewhere now, which are gone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from striate.core.records import Preprocess
from striate.data.dataset import Dataset, FilePictures, Names, Pictures
from striate.data.decode import DecodeError
from striate.data.joined import JoinedPictures, parts_of, relisted
from striate.data.manifest import UNREAD, Row, other_pictures, rows_of, write_rows
from striate.data.scan import Scan, decode_to_scan, pixel_digest
from striate.data.threads import in_threads
from striate.data.working import Bad


@dataclass(frozen=True)
class Hashing:
    """How the hashes of a list were made: of the pixels as they are decoded for the run's network.

    earlier: whether the list may be of a version that hashed them as `check` decodes them, where the cache had no room.
    """

    preprocess: Preprocess
    earlier: bool = False

    def of(self, pictures: Pictures, index: int) -> set[str]:
        """What a list may call the pixels of a picture; empty when it cannot be decoded."""
        ways = (self.preprocess, None) if self.earlier else (self.preprocess,)
        try:
            return {pixel_digest(decode_to_scan(pictures, index, way)).hex() for way in ways}
        except DecodeError:
            return set()


def misplaced(dataset: Dataset, scan: Scan, file: Path, hashing: Hashing, left_out: set[int]) -> dict[int, Row]:
    """The pictures of a dataset as begun that are not under their names, or are others there, by number.

    left_out: pictures that the run goes on without anyhow.
    """
    lost: dict[int, Row] = {}
    for index, row in enumerate(rows_of(file)):
        if row.split == UNREAD or index in left_out or scan.digests[index].tobytes().hex() == row.digest:
            continue
        if not (hashing.earlier and row.digest in hashing.of(dataset.pictures, index)):
            lost[index] = row
    return lost


def found_again(now: Dataset, begun: Dataset, lost: dict[int, Row], hashing: Hashing) -> dict[int, str]:
    """Where lost pictures are now, by their hashes: names by number.

    now: the data as it is opened today. begun: as the run lists it.
    """
    names: dict[int, str] = {}
    for (_, there), (start, part) in zip(parts_of(now.pictures), parts_of(begun.pictures), strict=True):
        lost_here = {index - start: row for index, row in lost.items() if start <= index < start + len(part)}
        if lost_here and isinstance(there, FilePictures) and isinstance(part, FilePictures):
            found = _found_in(there, part, lost_here, hashing)
            names |= {start + index: name for index, name in found.items()}
    return names


def _found_in(pictures: FilePictures, begun: FilePictures, lost: dict[int, Row], hashing: Hashing) -> dict[int, str]:
    """The same of one place."""
    in_place = {name for index, name in enumerate(begun.relative_paths) if index not in lost}
    elsewhere = [index for index, name in enumerate(pictures.relative_paths) if name not in in_place]
    wanted: dict[str, list[int]] = {}
    for index, row in lost.items():
        wanted.setdefault(row.digest, []).append(index)
    names: dict[int, str] = {}
    hashes = in_threads(lambda index: hashing.of(pictures, index), elsewhere)
    for index, digests in zip(elsewhere, hashes, strict=True):
        for digest in digests & wanted.keys():
            if wanted[digest]:
                names[wanted[digest].pop(0)] = pictures.relative_paths[index]
                break
    return names


def renamed(begun: Dataset, names: dict[int, str]) -> Dataset:
    """The dataset with some pictures under the names that they have now."""
    now = Names(names.get(index, begun.pictures.listed_name(index)) for index in range(len(begun.pictures)))
    elsewhere = begun.pictures.sizes_elsewhere if isinstance(begun.pictures, JoinedPictures) else {}
    pictures = relisted(begun.pictures, now, elsewhere)
    return begun if pictures is None else replace(begun, pictures=pictures)


def write_names(file: Path, names: dict[int, str]) -> None:
    """Write the names that pictures have now into the list."""
    write_rows(file, [row._replace(name=names.get(index, row.name)) for index, row in enumerate(rows_of(file))])


def cannot_be_read(begun: Dataset, scan: Scan, lost: dict[int, Row], file: Path) -> Bad:
    """Why the lost pictures cannot be read. Raises StriateError when one can be, but is another picture now."""
    for index in lost:
        if index not in scan.problems:
            raise other_pictures(begun, file, f" ({begun.pictures.name(index)} is another one now)")
    return {index: DecodeError(begun.pictures.name(index), scan.problems[index]) for index in lost}
