"""One class for each pixel of each picture."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.answers.masks import SEGMENTATION
from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.dataset import FilePictures
from striate.data.geometry import Geometry
from striate.data.masks import findings
from striate.data.masks.class_table import FILES, same_name
from striate.data.masks.coding import Coding
from striate.data.masks.mask_file import read_mask, to_working_mask
from striate.data.masks.survey import Survey
from striate.data.targets import BatchTargets, Indices, Review, Sizes
from striate.ops.pixels import IGNORED


@dataclass(frozen=True, eq=False)
class MaskBatch:
    """The masks of a batch: class numbers, or IGNORED, uint8 (N, H, W)."""

    masks: Tensor

    def __len__(self) -> int:
        return len(self.masks)

    def __getitem__(self, rows: slice) -> Self:
        return type(self)(self.masks[rows])

    def to(self, move: Callable[[Tensor], Tensor]) -> Self:
        """The same where `move` brings them."""
        return type(self)(move(self.masks))

    def moved(self, geometry: Geometry) -> Self:
        """Where the pixels are, the nearest of each; beyond the picture IGNORED."""
        return type(self)(geometry.masks(self.masks, IGNORED))

    @property
    def plain(self) -> Tensor:
        """The masks."""
        return self.masks


def masks_of(targets: BatchTargets) -> Tensor:
    """The masks of a batch, uint8 (N, H, W). Raises StriateError where it has none."""
    if not isinstance(targets, MaskBatch):
        raise StriateError("this needs pictures with a mask each")
    return targets.masks


@dataclass(frozen=True, eq=False)
class MaskTargets:
    """Mask files, read when they are asked for. N masks, K classes.

    files: of the masks. coding: what they stand for. pixels: int64 (N, K + 1), of each class and, last, ignored.
    sizes_px: height and width, int32 (N, 2). digests: uint8 (N, 16), equal for equal masks. wrong: what of a mask is no
    class, by its number. preprocess: of the network for which they are taken; None: as they are in their files. gone:
    those of a run's list that are not there any more.
    """

    files: FilePictures
    coding: Coding
    pixels: Indices
    sizes_px: Sizes
    digests: npt.NDArray[np.uint8]
    wrong: Mapping[int, str]
    preprocess: Preprocess | None = None
    gone: frozenset[int] = frozenset()
    task: str = SEGMENTATION

    def at(self, preprocess: Preprocess | None) -> MaskTargets:
        """The same masks at the working size of a network."""
        return replace(self, preprocess=preprocess)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.coding.names

    @property
    def strata(self) -> None:
        """A picture shows many classes, so splits are drawn by name alone."""
        return None

    def __len__(self) -> int:
        return len(self.files)

    def mask(self, index: int) -> npt.NDArray[np.uint8]:
        """That of one picture in its own size, uint8 (H, W). Raises DecodeError; StriateError for one that is gone."""
        if index in self.gone:
            raise self._changed("the mask of a picture", "the run's list")
        return self.coding.class_numbers(read_mask(self.files.path(index)), self.files.name(index))

    def take(self, indices: Indices) -> MaskBatch:
        """The masks of some pictures, at the working size. Raises StriateError where there is none and sizes differ."""
        masks = [self.mask(int(index)) for index in indices]
        if self.preprocess is not None:
            masks = [to_working_mask(mask, self.preprocess) for mask in masks]
        if len({mask.shape for mask in masks}) > 1:
            raise StriateError("masks of several sizes are no batch; give a size to which they are brought")
        return MaskBatch(torch.from_numpy(np.stack(masks)))

    def numbered(self, names: tuple[str, ...], numbers: Indices) -> MaskTargets:
        """The same masks, whose numbers stand for the classes' places among other names."""
        own = {number: numbers[of] if of != IGNORED else IGNORED for number, of in self.coding.classes.items()}
        pixels = np.zeros((len(self), len(names) + 1), np.int64)
        pixels[:, [*numbers.tolist(), len(names)]] = self.pixels
        return replace(self, coding=replace(self.coding, names=names, classes=own), pixels=pixels)

    def without_numbers(self, names: Sequence[str]) -> MaskTargets | None:
        """The same where some classes are none, and masks that have them no masks; None where most masks do.

        Of masks that no list names the classes of: there a damaged one makes a class of every number in it.
        """
        places = [self.names.index(name) for name in names]
        if self.coding.unasked is not None or 2 * self.pixels[:, places].any(1).sum() > len(self):
            return None
        kept = [place for place in range(len(self.names)) if place not in places]
        number_of = {place: number for number, place in enumerate(kept)} | {IGNORED: IGNORED}
        classes = {each: number_of[place] for each, place in self.coding.classes.items() if place in number_of}
        coding = replace(self.coding, names=tuple(self.names[place] for place in kept), classes=classes)
        return replace(self, coding=coding, pixels=self.pixels[:, [*kept, len(self.names)]])

    def joined(self, others: Sequence[MaskTargets]) -> MaskTargets:
        """Those of further pictures behind these. Raises StriateError where their numbers stand for other classes."""
        all_of_them, classes, wrong, start = [self, *others], dict(self.coding.classes), dict[int, str](), 0
        unasked = [name for each in all_of_them for name in each.coding.unasked or ()]
        for each in all_of_them:
            for number, name in each.coding.classes.items():
                if classes.setdefault(number, name) != name or each.coding.coloured != self.coding.coloured:
                    raise StriateError(
                        f"masks in {each.files.root} mean other classes by their numbers than those in "
                        f"{self.files.root}; give both the same classes.txt"
                    )
            wrong |= {start + index: reason for index, reason in each.wrong.items()}
            start += len(each)
        return replace(
            self,
            files=_files_of([each.files.path(n) for each in all_of_them for n in range(len(each))]),
            coding=replace(self.coding, classes=classes, unasked=tuple(unasked)),
            pixels=np.concatenate([each.pixels for each in all_of_them]),
            sizes_px=np.concatenate([each.sizes_px for each in all_of_them]),
            digests=np.concatenate([each.digests for each in all_of_them]),
            wrong=wrong,
        )

    def listed(
        self, texts: Iterable[str], names: Sequence[str] | None, places: Iterable[Indices], file: str
    ) -> MaskTargets:
        """The masks that a list says, by what they hash to: those of pictures of the same name, else any that is equal.

        Raises StriateError for one that is not there any more, and for other classes.
        """
        if names is not None and tuple(names) != self.names:
            raise StriateError(
                f"{file} is of a run on the classes {', '.join(names[:5])}, and the masks have "
                f"{', '.join(self.names[:5])} now; bring back the list of classes that it was begun with"
            )
        by_text: dict[str, list[int]] = defaultdict(list)
        for index in range(len(self)):
            by_text[self.text(index)].append(index)
        kept, gone = list[int](), set[int]()
        for text, places_of_name in zip(texts, places, strict=True):
            equal = [int(place) for place in places_of_name if self.text(int(place)) == text] or by_text.get(text)
            if not equal and len(places_of_name):
                raise self._changed(self.files.name(int(places_of_name[0])), file)
            if not equal:  # as its picture is, which may be left out
                gone.add(len(kept))
            kept.append(equal[0] if equal else 0)
        return self._only(np.array(kept, np.int64), frozenset(gone))

    def _changed(self, mask: str, file: str) -> StriateError:
        return StriateError(
            f"{mask} is not as {file} has it: it was changed, or is gone, so the run cannot go on to the same weights; "
            "bring it back, or start a new run"
        )

    def _only(self, kept: Indices, gone: frozenset[int]) -> MaskTargets:
        """The masks of these numbers, in this order. gone: places of those that are not there any more."""
        return replace(
            self,
            gone=gone,
            files=FilePictures(self.files.root, [self.files.relative_paths[index] for index in kept.tolist()]),
            pixels=self.pixels[kept],
            sizes_px=self.sizes_px[kept],
            digests=self.digests[kept],
            wrong={place: self.wrong[i] for place, i in enumerate(kept.tolist()) if i in self.wrong},
        )

    def text(self, index: int) -> str:
        """What the mask of one picture hashes to: equal for equal masks."""
        return bytes(self.digests[index]).hex()

    def counts(self, indices: Indices) -> list[int]:
        """Pixels of each class."""
        counted_here: list[int] = self.pixels[indices, :-1].sum(0).tolist()
        return counted_here

    @property
    def counted(self) -> str:
        """Pixels."""
        return "pixels"

    def review(self, source: str, splits: Mapping[str, Indices], sizes_px: Sizes | None = None) -> Review:
        """Whether masks hold classes, enough of them everywhere, and are as large as their pictures."""
        name, used = self.files.listed_name, np.concatenate(list(splits.values()))
        wrong = {name(int(index)): self.wrong[index] for index in used.tolist() if index in self.wrong}
        by_split = {split: self.pixels[indices, :-1].sum(0) for split, indices in splits.items()}
        listed = [name(int(index)) for index in used]
        sizes = findings.other_sizes(listed, self.sizes_px[used], sizes_px[used]) if sizes_px is not None else []
        return Review(
            problems=[
                *sizes,
                *findings.beside_the_classes(wrong, self.names),
                *findings.nothing_to_learn(source, self.names, self.pixels, splits["train"]),
            ],
            warnings=[
                *findings.empty_masks(listed, self.pixels[used]),
                *findings.in_one_split_only(self.names, by_split),
                *findings.unequal(self.names, self.pixels[splits["train"]]),
            ],
            remarks=findings.background_alone(listed, self.names, self.pixels[used]),
        )

    def content(self, indices: Indices) -> bytes:
        """What the masks hash to, and what their numbers stand for."""
        return repr(sorted(self.coding.classes.items())).encode() + self.digests[indices].tobytes()

    @property
    def described(self) -> str:
        """How many classes."""
        return f"{len(self.names)} classes of pixels"


def require_ignored(targets: MaskTargets, name: str, source: str) -> None:
    """Raise StriateError where no list has a class of which nothing is to be asked. source: what errors call it all."""
    unasked, names = targets.coding.unasked, targets.names
    if unasked is None:
        raise StriateError(f"{name!r} is to be ignored, but no list names the classes; write one as {FILES[0]}")
    if not any(same_name(name, each) for each in unasked):
        raise StriateError(f"{name!r} is to be ignored, but {source} has no such class: {', '.join(names)}")


def _files_of(paths: Sequence[Path]) -> FilePictures:
    """Files of several folders below what these have in common."""
    whole = [path.absolute() for path in paths]
    root = Path(os.path.commonpath([path.parent for path in whole]))
    return FilePictures(root, [path.relative_to(root).as_posix() for path in whole])


def mask_targets(files: FilePictures, survey: Survey, coding: Coding) -> MaskTargets:
    """The targets of surveyed masks, all of which can be read."""
    seen = survey.readable
    wrong = {number: reason for number, each in enumerate(seen) if (reason := coding.wrong(each))}
    pictures = {n: "looks like a picture, not a mask" for n, s in enumerate(seen) if findings.looks_like_a_picture(s)}
    return MaskTargets(
        files,
        coding,
        pixels=np.array([coding.pixels(each) for each in seen], np.int64),
        sizes_px=np.array([each.size_px for each in seen], np.int32),
        digests=np.frombuffer(b"".join(each.digest for each in seen), np.uint8).reshape(-1, 16),
        wrong=wrong | pictures,
    )
