"""Preprocessing that can be called: pictures to the very tensor that a network sees."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.data.picture import normalise, to_batch, to_network_size
from striate.data.streaming import read_batches
from striate.deploy.given import Picture, given_pictures


@dataclass(frozen=True, eq=False)
class Preprocessing(Preprocess):
    """The record `Preprocess`, equal to it where the fields are, and a function of pictures.

    >>> import numpy as np
    >>> preprocess = Preprocessing((32, 48))
    >>> preprocess(np.zeros((60, 80, 3), np.uint8)).shape
    torch.Size([3, 32, 48])
    >>> preprocess == Preprocess((32, 48))
    True
    """

    @classmethod
    def of(cls, record: Preprocess) -> Self:
        """The same record, as a function."""
        return cls(**{each.name: getattr(record, each.name) for each in fields(Preprocess)})

    def __call__(self, picture: Picture) -> Tensor:
        """One picture as the network sees it: float32 (C, H, W), normalised.

        picture: a path, a Pillow picture, or an array uint8 (H, W) or (H, W, 3). Raises StriateError for anything
        else, DecodeError, which is one, for what cannot be read.
        """
        if isinstance(picture, str | os.PathLike) and Path(picture).is_dir():
            raise StriateError(f"{picture} is a folder, not a picture; preprocess.batch takes all pictures below it")
        images: Tensor = self.batch([picture])[0]
        return images

    def batch(self, pictures: Iterable[Picture] | Picture) -> Tensor:
        """Several pictures as the network sees them: float32 (N, C, H, W), normalised, channels last in memory.

        pictures: as to `Run.predict`, in any mixture: paths, folders, Pillow's pictures, arrays. They all lie in memory
        at once: `striate.open_data` gives many pictures batch by batch. Raises as for one.
        """
        images = []
        for read in read_batches(given_pictures(pictures), self):
            if read.bad:
                raise next(iter(read.bad.values()))
            images.append(normalise(to_network_size(to_batch(read.pictures), self), self))
        if not images:
            raise StriateError("no pictures were given to preprocess; a batch needs at least one")
        return torch.cat(images).contiguous(memory_format=torch.channels_last)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Preprocess) and all(
            getattr(self, each.name) == getattr(other, each.name) for each in fields(Preprocess)
        )

    __hash__ = Preprocess.__hash__
