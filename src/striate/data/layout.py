"""Where the splits and the classes lie below a folder, and when the folders cannot be what they seem."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.formats import READABLE
from striate.data.split_names import affixed, split_of, splits_of
from striate.data.walk import Listing, Walk

EXPECTED = (
    "expected is a folder with one sub-folder per class, or train, val and test folders with one sub-folder "
    f"per class in each; pictures are {READABLE}"
)
SHOWN = 3
DEEPEST_WRAPPER = 8


@dataclass(frozen=True)
class Layout:
    """parts: split ("" when there are none) and the folder in which its classes lie. notes: what a person should know.

    Names of folders are paths below the root.
    """

    parts: list[tuple[str, str]]
    notes: list[str] = field(default_factory=list)

    def class_folders(self, walk: Walk) -> list[tuple[str, str]]:
        """Split and class folder, in the order in which pictures are numbered."""
        return [
            (split, folder) for split, above in self.parts for folder in sorted(walk.listing(above).folders, key=nfc)
        ]


def find_layout(walk: Walk) -> Layout:
    """Look for splits, also below single folders around them; counts what is left out above the class folders.

    Raises StriateError for pictures without classes, and for folders that cannot be told apart.
    """
    chain = [walk.listing("")]
    while not (splits := _split_folders(walk, chain[-1])) and len(chain[-1].folders) == 1:
        if len(chain) == DEEPEST_WRAPPER:
            break
        chain.append(walk.listing(chain[-1].folders[0]))
    if not splits or (len(chain) > 1 and not any(walk.listing(folder).folders for _, folder in splits)):
        return _without_splits(walk)
    for listing in chain:
        _count_beside(walk, listing)
    above = chain[-1]
    notes = _spelling_notes(splits)
    if len(chain) > 1:
        notes.append(f"the splits lie in {above.folder}")
    _count_folders(walk, [folder for folder in above.folders if folder not in {name for _, name in splits}])
    return Layout(_labelled(walk, splits), notes)


def _without_splits(walk: Walk) -> Layout:
    root = walk.listing("")
    if not root.folders and root.pictures:
        raise _no_classes(walk, root)
    _count_beside(walk, root)
    if root.folders and len(groups := affixed([_name(folder) for folder in root.folders])) > 1:
        named = ", ".join(list(groups[0])[:2])
        raise StriateError(
            f"{walk.root} has folders that name a class and a split at once ({named}); make folders train, val and "
            "test with one sub-folder per class in each"
        )
    return Layout([("", "")])


def _split_folders(walk: Walk, listing: Listing) -> list[tuple[str, str]]:
    """Split and folder of those in a listing that stand for splits, or nothing where they are classes.

    A class may be called "train", beside others that are no splits: then its pictures lie directly in it.
    """
    by_name = {_name(folder): folder for folder in listing.folders}
    splits = sorted((split, by_name[name]) for name, split in splits_of(list(by_name)).items())
    labelled = {split for split, folder in splits if walk.listing(folder).folders}
    if not splits or (len(splits) < len(by_name) and "train" not in labelled and len(labelled) < 2):
        return []
    if len({split for split, _ in splits}) < len(splits):
        twice = ", ".join(folder for _, folder in splits)
        raise StriateError(f"{walk.root} has two folders for one split: {twice}; rename one, or put them together")
    return splits


def _labelled(walk: Walk, splits: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The splits that have class folders; the pictures of the others are counted as left out.

    Raises StriateError when none has.
    """
    parts = []
    unlabelled = []
    for split, outer in splits:
        folder = _inner(walk, split, outer)
        if walk.listing(folder).folders:
            _count_beside(walk, walk.listing(folder))
            parts.append((split, folder))
        elif walk.listing(folder).pictures:
            unlabelled.append(walk.listing(folder))
        else:
            walk.count(walk.listing(folder))
    if not parts and unlabelled:
        raise _no_classes(walk, unlabelled[-1])  # the last by name is train, if that is among them
    for listing in unlabelled:
        walk.count(listing._replace(gifs=0))
        walk.tally.add_all("unlabelled", sorted(listing.pictures))
    return parts


def _inner(walk: Walk, split: str, folder: str) -> str:
    """The folder itself, or the one of the same name in it: seg_train/seg_train."""
    for _ in range(DEEPEST_WRAPPER):
        below = walk.listing(folder).folders
        if len(below) != 1 or not (_name(below[0]) == _name(folder) or split_of(_name(below[0])) == split):
            break
        if not walk.listing(below[0]).folders:
            break
        _count_beside(walk, walk.listing(folder))
        folder = below[0]
    return folder


def _count_beside(walk: Walk, listing: Listing) -> None:
    """Count what lies in a folder of which only the sub-folders are used."""
    walk.count(listing._replace(gifs=0))
    walk.tally.add_all("beside", sorted(listing.pictures))


def _count_folders(walk: Walk, folders: list[str]) -> None:
    """Count the pictures in folders that are left out."""
    for folder in sorted(folders):
        gifs = walk.gifs
        if pictures := sum(1 for _ in walk.pictures_below(folder)):
            walk.tally.add("folder", folder, pictures)
        walk.gifs = gifs


def _spelling_notes(splits: list[tuple[str, str]]) -> list[str]:
    """Which folders were read as which splits, where their names are others."""
    return [f"folder {_name(folder)} is read as {split}" for split, folder in splits if _name(folder).lower() != split]


def _no_classes(walk: Walk, listing: Listing) -> StriateError:
    return StriateError(
        f"{walk.root / listing.folder} holds {counted(len(listing.pictures), 'picture')} directly and no sub-folders, "
        f"so nothing says their classes; {EXPECTED}"
    )


def doubt(root: Path, parts: Sequence[tuple[str, str]], folders: Iterable[str]) -> str:
    """Why the folders taken for classes are likely not: a sentence, or "" where nothing speaks against them.

    folders: all that hold pictures, as paths below the root.
    """
    split_paths = [PurePosixPath(folder).parts for _, folder in parts]
    below: list[dict[str, set[str]]] = [defaultdict(set) for _ in parts]
    for folder in folders:
        path = PurePosixPath(folder).parts
        for above, of_part in zip(split_paths, below, strict=True):
            if path[: len(above)] == above and len(path) > len(above):
                class_name, *sub_folders = path[len(above) :]
                of_part[class_name].add(sub_folders[0] if sub_folders else "")
    if len(parts) == 1 and len(below[0]) == 1:
        only, inner = next(iter(below[0].items()))
        if len(inner) > 1 and "" not in inner:
            inside = root / parts[0][1] / only
            return (
                f"{root} holds one folder only, {only}, and that holds {_some(sorted(inner))}; if these are the "
                f"classes, give {inside}"
            )
    return next((_doubt(root, names) for names in below if _alike(names)), "")


def _alike(names: dict[str, set[str]]) -> set[str]:
    """The sub-folders that all classes share, if these are two or more and half of what the largest class holds."""
    if len(names) < 2:
        return set()
    shared = set.intersection(*names.values())
    return (
        shared if len(shared) > 1 and "" not in shared and 2 * len(shared) >= max(map(len, names.values())) else set()
    )


def _doubt(root: Path, names: dict[str, set[str]]) -> str:
    shared = sorted(_alike(names))
    outer, inner = _some(sorted(names)), _some(shared)
    if all(split_of(name) for name in shared):
        return (
            f"{root}: {outer} all hold the folders {inner}, which are splits; they belong above the classes, such as "
            f"{shared[0]}/{min(names)}"
        )
    return (
        f"{root}: {outer} all hold the same folders ({inner}), so they look like splits or places, not like classes; "
        f"call splits train, val and test, put the pictures of a class into one folder, such as {root / shared[0]}, or "
        "name pictures and labels in a table (path,label)"
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _name(folder: str) -> str:
    return folder.rpartition("/")[2]


def nfc(name: str) -> str:
    """A name in Unicode's form NFC, since macOS may store another."""
    return unicodedata.normalize("NFC", name)
