"""Weights of every kind, given to a network: a run's, the packaged ones, published ones, those of a file."""

from __future__ import annotations

from pathlib import Path

from striate.core.errors import StriateError
from striate.models.imagenet import FILES, fetch_published, published
from striate.models.network import Network
from striate.models.stored import Stored, read_stored, stored_folder
from striate.models.weight_files import read_weights
from striate.models.weights import begin, classes_in, fit_in, named_for


def load(model: Network, weights: str | Path, classes: int | None, size: tuple[int, int] | None) -> None:
    """Give a network the weights that a person names, as `create_model` has them.

    Raises StriateError for weights of another network, and for those that do not fit.
    """
    path = Path(weights)
    if (folder := stored_folder(weights)) is not None:
        stored = read_stored(folder)
        _require_same(model, stored)
        tensors = stored.tensors()
        if stored.architecture == model.begins_with:
            model.begin_with(tensors)
            return
        model.preprocess = stored.preprocess if size is None else stored.preprocess.at(size)
        model.class_names = stored.classes if classes in (None, len(stored.classes)) else ()
    else:
        if isinstance(weights, str) and weights in FILES:
            entry = published(model.begins_with or model.architecture, weights)
            path = fetch_published(entry.file)
            if size is None and not model.begins_with:
                model.preprocess = model.preprocess.at((224, 224), (entry.resize, entry.resize))
        read = read_weights(path)
        if model.begins_with and not any(name.endswith(f"{model.classifier_name}.weight") for name in read):
            begin(model, read, str(path))
            return
        tensors = named_for(model, read, str(path))
    found = classes_in(model, tensors)
    if classes is None and found is not None:
        model.reset_classifier(found)
    fit_in(model, tensors, source=str(path), new_head=classes is not None)


def _require_same(model: Network, stored: Stored) -> None:
    """Raise StriateError unless stored weights are those of just this network."""
    if stored.layers:
        raise StriateError(
            f"{stored.folder} is a probe of {stored.architecture}; take the weights that it was made from"
        )
    known = (model.architecture, model.begins_with)
    if stored.architecture not in known and not (stored.config.code and model.written):
        raise StriateError(
            f"the weights in {stored.folder} are those of {stored.architecture}, not of {model.architecture}; "
            "name that network or other weights"
        )
