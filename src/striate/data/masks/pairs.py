"""Which mask belongs to which picture: by folders that say masks, or by names that do.

images/ and masks/, within train, val and test or around them, in any spelling; train/ and train_labels/, or
trainannot/; a_mask.png beside a.jpg. A mask has the name of its picture, or one that ends in _mask, _L and the like.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from striate.core.errors import StriateError
from striate.data.layout import DEEPEST_WRAPPER, nfc
from striate.data.split_names import SPELLINGS, split_of
from striate.data.walk import Listing, Walk

MASKS = (
    *(
        "masks",
        "mask",
        "annotations",
        "annotation",
        "annots",
        "annot",
        "labels",
        "label",
        "ground_truth",
        "groundtruth",
    ),
    *("gt", "segmentation", "segmentations", "segmentationclass", "segmentation_masks", "seg"),
)
PICTURES = ("images", "image", "imgs", "img", "pictures", "photos", "jpegimages", "frames")
SPLIT = f"(?P<split>{'|'.join(SPELLINGS)})"
MASK = f"(?:{'|'.join(sorted(MASKS, key=len, reverse=True))})"
# Not seg_train, in which a well-known data set has classes, beside seg_test.
MASKS_OF_SPLIT = (re.compile(f"{SPLIT}[ _.-]*{MASK}"), re.compile(f"(?!seg[ _.-]){MASK}[ _.-]*{SPLIT}"))
SUFFIX = re.compile(r"[ _.-](?:masks?|labels?|l|gt|seg|segmentation|annotation|annot)$", re.IGNORECASE)

EXPECTED = "expected are images/a.jpg and masks/a.png, or a.jpg and a_mask.png"


class Place(NamedTuple):
    """What the folders of a file say: the role "mask", "picture" or "", the split or "", and the other folders."""

    role: str
    split: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class Pairs:
    """Pictures and their masks, as paths below the root.

    pictures, masks, splits: of each pair, in the order of the pictures; a split is "" where the folders say none.
    without_mask, without_picture: the others.
    """

    pictures: list[str]
    masks: list[str]
    splits: list[str]
    without_mask: list[str]
    without_picture: list[str]


def has_masks(root: Path) -> bool:
    """Whether a path looks like a folder of pictures and masks, by the names in its uppermost folders."""
    if not root.is_dir():
        return False
    walk = Walk(root)
    top, splits = _top(walk)
    below = [walk.listing(folder) for folder in top.folders[:1]]
    return any(_has_folders(walk, listing) for listing in (top, *splits)) or any(
        _has_suffixes(listing) for listing in (top, *below)
    )


def has_classes(root: Path) -> bool:
    """Whether a folder has, near its top, any of pictures whose name says neither masks nor all pictures."""
    walk = Walk(root)
    top, splits = _top(walk)
    folders = [folder for listing in (splits or [top]) for folder in listing.folders]
    return any(not any(_role_of(_last(folder))) and _holds_pictures(walk, folder) for folder in folders)


def _top(walk: Walk) -> tuple[Listing, list[Listing]]:
    """The first folder that holds several, and those within it that are splits."""
    top = walk.listing("")
    for _ in range(DEEPEST_WRAPPER):
        if len(top.folders) != 1 or top.pictures:
            break
        top = walk.listing(top.folders[0])
    return top, [walk.listing(folder) for folder in top.folders if split_of(_last(folder))]


def masks_below(root: Path) -> bool:
    """Whether anything anywhere below a path is called a mask."""
    if not root.is_dir():
        return False
    placed = [(place_of(path), path) for path in Walk(root).pictures_below("")]
    return any(place.role == "mask" for place, _ in placed) or bool(_by_suffix(placed)[0])


def without_masks(listing: Listing) -> Listing:
    """What lies in a folder, with what holds masks, or is one, as no picture."""
    stems = {_stem(path) for path in listing.pictures}
    masks = [folder for folder in listing.folders if _role_of(_last(folder))[0] == "mask"]
    masks += [path for path in sorted(listing.pictures) if _bare(_stem(path)) in stems - {_stem(path)}]
    folders, pictures = ([path for path in paths if path not in masks] for paths in (listing.folders, listing.pictures))
    return listing._replace(
        folders=folders, pictures=pictures, rest=[*listing.rest, *(("masks", path) for path in masks)]
    )


def _has_folders(walk: Walk, listing: Listing) -> bool:
    """Whether one folder of a listing holds masks, and another may hold their pictures.

    None that is called by the same word, as "mask" and "no_mask" are: these are classes.
    """
    masks = [folder for folder in listing.folders if _role_of(_last(folder))[0] == "mask"]
    words = [_last(folder).lower() for folder in masks]
    others = [f for f in listing.folders if f not in masks and not any(word in _last(f).lower() for word in words)]
    return bool(others or listing.pictures) and any(_holds_pictures(walk, folder) for folder in masks)


def _holds_pictures(walk: Walk, folder: str, deep: int = 3) -> bool:
    listing = walk.listing(folder)
    return bool(listing.pictures) or (deep > 1 and any(_holds_pictures(walk, f, deep - 1) for f in listing.folders))


def _has_suffixes(listing: Listing) -> bool:
    stems = {_stem(path) for path in listing.pictures}
    bare = [_bare(stem) for stem in stems if _bare(stem) != stem]
    return bool(bare) and 2 * sum(each in stems for each in bare) > len(bare)


def find_pairs(walk: Walk) -> Pairs:
    """Pair what lies below a root; what is no picture is counted by the walk.

    Raises StriateError where nothing can be paired, and where one picture has two masks or one mask two pictures.
    """
    placed = [(place_of(path), path) for path in sorted(walk.pictures_below(""), key=nfc)]
    if any(place.role == "mask" for place, _ in placed):
        masks = [path for place, path in placed if place.role == "mask"]
        role = "picture" if any(place.role == "picture" for place, _ in placed) else ""
        pictures = [path for place, path in placed if place.role == role]
        others = [path for place, path in placed if place.role not in ("mask", role)]
    else:
        (masks, pictures), others = _by_suffix(placed), []
    pairs = _paired(walk.root, pictures, masks)
    return replace(pairs, without_mask=[*pairs.without_mask, *others])


def _by_suffix(placed: list[tuple[Place, str]]) -> tuple[list[str], list[str]]:
    """Masks, whose names without suffix are those of files beside them, and the rest."""
    stems = {(place, _stem(path)) for place, path in placed}
    masks: list[str] = []
    pictures: list[str] = []
    for place, path in placed:
        bare = _bare(_stem(path))
        (masks if bare != _stem(path) and (place, bare) in stems else pictures).append(path)
    return masks, pictures


def _paired(root: Path, pictures: list[str], masks: list[str]) -> Pairs:
    by_name: dict[tuple[str, tuple[str, ...], str], list[str]] = defaultdict(list)
    for path in pictures:
        by_name[_name_of(path)].append(path)
    mask_of: dict[str, str] = {}
    alone = []
    for path in masks:
        split, others, stem = _name_of(path)
        found = by_name.get((split, others, stem)) or by_name.get((split, others, _bare(stem))) or []
        if len(found) > 1:
            raise StriateError(f"{root}: {path} is the mask of two pictures, {found[0]} and {found[1]}; rename one")
        if not found:
            alone.append(path)
        elif other := mask_of.get(found[0]):
            raise StriateError(f"{root}: {found[0]} has two masks, {other} and {path}; move one of them away")
        else:
            mask_of[found[0]] = path
    if not mask_of:
        raise _nothing_paired(root, pictures, masks)
    paired = [path for path in pictures if path in mask_of]
    splits = [place_of(path).split for path in paired]
    return Pairs(
        paired, [mask_of[path] for path in paired], splits, [path for path in pictures if path not in mask_of], alone
    )


def _nothing_paired(root: Path, pictures: list[str], masks: list[str]) -> StriateError:
    if not masks and not pictures:
        return StriateError(f"{root} holds no pictures; {EXPECTED}")
    if not masks:
        return StriateError(f"{root} holds pictures, such as {pictures[0]}, but no masks; {EXPECTED}")
    if not pictures:
        return StriateError(f"{root} holds masks, such as {masks[0]}, but no pictures; {EXPECTED}")
    return StriateError(
        f"{root}: no mask has the name of a picture; the first are {pictures[0]} and {masks[0]}; {EXPECTED}"
    )


def half_of_pairs(source: str, folders: Mapping[str, int]) -> StriateError | None:
    """The error for folders that say that they hold pictures, or masks, of which there are only one kind.

    source: what it calls them all. folders: how many pictures are in each. None: they are something else.

    >>> print(half_of_pairs("scans", {"images": 0, "masks": 9}))
    scans holds masks, in masks/, but no pictures of which they are; expected are images/a.jpg and masks/a.png, or \
a.jpg and a_mask.png
    >>> half_of_pairs("scans", {"images": 9, "masks": 9}), half_of_pairs("scans", {"cat": 9, "mask": 0})
    (None, None)
    """
    roles = {name: _role_of(name)[0] for name in folders}
    there = [name for name, count in folders.items() if count]
    if not all(roles.values()) or len(there) != 1:
        return None
    if roles[there[0]] == "mask":
        return StriateError(f"{source} holds masks, in {there[0]}/, but no pictures of which they are; {EXPECTED}")
    return StriateError(
        f"{source} holds pictures, in {there[0]}/, but neither masks nor classes; {EXPECTED}, or a sub-folder of "
        "pictures for each class"
    )


def place_of(path: str) -> Place:
    """What the folders of a path say.

    >>> place_of("CamVid/train_labels/0001TP_L.png")
    Place(role='mask', split='train', others=('CamVid',))
    """
    role, split, others = "", "", []
    for folder in path.split("/")[:-1]:
        its_role, its_split = _role_of(folder)
        role, split = its_role or role, its_split or split
        if not its_role and not its_split:
            others.append(nfc(folder))
    return Place(role, split, tuple(others))


def _role_of(folder: str) -> tuple[str, str]:
    """The role and the split that a folder's name says, "" for none."""
    name = folder.strip().lower()
    if name in MASKS:
        return "mask", ""
    if name in PICTURES:
        return "picture", ""
    for spelt in MASKS_OF_SPLIT:
        if said := spelt.fullmatch(name):
            return "mask", SPELLINGS[said["split"]]
    return "", split_of(folder) or ""


def _name_of(path: str) -> tuple[str, tuple[str, ...], str]:
    place = place_of(path)
    return place.split, place.others, _stem(path)


def _stem(path: str) -> str:
    return nfc(_last(path).rpartition(".")[0] or _last(path))


def _bare(stem: str) -> str:
    """A stem without what says that it is of a mask.

    >>> _bare("0001TP_006690_L"), _bare("cat-mask"), _bare("cat")
    ('0001TP_006690', 'cat', 'cat')
    """
    return SUFFIX.sub("", stem)


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def folders_around(root: Path, paths: Iterable[str]) -> list[Path]:
    """The root, and every folder above the first of some paths, in which a list of classes may lie."""
    first = next(iter(paths))
    parts = first.split("/")[:-1]
    return [root.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]
