"""Features in the plane: pictures that a network finds alike lie near each other.

Van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 9 (2008).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError

Vectors = npt.NDArray[np.floating]
Plane = npt.NDArray[np.float64]

COMPONENTS = 50  # section 4.2: principal components that t-SNE is given
USUAL_PERPLEXITY = 30.0
FEWEST = 4


def embedding_map(features: Vectors, seed: int = 0) -> Plane:
    """Places of pictures in the unit square, (N, 2), by t-SNE of their features (N, dimensions).

    Features are standardised and reduced to 50 principal components first. Distances between far groups and the
    sizes of groups mean nothing. The same features and seed give the same map on one machine.
    Raises StriateError for fewer than 4 pictures.

    >>> heaps = np.repeat(np.eye(2) * 9, 10, axis=0) + np.random.default_rng(0).normal(size=(20, 2))
    >>> places = embedding_map(heaps)
    >>> places.shape, float(places.min()), float(places.max())
    ((20, 2), 0.0, 1.0)
    """
    from sklearn.manifold import TSNE

    if len(features) < FEWEST:
        raise StriateError(f"a map needs at least {FEWEST} pictures, got {len(features)}")
    components = principal_components(features)
    perplexity = min(USUAL_PERPLEXITY, (len(features) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init=started(components, seed), random_state=seed)
    places = tsne.fit_transform(components.astype(np.float32)).astype(np.float64)
    low = places.min(0)
    square: Plane = (places - low) / max(float((places - low).max()), 1e-12)
    return square


def principal_components(features: Vectors, components: int = COMPONENTS) -> Plane:
    """The strongest directions of standardised features, (N, at most `components`), strongest first.

    A feature that is the same in all pictures counts for nothing.

    >>> principal_components(np.array([[0.0, 5, 1], [2, 5, 3], [4, 5, 5]])).shape
    (3, 3)
    """
    centred = features.astype(np.float64) - features.mean(0)
    spread = centred.std(0)
    scaled = np.where(spread > 1e-9 * max(1.0, float(spread.max())), centred / np.maximum(spread, 1e-12), 0.0)
    left, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    found: Plane = left[:, :components] * sizes[:components]
    return found


def started(components: Plane, seed: int) -> npt.NDArray[np.float32]:
    """Where t-SNE begins: the first two components, small, slightly shaken so that equal pictures may part.

    Source of beginning with components: Kobak and Berens, Nature Communications 10 (2019), arXiv:1902.05804.
    """
    begun = np.zeros((len(components), 2))
    begun[:, : components.shape[1]] = components[:, :2]
    scale = max(float(begun[:, 0].std()), 1e-12)
    shaken = begun / scale * 1e-4 + np.random.default_rng(seed).normal(0, 1e-6, begun.shape)
    return shaken.astype(np.float32)
