"""How batches are varied on their way to a network that learns, in a run and in a loop of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import index

import torch
from torch import Tensor

from striate.core.records import Preprocess
from striate.data.augment import alternating_flips, colours, draw_geometry
from striate.data.batches import Batch, step_generator
from striate.data.geometry import Geometry
from striate.data.picture import normalise, scaled
from striate.data.targets import BatchTargets, Indices
from striate.runtime.runtime import Runtime
from striate.tasks.task import Task
from striate.training.continued import Continued, scheduled
from striate.training.optim.schedule import side_px
from striate.training.own_augment import OwnAugmentation
from striate.training.recipe import Recipe


@dataclass(frozen=True)
class Variation:
    """What decides how the batches of a training are varied; everything random follows from (seed, step).

    preprocess: how pictures become the network's input. names: what the task tells apart. steps: in an epoch.
    continued: where the run went on after its end. own: the augmentation of a person's own, which comes first, on
    pictures of the working size. place: of a step in the schedule.
    """

    recipe: Recipe
    preprocess: Preprocess
    task: Task
    names: tuple[str, ...]
    seed: int
    steps: int
    runtime: Runtime
    continued: tuple[Continued, ...] = ()
    own: OwnAugmentation | None = None
    place: Callable[[int], int] = index

    def images(self, batch: Batch, step: int) -> tuple[Tensor, BatchTargets]:
        """The images of a step, float32 (N, C, H, W), normalised, and their targets."""
        pictures, targets = self.pictures(batch, step)
        return self.runtime.images(normalise(pictures, self.preprocess)), targets

    def pictures(self, batch: Batch, step: int) -> tuple[Tensor, BatchTargets]:
        """A batch as the network sees it in a step, but for scale and layout: varied, mixed, of the step's size.

        Returns pictures (N, C, H, W) on the 0..255 scale, uint8 or float32, and their targets, which have moved with
        them. What is trained on, and what is shown of it, comes from here.
        """
        preprocess, (height, width), generator = self.preprocess, self.preprocess.size, step_generator(self.seed, step)
        schedule, step_in_it, _ = scheduled(self.recipe, self.continued, self.place(step), self.steps)
        share = side_px(schedule, min(height, width), step_in_it, self.steps) / min(height, width)
        small = preprocess.at((round(height * share), round(width * share)), preprocess.resize)
        moved, epoch = self.runtime.move(batch.pictures), step // self.steps
        if self.own is not None:
            moved = self.own(moved, self.seed, step)
        pictures, geometry = self.varied(moved, batch.indices, small, generator, epoch)
        known = self.task.beside(batch.pictures, batch.targets, self.preprocess)
        targets = known.to(self.runtime.move).moved(geometry)
        if self.task.mix is not None:
            pictures, targets = self.task.mix(pictures, targets, len(self.names), self.recipe, generator)
        return pictures, targets

    def varied(
        self, pictures: Tensor, indices: Indices, seen: Preprocess, generator: torch.Generator, epoch: int
    ) -> tuple[Tensor, Geometry]:
        """Pictures varied as the recipe says, at the size that the network sees, and what part of each was taken.

        pictures: uint8 (N, C, h, w) of the working size, `indices` theirs in the dataset. seen: size of the result.
        epoch: says which pictures are mirrored where they are in turn.
        """
        augmentation = self.recipe.augmentation
        mirrored = alternating_flips(indices, self.seed, epoch) if augmentation.flip_alternately else None
        # Whoever resamples anyway samples at once to the size seen; whole pixels are cut out first and scaled then.
        cut = seen if augmentation.resamples else self.preprocess
        working = (pictures.shape[2], pictures.shape[3])
        geometry = draw_geometry(augmentation, len(pictures), working, cut.size, generator, mirrored)
        taken = scaled(colours(geometry.pixels(pictures), augmentation, cut, generator), seen.size)
        return taken, geometry.scaled((taken.shape[2], taken.shape[3]))
