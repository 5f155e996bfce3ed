"""Packages that come with an extra of Striate: whether they are there, and the sentence where they are not."""

from __future__ import annotations

import importlib.util

from striate.core.errors import StriateError

EXTRA_OF = {
    "cv2": "classic",
    "fastapi": "serve",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "onnxscript": "onnx",
    "openvino": "openvino",
    "optuna": "search",
    "prometheus_client": "serve",
    "pyarrow": "parquet",
    "python_multipart": "serve",
    "swagger_ui_bundle": "serve",
    "tensorboard": "tensorboard",
    "uvicorn": "serve",
    "yaml": "yaml",
}
"""By the name that is imported, the extra of pyproject.toml that brings a package."""


def installed(package: str) -> bool:
    """Whether a package is there, without importing it.

    >>> installed("numpy"), installed("nothing_of_the_kind")
    (True, False)
    """
    return importlib.util.find_spec(package) is not None


def require_packages(needing: str, *packages: str, otherwise: str = "") -> None:
    """Raise StriateError, with what to install, unless all packages are there.

    needing: how the sentence begins, such as "onnx files need". packages: of EXTRA_OF. otherwise: how it ends, where
    there is something else to do.
    """
    missing = [package for package in packages if not installed(package)]
    if not missing:
        return
    noun, verb, pronoun = ("package", "is", "it") if len(missing) == 1 else ("packages", "are", "them")
    extras = ",".join(dict.fromkeys(EXTRA_OF[package] for package in missing))
    raise StriateError(
        f"{needing} the {noun} {', '.join(missing)}, which {verb} not installed; install {pronoun} with: "
        f"pip install 'striate[{extras}]'{otherwise}"
    )
