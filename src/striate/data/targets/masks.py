"""One class for each pixel of each picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.dataset import FilePictures
from striate.data.geometry import Geometry
from striate.data.masks import findings
from striate.data.masks.coding import Coding
from striate.data.masks.mask_file import read_mask, to_working_mask
from striate.data.masks.survey import Survey
from striate.data.targets import BatchTargets, Indices, Review
from striate.ops.pixels import IGNORED

SEGMENTATION = "segmentation"


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
    class, by its number. preprocess: of the network for which they are taken; None: as they are in their files.
    """

    files: FilePictures
    coding: Coding
    pixels: Indices
    sizes_px: findings.Sizes
    digests: npt.NDArray[np.uint8]
    wrong: Mapping[int, str]
    preprocess: Preprocess | None = None
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
        """That of one picture in its own size, uint8 (H, W). Raises DecodeError."""
        return self.coding.class_numbers(read_mask(self.files.path(index)), self.files.name(index))

    def take(self, indices: Indices) -> MaskBatch:
        """The masks of some pictures, at the working size. Raises StriateError where there is none and sizes differ."""
        masks = [self.mask(int(index)) for index in indices]
        if self.preprocess is not None:
            masks = [to_working_mask(mask, self.preprocess) for mask in masks]
        if len({mask.shape for mask in masks}) > 1:
            raise StriateError("masks of several sizes are no batch; give a size to which they are brought")
        return MaskBatch(torch.from_numpy(np.stack(masks)))

    def text(self, index: int) -> str:
        """What the mask of one picture hashes to: equal for equal masks."""
        return bytes(self.digests[index]).hex()

    def counts(self, indices: Indices) -> list[int]:
        """Pixels of each class."""
        counted_here: list[int] = self.pixels[indices, :-1].sum(0).tolist()
        return counted_here

    def review(self, source: str, splits: Mapping[str, Indices]) -> Review:
        """Whether masks hold classes, and enough of them everywhere; `sizes_px` is for who knows the pictures'."""
        name, used = self.files.listed_name, np.concatenate(list(splits.values()))
        wrong = {name(int(index)): self.wrong[index] for index in used.tolist() if index in self.wrong}
        by_split = {split: self.pixels[indices, :-1].sum(0) for split, indices in splits.items()}
        return Review(
            problems=[
                *findings.beside_the_classes(wrong, self.names),
                *findings.nothing_to_learn(source, self.names, self.pixels, splits["train"]),
            ],
            warnings=[
                *findings.empty_masks([name(int(index)) for index in used], self.pixels[used]),
                *findings.in_one_split_only(self.names, by_split),
                *findings.unequal(self.names, self.pixels[splits["train"]]),
            ],
        )

    def content(self, indices: Indices) -> bytes:
        """What the masks hash to, and what their numbers stand for."""
        return repr(sorted(self.coding.classes.items())).encode() + self.digests[indices].tobytes()

    @property
    def described(self) -> str:
        """How many classes."""
        return f"{len(self.names)} classes of pixels"


def mask_targets(files: FilePictures, survey: Survey, coding: Coding) -> MaskTargets:
    """The targets of surveyed masks, all of which can be read."""
    seen = survey.readable
    wrong = {number: coding.beyond(strange) for number, each in enumerate(seen) if (strange := coding.strange(each))}
    pictures = {n: "looks like a picture, not a mask" for n, s in enumerate(seen) if findings.looks_like_a_picture(s)}
    return MaskTargets(
        files,
        coding,
        pixels=np.array([coding.pixels(each) for each in seen], np.int64),
        sizes_px=np.array([each.size_px for each in seen], np.int32),
        digests=np.frombuffer(b"".join(each.digest for each in seen), np.uint8).reshape(-1, 16),
        wrong=wrong | pictures,
    )
