"""The pictures that a network finds most alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError

Vectors = npt.NDArray[np.floating]


def nearest_neighbours(
    queries: Vectors, among: Vectors, count: int = 5
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Rows of `among` nearest to each query by cosine, (Q, count), and their cosines, nearest first.

    queries: (Q, dimensions). among: (N, dimensions). Of equally near ones the first row comes first.
    Raises StriateError when `among` has fewer rows than are asked for.

    >>> rows, cosines = nearest_neighbours(np.array([[1.0, 0]]), np.array([[0.0, 1], [2, 0], [1, 1]]), count=2)
    >>> rows.tolist(), cosines.round(2).tolist()
    ([[1, 2]], [[1.0, 0.71]])
    """
    if not 1 <= count <= len(among):
        raise StriateError(f"count must be between 1 and {len(among)}, the pictures there are, got {count}")
    cosines_QN = unit(queries) @ unit(among).T
    rows = np.argsort(-cosines_QN, axis=1, kind="stable")[:, :count]
    return rows, np.take_along_axis(cosines_QN, rows, axis=1)


def unit(vectors: Vectors) -> npt.NDArray[np.float64]:
    """Vectors (N, dimensions) of length 1; one of length 0 stays.

    >>> unit(np.array([[3.0, 4], [0, 0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    wide = vectors.astype(np.float64)
    scaled: npt.NDArray[np.float64] = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    return scaled
