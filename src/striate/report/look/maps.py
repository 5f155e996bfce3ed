"""The part of maps: pictures in the plane by a shallow and a deep layer, and the nearest others of each."""

from __future__ import annotations

import numpy as np
from PIL import Image

from striate.core.errors import StriateError
from striate.core.units import counted
from striate.data.decode import Pixels
from striate.data.scan import Progress
from striate.report.colours import FAMILIES
from striate.report.look.part import Found
from striate.report.look.subject import Subject
from striate.report.pictures import data_uri
from striate.visual.attribution.layer import stage_paths
from striate.visual.attribution.score import in_evaluation
from striate.visual.feature_maps import (
    FeatureMap,
    feature_map,
    groups_of_classes,
    neighbours_accuracy,
    others_alike,
    pooled_features,
)

THUMBNAIL_PX = 40
NAMED_OF_A_GROUP = 6


def look_at_maps(subject: Subject, progress: Progress) -> Found:
    """Both maps of the first and the last stage, coloured by class or group of classes; k-NN accuracies; neighbours."""
    sample = subject.sample
    steps = 4
    with in_evaluation(subject.network, subject.seed):
        stages = stage_paths(subject.network, sample.images([0]))
        if len(stages) < 2:
            raise StriateError("maps are of a shallow and a deep layer, and this network has no two stages of maps")
        layers = (stages[0], stages[-1])
        features = pooled_features(subject.network, sample.batches(), layers)
    maps = []
    for done, layer in enumerate(layers, start=1):
        progress(done, steps)
        maps.append(feature_map(layer, features[layer], subject.seed))
    progress(3, steps)
    group_of = groups_of_classes(features[layers[-1]], sample.kinds, len(FAMILIES))
    accuracies = [_accuracies(subject, each) for each in maps]
    alike = others_alike(features[layers[-1]])
    progress(steps, steps)
    groups = _groups(subject, group_of)
    values = {
        "maps": maps,
        "sentences": [_sentence(subject, each, found) for each, found in zip(maps, accuracies, strict=True)],
        "colours": [group_of.get(int(label)) for label in sample.kinds],
        "titles": [_title(subject, place) for place in range(len(sample))],
        "thumbnails": [_thumbnail(pixels) for pixels in sample.shown],
        "alike": alike.tolist(),
        "groups": groups,
        "px": THUMBNAIL_PX,
    }
    facts = {
        "layers": [
            {"layer": each.layer, "neighbours_accuracy": found} for each, found in zip(maps, accuracies, strict=True)
        ],
        "groups": groups,
        "nearest": {
            sample.names[place]: [sample.names[other] for other in others] for place, others in enumerate(alike)
        },
    }
    return Found(values, facts)


def _accuracies(subject: Subject, found: FeatureMap) -> dict[str, float]:
    """Of the features and of both maps, over the pictures whose class is known; {} where fewer than two are."""
    labels = subject.sample.kinds
    known = labels >= 0
    if known.sum() < 2:
        return {}
    of = {"features": found.features, "t-SNE": found.tsne, "PCA": found.pca}
    return {name: neighbours_accuracy(np.asarray(each)[known], labels[known]) for name, each in of.items()}


def _sentence(subject: Subject, found: FeatureMap, accuracies: dict[str, float]) -> str:
    if not accuracies:
        return f"of {found.layer} nothing says how well it parts classes: nobody says the classes of these pictures"
    return (
        f"By {found.layer} the nearest pictures tell the class of {accuracies['features']:.1%} by its features, of "
        f"{accuracies['t-SNE']:.1%} on its map by t-SNE and of {accuracies['PCA']:.1%} on that by PCA"
    )


def _groups(subject: Subject, group_of: dict[int, int]) -> list[str]:
    """What each colour stands for."""
    members: dict[int, list[str]] = {}
    for number, group in group_of.items():
        members.setdefault(group, []).append(subject.sample.kind_name(number))
    return [_listed(members[group]) for group in sorted(members)]


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED_OF_A_GROUP
    shown = ", ".join(names[:NAMED_OF_A_GROUP])
    return f"{shown} and {counted(more, 'other')}" if more > 0 else shown


def _title(subject: Subject, place: int) -> str:
    label = int(subject.sample.kinds[place])
    name = subject.sample.names[place]
    return f"{name}: {subject.sample.kind_name(label)}" if label >= 0 else name


def _thumbnail(pixels: Pixels) -> str:
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    picture.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    return data_uri(picture, "JPEG")
