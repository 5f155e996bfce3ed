"""Proposals that OpenCV makes, whose contributed modules the extra `classic` brings."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from striate.core.errors import StriateError
from striate.core.extras import require_packages
from striate.data.decode import Pixels
from striate.ops.thin_edges import thin_edges

Boxes = npt.NDArray[np.float32]

MOST_EDGE_BOXES = 2000
BING_FILES = tuple(
    f"ObjNessB2W8{colours}.{part}.yml.gz" for colours in ("MAXBGR", "HSV", "I") for part in ("wS1", "wS2", "idx")
)
"""What OpenCV reads of a trained BING, in three colour spaces."""


def opencv() -> Any:
    """OpenCV. Raises StriateError where it is missing, or has come without the contributed modules."""
    require_packages("proposals by OpenCV need", "cv2")
    import cv2

    if not hasattr(cv2, "ximgproc") or not hasattr(cv2, "saliency"):
        raise StriateError(
            f"OpenCV {cv2.__version__} is installed without its contributed modules, which proposals need; replace it: "
            "pip uninstall opencv-python opencv-python-headless, then pip install 'striate[classic]'"
        )
    return cv2


def opencv_selective_search(picture: Pixels, *, quality: bool = False) -> Boxes:
    """OpenCV's own selective search, in its fast mode or the other; as `proposals_of` gives boxes."""
    search = opencv().ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(np.ascontiguousarray(picture[..., ::-1]))
    if quality:
        search.switchToSelectiveSearchQuality()
    else:
        search.switchToSelectiveSearchFast()
    return _edges_of(search.process(), picture.shape[:2])


def edge_boxes(picture: Pixels) -> Boxes:
    """Boxes that hold contours whole: Zitnick and Dollar, "Edge boxes", ECCV 2014, on edges of Sobel's operator.

    The paper's edges come of a trained forest, which OpenCV does not bring; gradients, thinned, take their place.
    """
    search = opencv().ximgproc.createEdgeBoxes()
    search.setMaxBoxes(MOST_EDGE_BOXES)
    found, _ = search.getBoundingBoxes(*thin_edges(picture))
    return _edges_of(found, picture.shape[:2])


def bing(picture: Pixels, trained: Path) -> Boxes:
    """Boxes by binarised gradients: Cheng et al., "BING", CVPR 2014. trained: the folder of `BING_FILES`.

    Raises StriateError where one of the files is missing.
    """
    search = opencv().saliency.ObjectnessBING_create()
    require_bing(trained)
    search.setTrainingPath(str(trained))
    with _quiet_output():
        _, found = search.computeSaliency(np.ascontiguousarray(picture[..., ::-1]))
        values = np.asarray(search.getobjectnessValues())
    corners = np.asarray([] if found is None else found, np.float32).reshape(-1, 4)
    ordered = corners[np.argsort(-values, kind="stable")]
    return _inside(ordered, picture.shape[:2])


def require_bing(trained: Path | None) -> None:
    """Raise StriateError unless a folder holds all that BING has learned."""
    missing = BING_FILES if trained is None else [name for name in BING_FILES if not (trained / name).is_file()]
    if missing:
        where = "no folder was given" if trained is None else f"{trained} lacks {missing[0]}"
        raise StriateError(
            f"bing needs what it has learned, {len(BING_FILES)} files such as {BING_FILES[0]} that OpenCV's package "
            f"does not bring, and {where}; name the folder by --trained, as opencv_contrib has it in "
            "modules/saliency/samples/ObjectnessTrainedModel"
        )


def digest_of(trained: Path) -> str:
    """What tells trained files from others, as hexadecimal text."""
    digest = hashlib.blake2b(digest_size=8)
    for name in BING_FILES:
        digest.update((trained / name).read_bytes())
    return digest.hexdigest()


def _edges_of(found: npt.NDArray[Any], size: tuple[int, int]) -> Boxes:
    """Boxes of left, top, width and height by their edges."""
    boxes = np.asarray(found, np.float32).reshape(-1, 4).copy()
    boxes[:, 2:] += boxes[:, :2]
    return _inside(boxes, size)


def _inside(boxes: Boxes, size: tuple[int, int]) -> Boxes:
    """Boxes cut at the picture's edges, those that are not empty, each once, in their order."""
    height, width = size
    cut = boxes.clip(0, np.array([width, height, width, height], np.float32))
    cut = cut[(cut[:, 2:] > cut[:, :2]).all(1)]
    _, first = np.unique(cut, axis=0, return_index=True)
    return cut[np.sort(first)]


@contextmanager
def _quiet_output() -> Iterator[None]:
    """The context in which what is written to standard output, by C++ too, is lost: BING tells its times there."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
