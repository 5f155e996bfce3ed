"""Pictures with boxes as a data set, whatever they were written in."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.boxes.cleaning import Cleaned, cleaned
from striate.data.boxes.coco import ENDING as JSON
from striate.data.boxes.coco import FOLDERS, coco_files, looks_like_boxes, read_coco
from striate.data.boxes.listing import BoxListing
from striate.data.boxes.survey import Headers, read_headers
from striate.data.boxes.table import is_box_table, read_box_table
from striate.data.boxes.voc import has_voc, read_voc
from striate.data.dataset import Dataset, FilePictures
from striate.data.layout import DEEPEST_WRAPPER
from striate.data.left_out import Inventory, Tally
from striate.data.masks.pairs import place_of
from striate.data.scan import Progress
from striate.data.splits import given_splits, split_number, split_targets
from striate.data.targets import Indices
from striate.data.targets.boxes import BoxTargets
from striate.data.walk import Walk

TABLES = (".csv", ".tsv")


def has_boxes(path: Path) -> bool:
    """Whether a table, a JSON file or a folder holds boxes, as far as its first lines and the names in it say."""
    if path.is_file():
        ending = path.suffix.lower()
        return (ending in TABLES and is_box_table(path)) or (ending == JSON and looks_like_boxes(path))
    if not path.is_dir():
        return False
    return any(each.lower().endswith((".xml", JSON)) for each in _others_near_the_top(Walk(path))) and (
        has_voc(Walk(path)) or bool(coco_files(Walk(path)))
    )


def _others_near_the_top(walk: Walk) -> list[str]:
    """What is no picture in the first folder that holds several, and in those within that say a role or a split."""
    top = walk.listing("")
    for _ in range(DEEPEST_WRAPPER):
        if len(top.folders) != 1 or top.pictures:
            break
        top = walk.listing(top.folders[0])
    near = [folder for folder in top.folders if any(place_of(f"{folder.rpartition('/')[2]}/a")[:2])]
    return [path for listing in (top, *map(walk.listing, near)) for _, path in listing.rest]


def open_boxes(path: Path, split_seed: int = 0, progress: Progress | None = None) -> Dataset:
    """The pictures and boxes of a table, of a COCO file, or of a folder that holds one or VOC's XML files.

    Every picture's header is read, since boxes are held against its size. Splits are those of the table, the folders
    or the files; a missing val is taken from train, without any all three are made. What is not used is in the
    dataset's inventory. Raises StriateError where nothing can be read, and where a picture shows several objects.
    """
    root, listing = _read(path)
    headers = read_headers(root, listing.paths, progress)
    found = cleaned(str(path), listing, headers)
    kept, tally = _kept(listing, found)
    pictures = FilePictures(root, [listing.paths[number] for number in kept])
    targets = _targets(listing, headers, found).only(kept)
    given = given_splits(np.array([split_number(listing.splits[number]) for number in kept], np.int8))
    dataset = split_targets(str(path), pictures, pictures.relative_paths, targets, given, split_seed)
    return replace(dataset, inventory=Inventory(tally.left_out(), listing.notes))


def _read(path: Path) -> tuple[Path, BoxListing]:
    """The folder that the listed paths count from, and what was read."""
    if path.suffix.lower() in TABLES:
        return path.parent, read_box_table(path)
    if path.is_file():
        root = path.parent.parent if path.parent.name.lower() in FOLDERS else path.parent
        return root, read_coco(root, [path.relative_to(root).as_posix()])
    if files := coco_files(Walk(path)):
        return path, read_coco(path, files)
    return path, read_voc(path)


def _targets(listing: BoxListing, headers: Headers, found: Cleaned) -> BoxTargets:
    labels = [unicodedata.normalize("NFC", listing.labels[place]) for place in np.flatnonzero(found.kept).tolist()]
    names = tuple(sorted(set(labels)))
    number = {name: place for place, name in enumerate(names)}
    counts = np.bincount(listing.picture[found.kept], minlength=len(listing.paths))
    return BoxTargets(
        found.boxes,
        np.array([number[label] for label in labels], np.int64),
        np.concatenate([[0], np.cumsum(counts)]),
        headers.sizes_px,
        names,
        found.findings,
    )


def _kept(listing: BoxListing, found: Cleaned) -> tuple[Indices, Tally]:
    """The numbers of the pictures with one box, and what is left out; a split decides where any is said.

    Raises StriateError for pictures of several objects.
    """
    counts = np.bincount(listing.picture[found.kept], minlength=len(listing.paths))
    several, tally = np.flatnonzero(counts > 1), Tally()
    if len(several):
        first = int(several[0])
        raise StriateError(
            f"{counted(len(several), 'picture')} of {len(counts):,} show several objects, the first of them "
            f"{listing.paths[first]} with {counts[first]}, and localisation is of one object a picture; keep one "
            "box of each, or leave these pictures out"
        )
    with_box, splits = np.flatnonzero(counts).tolist(), any(listing.splits)
    kept = [number for number in with_box if listing.splits[number] or not splits]
    tally.add_all("unboxed", [listing.paths[number] for number in np.flatnonzero(counts == 0).tolist()])
    tally.add_all("unboxed", listing.unannotated)
    tally.add_all("unsplit", [listing.paths[number] for number in sorted({*with_box} - {*kept})])
    if not kept:
        why = "; ".join(found.findings[:2]) or "the data has none"
        raise StriateError(f"no box is left of {counted(len(listing.boxes), 'box')}: {why}; give each picture one")
    return np.array(kept, np.int64), tally
