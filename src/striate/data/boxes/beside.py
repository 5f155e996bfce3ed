"""Annotation files of one picture each: which belongs to which, and what becomes of one that cannot be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.layout import nfc
from striate.data.masks.pairs import place_of
from striate.data.walk import Walk

MOSTLY = 0.5


@dataclass(frozen=True)
class Beside:
    """Annotation files and pictures, as paths below the root.

    pairs: annotation and its picture, in the order of the annotations. alone: annotations of no picture, or of one that
    might be another. without: pictures without an annotation.
    """

    pairs: list[tuple[str, str]]
    alone: list[str]
    without: list[str]


def annotations_beside(walk: Walk, ending: str) -> Beside:
    """The annotation files below a root and their pictures: of the same name and split, whatever folder says a role.

    images/train/a.jpg has labels/train/a.txt, JPEGImages/a.jpg Annotations/a.xml, and a.jpg the file beside it.
    """
    listings = list(walk.listings_below(""))
    pictures: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for path in (path for listing in listings for path in listing.pictures):
        pictures[_name_of(path)].append(path)
    found = [path for listing in listings for _, path in listing.rest if path.lower().endswith(ending)]
    pairs, alone = [], []
    for path in sorted(found, key=nfc):
        places = pictures.pop(_name_of(path), [])
        if len(places) == 1:
            pairs.append((path, places[0]))
        else:
            alone.append(path)
    return Beside(pairs, alone, [path for places in pictures.values() for path in places])


def read_each(pairs: Iterable[tuple[str, str]], read: Callable[[str, str], None]) -> tuple[str, ...]:
    """Read every annotation file; gives, in words, what is wrong with those that cannot be read.

    read: takes the paths of one annotation and its picture, and raises StriateError, with its name. Raises the first of
    these where most files cannot be read: then they are not what they were taken for.
    """
    broken, total = [], 0
    for annotation, picture in pairs:
        total += 1
        try:
            read(annotation, picture)
        except StriateError as error:
            broken.append(error)
    if len(broken) > MOSTLY * total:
        others = f"; {len(broken):,} of {counted(total, 'annotation file')} cannot be read" if total > 1 else ""
        raise StriateError(f"{broken[0]}{others}") from broken[0]
    return tuple(map(str, broken))


def stem(path: str) -> str:
    """The name of a file without folders and ending.

    >>> stem("Annotations/a.b.xml")
    'a.b'
    """
    last = path.rpartition("/")[2]
    return nfc(last.rpartition(".")[0] or last)


def _name_of(path: str) -> tuple[object, ...]:
    """What annotation and picture have in common: folders that say neither role, split, and name."""
    place = place_of(path)
    return place.split, place.others, stem(path)
