"""The weights that a recipe begins with, as a person names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from striate.core.values import converted
from striate.models import FILES, OWN, architecture_of
from striate.models.stored import EMBEDDED


def with_weights(changed: dict[str, Any]) -> dict[str, Any]:
    """Fields of a recipe, weights by their whole path, and the model that they are of where none is named."""
    weights = changed.get("weights")
    if weights is None:
        return changed
    weights = converted("weights", weights, str)
    model = changed.get("model")
    model = architecture_of(weights) if model is None else model
    path = weights if weights in (EMBEDDED, OWN, *FILES) else str(Path(weights).resolve())
    return {"model": model, **changed, "weights": path}
