"""Pictures with boxes as a data set, whatever they were written in."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np

from striate.answers.boxes import LOCALISATION
from striate.answers.detections import DETECTION
from striate.answers.instances import INSTANCES
from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.boxes.cleaning import Cleaned, cleaned
from striate.data.boxes.coco import ENDING as JSON
from striate.data.boxes.coco import FOLDERS, coco_files, forget, looks_like_boxes, read_coco
from striate.data.boxes.listing import BoxListing, named
from striate.data.boxes.numbered_masks import read_numbered_masks
from striate.data.boxes.survey import Headers, read_headers
from striate.data.boxes.table import is_box_table, read_box_table
from striate.data.boxes.voc import ENDING as XML
from striate.data.boxes.voc import has_voc, read_voc
from striate.data.boxes.yolo import has_yolo, read_yolo
from striate.data.boxes.yolo_file import ENDINGS as YAML
from striate.data.boxes.yolo_file import looks_like_yolo
from striate.data.dataset import Dataset, FilePictures
from striate.data.layout import DEEPEST_WRAPPER
from striate.data.left_out import Inventory, Tally
from striate.data.masks.pairs import masks_below, place_of
from striate.data.scan import Progress
from striate.data.splits import given_splits, split_number, split_targets
from striate.data.targets import Indices
from striate.data.targets.boxes import Areas, BoxTargets, areas_of
from striate.data.walk import Listing, Walk
from striate.ops.masks import Runs

TABLES = (".csv", ".tsv")
TASKS = (LOCALISATION, DETECTION, INSTANCES)


def has_boxes(path: Path) -> bool:
    """Whether a table, a JSON file or a folder holds boxes, as far as its first lines and the names in it say."""
    if path.is_file():
        ending = path.suffix.lower()
        if ending in TABLES:
            return is_box_table(path)
        return looks_like_boxes(path) if ending == JSON else looks_like_yolo(path)
    if not path.is_dir():
        return False
    walk = Walk(path)
    near = _near_the_top(walk)
    others = {Path(each).suffix.lower() for listing in near for _, each in listing.rest}
    return bool(
        (XML in others and has_voc(walk)) or (JSON in others and coco_files(Walk(path))) or has_yolo(Walk(path), near)
    )


def _near_the_top(walk: Walk) -> list[Listing]:
    """The first folder that holds several, and those within that say a role or a split."""
    top = walk.listing("")
    for _ in range(DEEPEST_WRAPPER):
        if len(top.folders) != 1 or top.pictures:
            break
        top = walk.listing(top.folders[0])
    near = [folder for folder in top.folders if any(place_of(f"{folder.rpartition('/')[2]}/a")[:2])]
    return [top, *map(walk.listing, near)]


def task_of_boxes(path: Path) -> str:
    """What boxes are for, as far as the files say that list them. Raises StriateError where these cannot be read."""
    return _task_of(_read(path)[1])


def _task_of(listing: BoxListing) -> str:
    """Localisation where every picture has one box, detection of all else."""
    return LOCALISATION if (listing.per_picture == 1).all() else DETECTION


def open_boxes(path: Path, split_seed: int = 0, progress: Progress | None = None, task: str | None = None) -> Dataset:
    """The pictures and boxes of a table, of a COCO file, or of a folder that holds one, VOC's XML or YOLO's labels.

    task: what they are for, localisation, detection, or instances, which needs outlines; by default what
    `task_of_boxes` says. Masks that number objects are read where there are no boxes. Pictures that are listed without
    a box show nothing, which detection learns from; for localisation, which takes crowds for no boxes, they are left
    out. Every picture's header is read, since boxes are held against its size. Splits are those of the table, the
    folders or the files; a missing val is taken from train, without any all three are made. What is not used is in the
    dataset's inventory. Raises StriateError where nothing can be read, where one box a picture is asked for and some
    have several, and where outlines are asked for and there are none.
    """
    root, listing = _read(path, outlines=task == INSTANCES)
    forget()
    task = task if task in TASKS else _task_of(listing)
    notes = listing.notes
    if task == LOCALISATION and listing.crowd.any():
        notes = (*notes, f"{counted(int(listing.crowd.sum()), 'crowd')} left out")
        listing = listing.only(~listing.crowd)
    headers = read_headers(root, listing.paths, progress)
    found = cleaned(str(path), listing, headers)
    kept, tally = _kept(len(listing.boxes), found, task)
    pictures = FilePictures(root, [listing.paths[number] for number in kept])
    if task == INSTANCES:
        _require_outlines(path, found.listing, headers)
    targets = _targets(headers, found, task).only(kept)
    given = given_splits(np.array([split_number(listing.splits[number]) for number in kept], np.int8))
    dataset = split_targets(str(path), pictures, pictures.relative_paths, targets, given, split_seed)
    return replace(dataset, inventory=Inventory(tally.left_out(), notes))


def _read(path: Path, *, outlines: bool = False) -> tuple[Path, BoxListing]:
    """The folder that the listed paths count from, and what was read."""
    if path.suffix.lower() in TABLES:
        return path.parent, read_box_table(path)
    if path.is_file() and path.suffix.lower() in YAML:
        return path.parent, read_yolo(path.parent, path.name, outlines=outlines)
    if path.is_file():
        root = path.parent.parent if path.parent.name.lower() in FOLDERS else path.parent
        return root, read_coco(root, [path.relative_to(root).as_posix()], outlines=outlines)
    walk = Walk(path)
    if files := coco_files(walk):
        return path, read_coco(path, files, outlines=outlines)
    if has_voc(walk):
        return path, read_voc(path)
    if has_yolo(walk, _near_the_top(walk)):
        return path, read_yolo(path, outlines=outlines)
    return path, read_numbered_masks(path) if masks_below(path) else read_voc(path)


def _require_outlines(path: Path, listing: BoxListing, headers: Headers) -> None:
    """Raise StriateError where no box has an outline, and where one is of a picture of another size."""
    if not any(listing.outlines):
        raise StriateError(
            f"{path} has boxes without outlines, and instances are of pixels; give COCO's segmentation, YOLO's "
            "polygons or masks that number the objects, or find boxes: --task detection"
        )
    for outline, number in zip(listing.outlines, listing.picture.tolist(), strict=True):
        height, width = headers.sizes_px[number].tolist()
        if isinstance(outline, Runs) and height and outline.size != (height, width):
            raise StriateError(
                f"{path}: a mask of {listing.paths[number]} has {outline.size[1]}x{outline.size[0]} pixels and the "
                f"picture {width}x{height}; give masks the size of their pictures"
            )


def _targets(headers: Headers, found: Cleaned, task: str) -> BoxTargets:
    listing = found.listing
    labels = [unicodedata.normalize("NFC", label) for label in listing.labels]
    names = tuple(sorted(set(labels)))
    number = {name: place for place, name in enumerate(names)}
    counts = np.bincount(listing.picture, minlength=len(listing.paths))
    # Of localisation every picture has one box, and that is asked for, however hard.
    ignored = (listing.difficult | listing.crowd) & (task != LOCALISATION)
    if task == INSTANCES:
        ignored |= np.array([outline is None for outline in listing.outlines], np.bool_)
    return BoxTargets(
        boxes=listing.boxes,
        labels=np.array([number[label] for label in labels], np.int64),
        ignored=ignored,
        starts=np.concatenate([[0], np.cumsum(counts)]),
        sizes_px=headers.sizes_px,
        names=names,
        task=task,
        category_ids=listing.category_ids,
        picture_ids=listing.picture_ids,
        areas=_areas(listing),
        outlines=listing.outlines if task == INSTANCES else (),
        findings=(*listing.findings, *found.findings, *_without_boxes(listing, names)),
    )


def _areas(listing: BoxListing) -> Areas | None:
    """Those that the file says; where it does not, of the box. None where it says none.

    COCO's evaluation goes by them, not by the boxes, to tell small, medium and large (pycocotools, `COCOeval`).
    """
    said = np.isfinite(listing.areas)
    return np.where(said, listing.areas, areas_of(listing.boxes)) if said.any() else None


def _without_boxes(listing: BoxListing, names: tuple[str, ...]) -> tuple[str, ...]:
    """A sentence on the classes that the file names and has no box of."""
    missing = [name for name in listing.category_ids if unicodedata.normalize("NFC", name) not in names]
    return (f"{counted(len(missing), 'class')} without a box, left out: {named(missing)}",) if missing else ()


def _kept(listed: int, found: Cleaned, task: str) -> tuple[Indices, Tally]:
    """The numbers of the pictures that are used, and what is left out; a split decides where any is said.

    listed: how many boxes there were. Raises StriateError where there is no box at all.
    """
    listing, tally = found.listing, Tally()
    counts = np.bincount(listing.picture, minlength=len(listing.paths))
    if task == LOCALISATION:
        _refuse_several(listing, counts)
        tally.add_all("unboxed", [listing.paths[number] for number in np.flatnonzero(counts == 0).tolist()])
    usable = np.flatnonzero((counts > 0) | (task != LOCALISATION)).tolist()
    splits = any(listing.splits)
    kept = [number for number in usable if listing.splits[number] or not splits]
    tally.add_all("unannotated", listing.unannotated)
    tally.add_all("annotation", listing.broken)
    tally.add_all("unsplit", [listing.paths[number] for number in sorted({*usable} - {*kept})])
    if not counts[kept].sum():
        why = "; ".join(found.findings[:2]) or "the data has none"
        do = "give each picture one" if task == LOCALISATION else "add pictures with some"
        raise StriateError(f"no box is left of {counted(listed, 'box')}: {why}; {do}")
    return np.array(kept, np.int64), tally


def _refuse_several(listing: BoxListing, counts: Indices) -> None:
    """Raise StriateError for pictures of several objects. counts: boxes of each picture."""
    several = np.flatnonzero(counts > 1)
    if len(several):
        first = int(several[0])
        raise StriateError(
            f"{counted(len(several), 'picture')} of {len(counts):,} show several objects, the first of them "
            f"{listing.paths[first]} with {counts[first]}, and localisation is of one object a picture; keep one "
            "box of each, leave these pictures out, or find all of them: --task detection"
        )
