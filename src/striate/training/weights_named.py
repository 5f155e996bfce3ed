"""The weights that a recipe begins with, as a person names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from striate.answers.classes import CLASSIFICATION
from striate.core.values import converted
from striate.models import FILES, OWN, architecture_of
from striate.models.for_tasks import beginning_with
from striate.models.stored import EMBEDDED


def with_weights(changed: dict[str, Any], task: str = CLASSIFICATION) -> dict[str, Any]:
    """Fields of a recipe, weights by their whole path, and the model that they are of where none is named.

    task: what is to be learned: for another one than classification, weights of a classifier are layers of another
    network.

    >>> [with_weights({"weights": "embedded"}, task)["model"] for task in ("segmentation", "localisation")]
    ['quick_fcn', 'quick_regnet26+box']
    """
    weights = changed.get("weights")
    if weights is None:
        return changed
    weights = converted("weights", weights, str)
    model = changed.get("model")
    if model is None:
        model = beginning_with(architecture_of(weights), task)
    path = weights if weights in (EMBEDDED, OWN, *FILES) else str(Path(weights).resolve())
    return {"model": model, **changed, "weights": path}
