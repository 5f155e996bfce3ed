"""What a plain PyTorch loop reads: batches of images and labels, as a run trains on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from striate.core.bounds import BATCH_PICTURES, SEED, TRAINING_SIDE_PX, require_within
from striate.core.errors import StriateError
from striate.core.one_screen import OneScreen, few
from striate.core.own_code import as_code, load_code, names_code
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.core.values import checked, shown
from striate.data.augment import Augmentation
from striate.data.batches import Batch, Batches, batches_of
from striate.data.cache import working_pictures
from striate.data.check import DataReport, check_data
from striate.data.dataset import SPLITS, Dataset
from striate.data.decode import DecodeError
from striate.data.scan import Progress, without_problems
from striate.data.wide import white_for
from striate.data.working import WorkingPictures
from striate.deploy.inputs import members, split_to_evaluate
from striate.deploy.preprocessing import Preprocessing
from striate.meta.weightless import blueprint
from striate.models import Model, create_model
from striate.runtime.inference import network_input
from striate.runtime.runtime import Runtime
from striate.tasks import task_named
from striate.training.network import own_size
from striate.training.own import code_in
from striate.training.own_augment import OwnAugmentation
from striate.training.prepared import WORK_AHEAD
from striate.training.recipe import Recipe
from striate.training.variation import Variation

Augment = str | Recipe | Augmentation | Callable[..., Any] | None


class Loader:
    """Batches of a split, one pass after the other: see `OpenedData.loader`.

    split: whose pictures they are of. epoch: the number of the next pass, counted from 0; setting it goes on where
    another process was.
    """

    def __init__(self, split: str, batches: Batches, variation: Variation, *, varies: bool, shuffles: bool) -> None:
        self.split, self.epoch = split, 0
        self._batches, self._variation = batches, variation
        self._varies, self._shuffles = varies, shuffles

    def __len__(self) -> int:
        """Batches in a pass."""
        return self._batches.steps

    def __repr__(self) -> str:
        preprocess, does = self._variation.preprocess, {"varied": self._varies, "shuffled": self._shuffles}
        height, width = preprocess.size
        return (
            f"Loader({self.split}: {counted(self._batches.pictures, 'picture')} in {counted(len(self), 'batch')}, "
            f"{preprocess.channels}x{height}x{width}{''.join(f', {word}' for word in does if does[word])})"
        )

    def __iter__(self) -> Iterator[tuple[Tensor, Any]]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        return self._pass(epoch)

    def _pass(self, epoch: int) -> Iterator[tuple[Tensor, Any]]:
        variation, runtime = self._variation, self._variation.runtime
        batches = self._batches.shuffled(variation.seed, epoch) if self._shuffles else self._batches.in_order()
        for number, batch in enumerate(_readable(batches)):
            if self._varies:
                images, targets = variation.images(batch, epoch * len(self) + number)
            else:
                images = network_input(batch.pictures, variation.preprocess, runtime)
                targets = batch.targets.to(runtime.move)
            yield images, targets.plain


def _readable(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Batches as they come; a picture that has gone bad since the data was opened is told with what to do."""
    try:
        yield from batches
    except DecodeError as error:
        raise DecodeError(
            error.name,
            f"{error.reason}; it could be read when the data was opened: striate.check names all that cannot be, and "
            "striate.open_data, called again, leaves them out",
        ) from error


@dataclass(frozen=True, repr=False, eq=False)
class OpenedData(OneScreen):
    """Pictures opened and decoded for a loop of one's own: see `striate.open_data`.

    dataset: the readable pictures, their targets and splits. preprocess: how they become a network's input. report:
    what `striate.check` finds in them. working: the pictures at the working size. recipe_named: a recipe by its name.
    """

    dataset: Dataset
    preprocess: Preprocessing
    report: DataReport
    working: WorkingPictures
    recipe_named: Callable[[str], Recipe]

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names, in the order of their numbers."""
        return self.dataset.targets.names

    @property
    def splits(self) -> dict[str, int]:
        """Pictures in train, val and test, whichever there are."""
        return {split: len(self.dataset.splits[split]) for split in SPLITS if split in self.dataset.splits}

    @checked
    def loader(
        self,
        split: str,
        batch_size: int = 64,
        augment: Augment = None,
        *,
        shuffle: bool | None = None,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> Loader:
        """What a loop reads: every pass gives all pictures of a split as batches (images, labels).

        images: float32 (N, C, H, W), normalised, channels last in memory. labels: int64 (N,), or probabilities, float32
        (N, classes), where the recipe mixes pictures (`cut_mix`); `F.cross_entropy` takes both. Batches are of nearly
        equal size: none is a small rest, and one may hold a few pictures more than batch_size.

        split: train, val, test or all. augment: None for the pictures as they are evaluated; the name of a recipe, a
        `Recipe` or an `Augmentation` for the very images that a run would train on in its place, growing ones too; or a
        function of your own, or FILE.py:NAME, as the recipe's field `augment` takes it.
        shuffle: whether each pass has another order, by default that of train alone. seed: decides orders, by (seed,
        epoch), and augmentation, by (seed, step), whatever was drawn before. device: where the batches are to be, such
        as "cuda"; then they are made ahead.
        Raises StriateError for a split, a recipe or a number that there is not.

        >>> import striate
        >>> train = striate.open_data("digits", model="lenet5").loader("train", augment="digits_lenet5")
        >>> images, labels = next(iter(train))
        >>> len(train), images.shape, labels.dtype
        (20, torch.Size([63, 1, 32, 32]), torch.int64)
        """
        require_within("batch_size", batch_size, BATCH_PICTURES)
        require_within("seed", seed, SEED)
        split = split_to_evaluate(self.dataset, split)
        device = _device(device)
        ahead = WORK_AHEAD if device.type == "cuda" else {}
        batches = batches_of(self.dataset, members(self.dataset, split), self.working, batch_size, **ahead)
        runtime = Runtime(str(device), "fp32", channels_last=True, threads=1)
        task, (recipe, own) = task_named(self.dataset.targets.task), self._recipe(augment)
        variation = Variation(recipe, self.preprocess, task, self.classes, seed, batches.steps, runtime, own=own)
        shuffles = split == "train" if shuffle is None else shuffle
        batches = replace(batches, balanced=recipe.balance == "sampler")
        return Loader(split, batches, variation, varies=augment is not None, shuffles=shuffles)

    def _recipe(self, augment: Augment) -> tuple[Recipe, OwnAugmentation | None]:
        if isinstance(augment, str) and not names_code(augment):
            augment = self.recipe_named(augment)
        if augment is None or isinstance(augment, Augmentation):
            recipe = augment if isinstance(augment, Recipe) else Recipe(model="", **asdict(augment or Augmentation()))
            own = None if recipe.augment is None else load_code(recipe.augment)
        elif isinstance(augment, str) or callable(augment):
            recipe, own = Recipe(model=""), as_code(augment)
        else:
            raise StriateError(
                f"augment must be a recipe, by name or itself, an Augmentation or a function, got {shown(augment)}"
            )
        return recipe, None if own is None else OwnAugmentation.of(own)

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        height, width = self.preprocess.size
        return {
            "source": self.dataset.source,
            "classes": f"{len(self.classes):,}: {few(self.classes)}",
            **{split: f"{pictures:,} pictures" for split, pictures in self.splits.items()},
            "splits": self.dataset.split_rule,
            "input": f"{self.preprocess.channels}x{height}x{width}",
            **({"said": "; ".join(self.report.for_the_reader().said)} if self.report.said else {}),
        }


def _device(name: str | torch.device) -> torch.device:
    """A device that pictures can be brought to. Raises StriateError where there is none of the name."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without it
        raise StriateError(f"device must be one that torch finds here, such as cpu or cuda, got {name}") from error
    return device


def opened_data(
    dataset: Dataset,
    preprocess: Preprocess,
    recipe_named: Callable[[str], Recipe],
    cache_gb: float,
    progress: Progress | None,
) -> OpenedData:
    """A dataset as a loop reads it, decoded now. Raises StriateError where nothing can be learned from it."""
    dataset = replace(dataset, targets=dataset.targets.at(preprocess))
    working, scan = working_pictures(dataset, preprocess, cache_gb, progress)
    report = check_data(dataset, scan, preprocess)
    report.refuse()
    return OpenedData(without_problems(dataset, scan), Preprocessing.of(preprocess), report, working, recipe_named)


def preprocess_for(
    dataset: Dataset,
    model: Model,
    size: int | tuple[int, int] | None,
    preprocess: Preprocess | None,
    progress: Progress | None,
) -> Preprocess:
    """How pictures become a network's input, as a run would have it that trains this network on them.

    size: of the input, one or height and width, in pixels; None: by the pictures. preprocess: in the place of all that.
    Raises StriateError for a network that there is not and for a size that it cannot be.
    """
    for side in size if isinstance(size, tuple) else (size,):
        require_within("size", side, TRAINING_SIDE_PX)
    if preprocess is None:
        code, named = code_in({"model": model})
        build = partial(create_model, code.get("model", model))
        draft = build() if code else blueprint(build)
        preprocess = own_size(draft, Recipe(**named, size_px=size), dataset.pictures)
    elif size is not None:
        preprocess = preprocess.at(size if isinstance(size, tuple) else (size, size))
    return preprocess if preprocess.white else replace(preprocess, white=white_for(dataset, progress))
