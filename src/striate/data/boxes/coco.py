"""Boxes as COCO's JSON has them: pictures, annotations and categories, each with numbers of their own.

Lin et al., "Microsoft COCO: common objects in context", arXiv:1405.0312; the format is that of cocodataset.org.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from striate.core.errors import StriateError
from striate.core.files import regular_file
from striate.core.reading import decoded, read_file
from striate.core.units import counted
from striate.data.boxes.listing import BoxListing, Gathered, Id, Marks
from striate.data.boxes.outlines import Outline, polygons
from striate.data.layout import nfc
from striate.data.split_names import SPELLINGS
from striate.data.walk import Walk
from striate.ops.masks import Runs

ENDING = ".json"
MOST_BYTES = 2**30  # the training part of 2017 has 448 MB
SNIFFED_BYTES = 2**16
MARKS = 2  # of COCO's keys, which other JSON is not likely to have
KEYS = re.compile(rb'"(images|annotations|categories|bbox)"\s*:')
# Of one data set people keep several kinds; these hold boxes, and come before all others.
BOX_FILES = re.compile(r"instances_.*|_?annotations\.coco|.*_coco|coco.*", re.IGNORECASE)
MOST_PX = 2**31 - 1
FOLDERS = ("annotations", "labels")
AT_ONCE = 4  # files of a data set


@dataclass(frozen=True)
class Picture:
    """An entry of `images`."""

    id: Id
    file_name: str
    height: int = 0
    width: int = 0


@dataclass(frozen=True)
class Annotation:
    """An entry of `annotations`. bbox: left, top, width and height in pixels; () of what has no box. area: of the
    object in pixels, which is less than that of its box where it has an outline.
    """

    image_id: Id
    category_id: Id
    bbox: tuple[float, ...] = ()
    iscrowd: int = 0
    area: float | None = None


@dataclass(frozen=True)
class RunLengths:
    """A mask by the lengths of its runs. size: height and width. counts: the lengths, or their compressed text."""

    size: tuple[int, int]
    counts: str | tuple[int, ...]


@dataclass(frozen=True)
class Outlined(Annotation):
    """An annotation of which the outline is wanted: polygons x, y, x, y ..., or run lengths."""

    segmentation: tuple[tuple[float, ...], ...] | RunLengths | None = None

    @property
    def outline(self) -> Outline | None:
        """Where it says any. Raises StriateError for run lengths that are none."""
        told = self.segmentation
        if not isinstance(told, RunLengths):
            return polygons(told or ())
        return (
            Runs.of_text(told.counts, told.size)
            if isinstance(told.counts, str)
            else Runs.of_counts(told.counts, told.size)
        )


@dataclass(frozen=True)
class Category:
    """An entry of `categories`."""

    id: Id
    name: str


@dataclass(frozen=True)
class Numbered:
    """What a file calls its pictures and classes."""

    images: tuple[Picture, ...]
    categories: tuple[Category, ...]


@dataclass(frozen=True)
class CocoFile(Numbered):
    """What of a file is read."""

    annotations: tuple[Annotation, ...]


@dataclass(frozen=True)
class OutlinedFile(CocoFile):
    """The same with outlines."""

    annotations: tuple[Outlined, ...]


@dataclass(frozen=True)
class Numbers:
    """What a COCO file calls some pictures, by their paths, and its classes, by their names."""

    pictures: Mapping[str, Id]
    categories: Mapping[str, Id]


def read_numbers(file: Path, paths: Sequence[str], names: Sequence[str]) -> Numbers:
    """The numbers that a file gives to pictures, wherever they lie, and to classes.

    Raises StriateError for a file that is no such JSON, and for a picture or a class that it does not have, or twice.
    """
    content = decoded(read_file(file, MOST_BYTES), Numbered, str(file))
    categories = {nfc(each.name): each.id for each in content.categories}
    for name in names:
        if nfc(name) not in categories:
            raise StriateError(f"{file} has no class {name!r}; it has {', '.join(list(categories)[:5])}")
    by_name: dict[str, list[Picture]] = defaultdict(list)
    for each in content.images:
        by_name[_last(nfc(each.file_name))].append(each)
    pictures: dict[str, Id] = {}
    for path in paths:
        told = nfc(Path(path).as_posix())
        found = by_name.get(_last(told), [])
        if len(found) > 1:
            found = [each for each in found if f"/{told}".endswith(f"/{nfc(each.file_name)}")]
        if len(found) != 1:
            how = "does not list" if not found else "lists more than once"
            raise StriateError(f"{file} {how} {path}, so that it has no number there; give the pictures of that file")
        pictures[path] = found[0].id
    return Numbers(pictures, {name: categories[nfc(name)] for name in names})


def coco_files(walk: Walk) -> list[str]:
    """The JSON files of boxes at the top of a root, in its annotations/ and its splits, as paths below the root."""
    top = walk.listing("")
    listings = [top, *(walk.listing(f) for f in top.folders if _last(f).lower() in FOLDERS or split_in(f))]
    paths = [path for listing in listings for _, path in listing.rest if path.lower().endswith(ENDING)]
    likely = [path for path in paths if BOX_FILES.fullmatch(_last(path)[: -len(ENDING)])]
    least = 1 if likely else MARKS  # of what is named so, one will do: it may have been cut off, which reading tells
    return sorted(path for path in likely or paths if looks_like_boxes(walk.root / path, least))


def looks_like_boxes(file: Path, least: int = MARKS) -> bool:
    """Whether a file has so many of COCO's keys at its beginning or end, between which are megabytes of pictures."""
    found: set[bytes] = set()
    try:
        with regular_file(file) as opened:
            for start in (0, max(0, opened.seek(0, os.SEEK_END) - SNIFFED_BYTES)):
                opened.seek(start)
                found |= set(KEYS.findall(opened.read(SNIFFED_BYTES)))
    except OSError:
        return False
    return len(found) >= least


def split_in(path: str) -> str:
    """The split that a path says: of its last part that says one.

    >>> split_in("annotations/instances_val2017.json"), split_in("train/_annotations.coco.json"), split_in("a.json")
    ('val', 'train', '')
    """
    for part in reversed(path.split("/")):
        words = [word.rstrip("0123456789") for word in re.split(r"[ _.-]+", part.lower())]
        said = {SPELLINGS[word] for word in words if word in SPELLINGS}
        if len(said) == 1:
            return said.pop()
    return ""


def read_coco(root: Path, files: Sequence[str], *, outlines: bool = False) -> BoxListing:
    """The boxes of some JSON files, and the pictures below the root that they name.

    A file is of the split that its name or folder says. Classes are those with boxes, by their names. outlines: whether
    these are kept.
    Raises StriateError for a file that is no such JSON, for two of one split, and where a picture is not clearly one.
    """
    splits = Counter(split_in(file) for file in files)
    if len(files) > 1 and max(splits.values()) > 1:
        raise StriateError(f"{root} has several files of boxes, {' and '.join(files[:2])}; name the one that is meant")
    walk, gathered = Walk(root), Gathered()
    places: dict[str, list[str]] = defaultdict(list)
    for path in walk.pictures_below(""):
        places[nfc(_last(path))].append(path)
    numbers: dict[str, Id] = {}
    ids: dict[str, Id] = {}
    kind = OutlinedFile if outlines else CocoFile
    for file in files:
        content = _content(root / file, kind, *_stamp(root / file))
        ids |= _add(gathered, content, places, root, file)
        numbers |= {nfc(each.name): each.id for each in content.categories}
    listing = gathered.listing()
    if not any(nfc(_last(path)) in places for path in listing.paths):
        raise StriateError(f"{root} holds none of the {counted(len(listing.paths), 'picture')} that {files[0]} names")
    listed = set(listing.paths)
    unannotated = tuple(path for paths in places.values() for path in paths if path not in listed)
    picture_ids = tuple(ids[path] for path in listing.paths)
    return replace(listing, unannotated=unannotated, category_ids=numbers, picture_ids=picture_ids)


@lru_cache(maxsize=AT_ONCE)
def _content(file: Path, kind: type[CocoFile], changed_ns: int, size_bytes: int) -> CocoFile:
    """What a file says, which `task_of_boxes` and `open_boxes` read one after the other; see `forget`."""
    return decoded(read_file(file, MOST_BYTES), kind, str(file))


def _stamp(file: Path) -> tuple[int, int]:
    """When a file was changed and how large it is, by which it is known again; of one that is gone, reading tells."""
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def forget() -> None:
    """Keep nothing of files that were read: they may be large."""
    _content.cache_clear()


def _add(gathered: Gathered, content: CocoFile, places: dict[str, list[str]], root: Path, file: str) -> dict[str, Id]:
    """Note what one file holds; gives the numbers of its pictures by their paths."""
    names, split = {each.id: nfc(each.name) for each in content.categories}, split_in(file)
    path_of: dict[Id, str] = {}
    for place, each in enumerate(content.images):
        if not 0 <= min(each.height, each.width) <= max(each.height, each.width) <= MOST_PX:
            raise StriateError(f"{root / file}: images[{place}] is {each.width} wide and {each.height} high, no size")
        path_of[each.id] = _place(each.file_name, places, split, root / file)
        gathered.add_picture(path_of[each.id], split, (each.height, each.width))
    for number, box in enumerate(content.annotations):
        for what, key, known in (("picture", box.image_id, path_of), ("category", box.category_id, names)):
            if key not in known:
                some = ", ".join([*map(repr, list(known)[:5]), *(["..."] if len(known) > 5 else [])]) or "none"
                raise StriateError(
                    f"{root / file}: annotations[{number}] is of {what} {key!r}, which it does not have; it has {some}"
                )
        if not box.bbox:
            continue
        if len(box.bbox) != 4:
            raise StriateError(f"{root / file}: annotations[{number}] has a bbox of {len(box.bbox)} numbers, not 4")
        if max(map(abs, box.bbox)) > MOST_PX:
            raise StriateError(f"{root / file}: annotations[{number}] has a bbox of {box.bbox}, beyond any picture")
        left, top, width, height = box.bbox
        edges = left, top, left + width, top + height
        try:
            outline = box.outline if isinstance(box, Outlined) else None
        except StriateError as error:
            raise StriateError(f"{root / file}: annotations[{number}]: {error}") from error
        label = names[box.category_id]
        more: Marks = {"crowd": bool(box.iscrowd), "area": box.area, "outline": outline}
        gathered.add_box(path_of[box.image_id], label, edges, **more)
    return {path: number for number, path in path_of.items()}


def _place(name: str, places: dict[str, list[str]], split: str, file: Path) -> str:
    """Where a picture lies: by its name and folders, and of several the one in a folder of the file's split."""
    name = nfc(name).replace("\\", "/")
    found = places.get(_last(name), [])
    if len(found) > 1:
        found = [path for path in found if f"/{path}".endswith(f"/{name}")] or found
    if len(found) > 1:
        found = [path for path in found if split_in(path.rpartition("/")[0]) == split] or found
    if len(found) > 1:
        raise StriateError(f"{file}: {name} may be {found[0]} or {found[1]}; give names with their folders")
    if found:
        return found[0]
    outside = name.startswith("/") or ".." in name.split("/")
    return _last(name) if outside else name  # which is not there either, and said to be so


def _last(path: str) -> str:
    return path.rpartition("/")[2]
