"""The weights that a recipe begins with, as a person names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from striate.core.values import converted
from striate.models import BEGINNING_WITH, FILES, OWN, architecture_of
from striate.models.stored import EMBEDDED


def with_weights(changed: dict[str, Any], *, of_pixels: bool = False) -> dict[str, Any]:
    """Fields of a recipe, weights by their whole path, and the model that they are of where none is named.

    of_pixels: whether every pixel is to get a class: weights of whole pictures are the first layers of another network.

    >>> with_weights({"weights": "embedded"}, of_pixels=True)["model"]
    'quick_fcn'
    """
    weights = changed.get("weights")
    if weights is None:
        return changed
    weights = converted("weights", weights, str)
    model = changed.get("model")
    if model is None:
        model = architecture_of(weights)
        model = BEGINNING_WITH.get(model, model) if of_pixels else model
    path = weights if weights in (EMBEDDED, OWN, *FILES) else str(Path(weights).resolve())
    return {"model": model, **changed, "weights": path}
