"""Pictures in the plane by what a shallow and a deep layer make of them: the figure of DeCAF.

Donahue et al., "DeCAF", arXiv:1310.1531, figure 1: the deeper layer parts the classes, the shallow one does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.cluster import AgglomerativeClustering
from torch import Tensor, nn

from striate.core.errors import StriateError
from striate.models.linear_probe import pooled
from striate.visual.attribution.layer import kept_outputs
from striate.visual.embedding import Plane, embedding_map, principal_components
from striate.visual.neighbours import Vectors, nearest_neighbours

NEIGHBOURS = 5
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """A layer's features of N pictures, (N, channels), and their places in the unit square, (N, 2), by two methods."""

    layer: str
    features: Vectors
    pca: Plane
    tsne: Plane


def pooled_features(network: nn.Module, batches: Iterable[Tensor], layers: tuple[str, ...]) -> dict[str, Vectors]:
    """What layers give for batches of images (n, C, H, W), averaged over places: (N, channels) each.

    Raises StriateError for a layer that is not called or gives no maps.
    """
    rows: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    for images in batches:
        with torch.no_grad(), kept_outputs(network, layers) as kept:
            network(images)
        for layer in layers:
            if layer not in kept or len(kept[layer]) != len(images):
                raise StriateError(f"layer {layer!r} gives no features of pictures when the network answers")
            rows[layer].append(pooled(kept[layer], images.shape[2:]).float().cpu())
    return {layer: torch.cat(parts).numpy() for layer, parts in rows.items()}


def feature_map(layer: str, features: Vectors, seed: int = 0) -> FeatureMap:
    """Both maps of a layer's features. Raises StriateError for fewer than 4 pictures.

    >>> drawn = np.random.default_rng(0).normal(size=(12, 5))
    >>> feature_map("layer1", drawn).pca.shape
    (12, 2)
    """
    tsne = embedding_map(features, seed)
    components = principal_components(features, 2)
    plane = np.zeros((len(features), 2))
    plane[:, : components.shape[1]] = components
    plane -= plane.min(0)
    return FeatureMap(layer, features, plane / max(float(plane.max()), 1e-12), tsne)


def neighbours_accuracy(vectors: Vectors, labels: Labels, count: int = NEIGHBOURS) -> float:
    """The share of pictures whose class is that of most of their nearest others, by Euclidean distance.

    Of equally many, that of the nearer one.

    >>> neighbours_accuracy(np.array([[0.0], [0.1], [0.2], [9.0], [9.1], [9.2]]), np.array([0, 0, 0, 1, 1, 1]), 2)
    1.0
    """
    from sklearn.neighbors import NearestNeighbors

    count = min(count, len(vectors) - 1)
    _, rows = NearestNeighbors(n_neighbors=count).fit(vectors).kneighbors()
    of_neighbours = labels[rows]
    votes = (of_neighbours[:, :, None] == of_neighbours[:, None, :]).sum(2)
    answered = of_neighbours[np.arange(len(labels)), votes.argmax(1)]
    return float((answered == labels).mean())


def others_alike(features: Vectors, count: int = NEIGHBOURS) -> npt.NDArray[np.int64]:
    """Of each picture the others that are nearest by cosine, (N, count), nearest first."""
    rows, _ = nearest_neighbours(features, features, min(count + 1, len(features)))
    found = [[row for row in of_one if row != place][:count] for place, of_one in enumerate(rows.tolist())]
    return np.array(found, np.int64)


def groups_of_classes(features: Vectors, labels: Labels, most: int) -> dict[int, int]:
    """The group of each class that has pictures: those whose means are near each other are one, of at most so many.

    Ward, "Hierarchical grouping to optimize an objective function", JASA 58 (1963).

    >>> groups_of_classes(np.array([[0.0], [0.1], [5.0]]), np.array([4, 7, 9]), most=2)
    {4: 0, 7: 0, 9: 1}
    """
    classes = np.unique(labels[labels >= 0])
    if len(classes) <= most:
        return {number: group for group, number in enumerate(classes.tolist())}
    means = np.stack([features[labels == number].mean(0) for number in classes])
    found = AgglomerativeClustering(n_clusters=most).fit_predict(means)
    order: dict[int, int] = {}
    return {
        number: order.setdefault(int(group), len(order)) for number, group in zip(classes.tolist(), found, strict=True)
    }
