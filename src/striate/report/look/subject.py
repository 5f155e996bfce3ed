"""What is looked at: a network with its classes, and pictures as it sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.core.records import Preprocess
from striate.core.units import counted
from striate.data.decode import Pixels
from striate.data.formats import EXTENSIONS
from striate.data.picture import to_batch, to_network_size
from striate.data.scan import Progress
from striate.data.sources import open_to_evaluate
from striate.data.streaming import Undecoded, read_batches
from striate.data.targets import Indices
from striate.data.targets.classes import ClassTargets, numbers_among
from striate.deploy.given import Picture, given_pictures
from striate.deploy.inputs import members, split_to_evaluate
from striate.deploy.run import Run
from striate.models import create_model
from striate.models.network import Network
from striate.runtime.inference import network_input
from striate.runtime.runtime import Runtime
from striate.visual.dreams.painting import Palette, palette_of, palette_of_images

MOST_PICTURES = 1000
"""Pictures that are looked at of a data set, spread evenly over it, if no other number is asked for."""
UNKNOWN = -1
"""In the place of a class number that nobody knows."""


@dataclass(frozen=True, eq=False)
class Sample:
    """N pictures, readable ones, in memory.

    source: what a person named. names: of each. shown: what the network sees of each, uint8 (N, H, W, C), C 1 or 3.
    labels: class numbers of the network, int64 (N,), UNKNOWN where they are. kinds: what pictures are told apart by,
    numbers (N,) among `kind_names`, UNKNOWN where nobody knows: the network's classes where it has any of theirs, else
    those that they lie in. to_images: places of pictures to images,
    float32 (n, C, H, W), normalised, on the network's device; see `images`. problems: names of those that cannot be
    read, and why.
    """

    source: str
    names: tuple[str, ...]
    shown: Pixels
    labels: Indices
    to_images: Callable[[Indices], Tensor]
    problems: tuple[tuple[str, str], ...] = ()
    kinds: Indices = field(default_factory=lambda: np.zeros(0, np.int64))
    kind_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def kind_name(self, number: int) -> str:
        """What those of a kind are called; by the number where they have no name."""
        return self.kind_names[number] if 0 <= number < len(self.kind_names) else f"class {number}"

    def images(self, places: Iterable[int]) -> Tensor:
        """Some pictures as the network takes them, (n, C, H, W)."""
        return self.to_images(np.fromiter(places, np.int64))

    def batches(self, size: int = 32) -> Iterator[Tensor]:
        """All pictures as the network takes them, in order."""
        for start in range(0, len(self), size):
            yield self.images(range(start, min(start + size, len(self))))


@dataclass(frozen=True, eq=False)
class Subject:
    """A network in evaluation mode, and what is known of it.

    name: how the page calls it. classes: their names, in the order of the logits; () where it has none. pictures: None
    where none were given. palette: the colours of its pictures. seed: of everything that is drawn.
    kept: what one part has found and another one shows too.
    """

    network: nn.Module
    name: str
    classes: tuple[str, ...]
    pictures: Sample | None
    palette: Palette
    seed: int = 0
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def sample(self) -> Sample:
        """The pictures, for a part that is only looked at where there are some."""
        assert self.pictures is not None  # noqa: S101 - see `Part.needs_pictures`
        return self.pictures

    @property
    def blank(self) -> Tensor:
        """An image as the network takes them, (1, C, H, W): the first picture, or one without anything in it."""
        if self.pictures is not None:
            return self.pictures.images([0])
        assert isinstance(self.network, Network)  # noqa: S101 - see `subject_of`
        preprocess = self.network.preprocess
        device = next(self.network.parameters()).device
        return torch.zeros(1, preprocess.channels, *preprocess.size, device=device)

    def class_name(self, number: int) -> str:
        """What a class is called; by its number where it has no name."""
        return self.classes[number] if 0 <= number < len(self.classes) else f"class {number}"


Pictures = str | Path | Tensor | Iterable[Picture]
"""What pictures are given as; see `striate.look`."""


class _Given(NamedTuple):
    """Pictures that are not decoded yet. labels, kinds and kind_names: as of `Sample`."""

    source: str
    pictures: Sequence[Undecoded]
    labels: Indices
    kinds: Indices
    kind_names: tuple[str, ...] = ()


def _of_nobody(source: str, pictures: Sequence[Undecoded]) -> _Given:
    """Those whose classes nobody knows."""
    unknown = np.full(len(pictures), UNKNOWN)
    return _Given(source, pictures, unknown, unknown)


@dataclass(frozen=True)
class Choice:
    """How pictures are chosen. split: as of `evaluate`. most: at most so many."""

    split: str | None = None
    most: int = MOST_PICTURES
    progress: Progress | None = field(default=None, compare=False)


def subject_of(looked_at: Run | nn.Module, pictures: Pictures | None, choice: Choice, seed: int = 0) -> Subject:
    """A run or any module, with pictures. Raises StriateError for what cannot be read or does not fit."""
    if isinstance(looked_at, Run):
        run = looked_at
        sample = _sample(run.preprocess, run.runtime, run.classes, pictures, choice, run)
        return Subject(run.network.eval(), str(run.path), run.classes, sample, palette_of(run.preprocess), seed)
    if not isinstance(looked_at, nn.Module):
        raise StriateError(f"what is looked at must be a run or an nn.Module, got {type(looked_at).__name__}")
    if isinstance(pictures, Tensor):
        given, palette = _of_tensor(pictures), palette_of_images(pictures)
        return Subject(looked_at.eval(), _name(looked_at), _classes(looked_at), given, palette, seed)
    network = looked_at if isinstance(looked_at, Network) else create_model(looked_at)
    plain = Runtime("cpu", "fp32", channels_last=False, threads=torch.get_num_threads())
    sample = _sample(network.preprocess, plain, network.class_names, pictures, choice)
    palette = palette_of(network.preprocess)
    return Subject(network.eval(), _name(looked_at), network.class_names, sample, palette, seed)


def _name(network: nn.Module) -> str:
    return network.label if isinstance(network, Network) else type(network).__name__


def _classes(network: nn.Module) -> tuple[str, ...]:
    return network.class_names if isinstance(network, Network) else ()


def _sample(
    preprocess: Preprocess,
    runtime: Runtime,
    classes: tuple[str, ...],
    pictures: Any,
    choice: Choice,
    run: Run | None = None,
) -> Sample | None:
    if pictures is None:
        return None
    if isinstance(pictures, Tensor):
        return _of_tensor(pictures)
    given = _given(pictures, classes, choice, run)
    kept, problems, working = list[int](), list[tuple[str, str]](), list[Pixels]()
    for batch in read_batches(given.pictures, preprocess):
        kept += batch.places
        problems += [(batch.names[place], error.reason) for place, error in batch.bad.items()]
        working.append(batch.pictures)
        if choice.progress is not None:
            choice.progress(len(kept) + len(problems), len(given.pictures))
    if not kept:
        raise StriateError(f"{given.source}: none of {counted(len(given.pictures), 'picture')} can be read")
    decoded = np.concatenate(working)

    def images(places: Indices) -> Tensor:
        return network_input(to_batch(decoded[places]), preprocess, runtime)

    seen = to_network_size(to_batch(decoded), preprocess).round().to(torch.uint8)
    shown: Pixels = seen.permute(0, 2, 3, 1).contiguous().numpy()
    names = tuple(given.pictures[place].name for place in kept)
    known = given.labels[kept], images, tuple(problems), given.kinds[kept], given.kind_names
    return Sample(given.source, names, shown, *known)


def _given(pictures: Any, classes: tuple[str, ...], choice: Choice, run: Run | None) -> _Given:
    if not isinstance(pictures, str | Path):
        several = given_pictures(pictures)
        chosen = _spread(len(several), choice.most)
        return _of_nobody("the pictures given", [several[place] for place in chosen])
    if _without_classes(Path(pictures)):
        several = given_pictures(pictures)
        chosen = _spread(len(several), choice.most)
        return _of_nobody(str(pictures), [several[place] for place in chosen])
    task = None if run is None else run.task.needs
    dataset = open_to_evaluate(str(pictures), 0 if run is None else run.split_seed, task=task)
    dataset = dataset if run is None else run.recorded(dataset)
    indices = members(dataset, split_to_evaluate(dataset, choice.split))
    if not len(indices):
        indices = members(dataset, "all")
    indices = indices[_spread(len(indices), choice.most)]
    several = [
        Undecoded(dataset.pictures.name(index), partial(dataset.pictures.decode, index)) for index in indices.tolist()
    ]
    if not isinstance(dataset.targets, ClassTargets):
        return _of_nobody(dataset.source, several)
    of_data = dataset.labels[indices]
    labels = numbers_among(dataset.targets.names, classes)[0][of_data]
    if (labels >= 0).any():
        return _Given(dataset.source, several, labels, labels, classes)
    return _Given(dataset.source, several, labels, of_data, tuple(dataset.targets.names))


def _without_classes(path: Path) -> bool:
    """Whether a path is of a picture, or of a folder in which pictures lie side by side."""
    files = path.iterdir() if path.is_dir() else [path]
    return any(file.suffix.lower() in EXTENSIONS and file.is_file() for file in files)


def _spread(count: int, most: int) -> Indices:
    """Numbers of at most so many things, evenly over all of them.

    >>> _spread(10, 4).tolist(), _spread(3, 4).tolist()
    ([0, 3, 6, 9], [0, 1, 2])
    """
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)) if count else np.arange(0)


def _of_tensor(images: Tensor) -> Sample:
    """Images as a network takes them: (N, C, H, W); they are shown between the smallest and largest number of each."""
    if images.dim() != 4 or not images.is_floating_point() or not len(images):
        raise StriateError(
            f"pictures must be a tensor (N, C, H, W) of floating-point numbers, normalised, got {images.dtype} "
            f"{tuple(images.shape)}"
        )
    images = images.detach()
    seen = images.float().cpu()
    seen = seen if seen.shape[1] in (1, 3) else seen.mean(1, keepdim=True)
    low, high = seen.amin((1, 2, 3), keepdim=True), seen.amax((1, 2, 3), keepdim=True)
    shown: npt.NDArray[np.uint8] = (
        ((seen - low) / (high - low).clamp(min=1e-12) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    )
    names = tuple(f"picture {number}" for number in range(len(images)))
    unknown = np.full(len(images), UNKNOWN)
    return Sample("the images given", names, shown, unknown, lambda places: images[places], kinds=unknown)


def within(subject: Subject, most: int) -> Subject:
    """The same with at most so many pictures, spread evenly."""
    if subject.pictures is None or len(subject.pictures) <= most:
        return subject
    sample, places = subject.pictures, _spread(len(subject.pictures), most)
    chosen = replace(
        sample,
        names=tuple(sample.names[place] for place in places),
        shown=sample.shown[places],
        labels=sample.labels[places],
        kinds=sample.kinds[places],
        to_images=lambda among: sample.to_images(places[among]),
    )
    return replace(subject, pictures=chosen)
