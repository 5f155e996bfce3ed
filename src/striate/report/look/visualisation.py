"""The part with pictures that the network makes up: of three layers, of classes, and of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from striate.core.errors import StriateError
from striate.data.decode import Pixels
from striate.data.scan import Progress
from striate.report.look.part import Found
from striate.report.look.subject import Subject
from striate.visual.attribution.layer import stage_paths
from striate.visual.attribution.score import CannotShow, in_evaluation
from striate.visual.dreams.objectives import ANSWER, Objective, channel, of_class, total_variation, whole_layer
from striate.visual.dreams.octaves import dreamt, exaggerated, takes_size
from striate.visual.dreams.reading import Reader
from striate.visual.dreams.visualise import Size, Tick, made_up

DEPTHS = ("Early", "Middle", "Late")
CHANNELS = 6
"""Of each layer, spread evenly over all."""
CLASSES = 6
LARGEST_PX = 96
"""Longer side of a picture that is made up, where the network takes one of another size than its own."""
STEPS = 64
SMOOTH = 0.1
"""How much variation between neighbours counts against a picture."""


class MadeUp(NamedTuple):
    """A picture and what it is of."""

    told: str
    pixels: Pixels


@dataclass(frozen=True)
class Depth:
    """A layer at a depth, the pictures of some of its channels, and what it makes of a picture, if there is one."""

    title: str
    layer: str
    channels: tuple[MadeUp, ...]
    of_picture: tuple[MadeUp, ...]


def look_at_visualisations(subject: Subject, progress: Progress) -> Found:
    """Pictures for some channels of three layers and some classes; a dream and a caricature of the first picture."""
    image = subject.blank
    with in_evaluation(subject.network, subject.seed):
        layers = layers_by_depth(subject, image)
        numbers = {layer: _spread(_count(subject, layer, image), CHANNELS) for layer in layers.values()}
        classes = _classes(subject, image)
        total = len(layers) * (3 if subject.pictures else 1) + 1
        depths = list[Depth]()
        for title, layer in layers.items():
            begun = len(depths) * (3 if subject.pictures else 1)
            tick = partial(part_of, progress, begun, total)
            told = [f"Channel {number}" for number in numbers[layer]]
            pixels = pictures_for(subject, [channel(layer, number) for number in numbers[layer]], image, tick)
            channels = tuple(map(MadeUp, told, pixels))
            depths.append(Depth(title, layer, channels, _of_picture(subject, layer, progress, begun, total)))
        names = [subject.class_name(number) for number in classes]
        tick = partial(part_of, progress, total - 1, total)
        objectives = [of_class(number) for number in classes]
        of_classes = [*map(MadeUp, names, pictures_for(subject, objectives, image, tick))] if classes else []
    progress(total, total)
    name = subject.pictures.names[0] if subject.pictures else ""
    facts: dict[str, Any] = {
        "layers": [{"layer": layer, "channels": chosen} for layer, chosen in numbers.items()],
        "classes": names,
        "picture": name,
    }
    return Found({"depths": depths, "classes": of_classes, "picture": name}, facts)


def layers_by_depth(subject: Subject, image: Tensor) -> dict[str, str]:
    """The first, the middle and the last stage of maps, by how deep they are. Raises CannotShow where there is none."""
    stages = stage_paths(subject.network, image)
    if not stages:
        raise CannotShow(f"{subject.name} has no stage of maps with more than one place, so none is made visible")
    places = np.unique(np.linspace(0, len(stages) - 1, len(DEPTHS)).round().astype(int)).tolist()
    titles = DEPTHS if len(places) == len(DEPTHS) else (DEPTHS[0], DEPTHS[-1])
    return {title: stages[place] for title, place in zip(titles, places, strict=False)}


def pictures_for(
    subject: Subject, objectives: Sequence[Objective], image: Tensor, tick: Tick, steps: int | None = None
) -> list[Pixels]:
    """A picture for each objective, of the size of an image (1, C, H, W) or smaller. In evaluation."""
    size = size_for(subject, objectives[0], image)
    smooth = [objective - SMOOTH * total_variation() for objective in objectives]
    steps = steps or STEPS
    made = made_up(subject.network, smooth, size, subject.palette, steps=steps, seed=subject.seed, tick=tick)
    return list(subject.palette.shown(made))


def size_for(subject: Subject, objective: Objective, image: Tensor) -> Size:
    """As large as an image, but no larger than LARGEST_PX where what an objective reads takes that."""
    _, channels, height, width = image.shape
    scale = LARGEST_PX / max(height, width)
    smaller = (max(1, round(height * scale)), max(1, round(width * scale)))
    if scale < 1 and takes_size(subject.network, objective, image, smaller):
        return (channels, *smaller)
    return channels, height, width


def _of_picture(subject: Subject, layer: str, progress: Progress, begun: int, total: int) -> tuple[MadeUp, ...]:
    """The first picture as a dream and as a caricature of a layer."""
    if subject.pictures is None:
        return ()
    network, palette, seed = subject.network, subject.palette, subject.seed
    image = subject.pictures.images([0])
    tick = partial(part_of, progress, begun + 1, total)
    dream = dreamt(network, whole_layer(layer), image, palette, seed=seed, tick=tick)
    _, height, width = size_for(subject, whole_layer(layer), image)
    smaller = F.interpolate(image, (height, width), mode="bilinear", align_corners=False, antialias=True)
    tick = partial(part_of, progress, begun + 2, total)
    drawn = exaggerated(network, layer, smaller, palette, steps=STEPS, seed=seed, tick=tick)
    pictures = palette.shown(dream)[0], palette.shown(drawn)[0]
    return MadeUp(f"Dream of {layer}", pictures[0]), MadeUp(f"Caricature by {layer}", pictures[1])


def _count(subject: Subject, layer: str, image: Tensor) -> int:
    return Reader(subject.network, (layer,), image)(image)[layer].shape[1]


def _classes(subject: Subject, image: Tensor) -> list[int]:
    """Numbers of some classes; [] of a network that answers none of pictures."""
    try:
        answer = Reader(subject.network, (ANSWER,), image)(image)[ANSWER]
    except StriateError:  # objects, or nothing of classes
        return []
    return _spread(answer.shape[1], CLASSES)


def _spread(count: int, most: int) -> list[int]:
    spread: list[int] = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int)).tolist()
    return spread


def part_of(progress: Progress, begun: int, total: int, done: int, of: int) -> None:
    """How far the whole is, in hundredths of a part, while a part of it is being done."""
    progress(100 * begun + 100 * done // of, 100 * total)
