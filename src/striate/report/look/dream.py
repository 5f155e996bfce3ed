"""One picture as a layer of a network dreams of it, and as it draws it: a page of its own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn

from striate.core.records import Preprocess
from striate.data.decode import read_size
from striate.data.scan import Progress
from striate.deploy.given import Picture
from striate.deploy.preprocessing import Preprocessing
from striate.deploy.run import Run
from striate.models.network import Network
from striate.report.look.look import Looked, Watching, silently
from striate.report.look.part import Found, Part
from striate.report.look.subject import Choice, Subject, subject_of
from striate.report.look.visualisation import MadeUp, size_for
from striate.visual.attribution.score import in_evaluation
from striate.visual.dreams.objectives import whole_layer
from striate.visual.dreams.octaves import dreamt, exaggerated, takes_size
from striate.visual.dreams.reading import Reader

LONGEST_PX = 448
"""Longer side of a dream; larger pictures are made smaller."""
SHOWN_PX = 448
LEAST_PX = 16


def dream(
    looked_at: Run | nn.Module, picture: Picture, layer: str, *, seed: int = 0, watching: Watching = silently
) -> Looked:
    """A picture as a layer of a network dreams of it, and a caricature of it; `write` of the record makes a page.

    looked_at: as to `striate.look`. picture: a file, Pillow's or an array, which keeps its proportions where the
    network takes them. layer: path of a module that gives maps. seed: of all that is drawn. watching: as to
    `striate.look`. Raises StriateError for a file that is no picture, and for a layer that is not there, with the
    nearest that is.

    >>> from striate.models import create_model
    >>> dream(create_model("lenet5"), np.zeros((40, 32), np.uint8), "features.c3").to_dict()["parts"]
    {'dream': {'layer': 'features.c3', 'picture': 'the picture', 'size': [40, 32]}}
    """
    subject = subject_of(looked_at, None, Choice(), seed)
    assert isinstance(subject.network, Network)  # noqa: S101 - see `subject_of`
    preprocess = looked_at.preprocess if isinstance(looked_at, Run) else subject.network.preprocess
    part = Part("dream", f"What {layer} sees", "look/dream.html", partial(_dreamt, picture, layer, preprocess))
    with watching("dreaming") as progress:
        return Looked(subject, ((part, part.look(subject, progress)),), shown=_named(picture))


def _dreamt(picture: Picture, layer: str, preprocess: Preprocess, subject: Subject, progress: Progress) -> Found:
    network, palette = subject.network, subject.palette
    with in_evaluation(network, subject.seed):
        image = _image(picture, layer, preprocess, subject)
        made = dreamt(network, whole_layer(layer), image, palette, seed=subject.seed, tick=partial(_half, progress, 0))
        _, height, width = size_for(subject, whole_layer(layer), image)
        smaller = F.interpolate(image, (height, width), mode="bilinear", align_corners=False, antialias=True)
        drawn = exaggerated(network, layer, smaller, palette, seed=subject.seed, tick=partial(_half, progress, 1))
    progress(2, 2)
    name = _named(picture)
    told = ("The picture", f"A dream of {layer}", f"A caricature by {layer}")
    pictures = [MadeUp(words, palette.shown(each)[0]) for words, each in zip(told, (image, made, drawn), strict=True)]
    facts = {"layer": layer, "picture": name, "size": list(image.shape[2:])}
    return Found({"pictures": pictures, "picture": name, "layer": layer, "px": SHOWN_PX}, facts)


def _named(picture: Picture) -> str:
    return str(picture) if isinstance(picture, str | Path) else "the picture"


def _image(picture: Picture, layer: str, preprocess: Preprocess, subject: Subject) -> Tensor:
    """The picture as the network takes it, (1, C, H, W), in its own proportions where the layer takes these."""
    as_trained = Preprocessing.of(preprocess)(picture)[None].to(next(subject.network.parameters()).device)
    Reader(subject.network, (layer,), as_trained)  # whether the layer is there
    height, width = read_size(Path(picture)) if isinstance(picture, str | Path) else np.asarray(picture).shape[:2]
    scale = min(1.0, LONGEST_PX / max(height, width))
    size = (max(LEAST_PX, round(height * scale)), max(LEAST_PX, round(width * scale)))
    if not takes_size(subject.network, whole_layer(layer), as_trained, size):
        return as_trained
    own = Preprocessing.of(replace(preprocess, size=size, resize=size, fit="stretch"))
    return own(picture)[None].to(as_trained)


def _half(progress: Progress, half: int, done: int, total: int) -> None:
    progress(half * total + done, 2 * total)
