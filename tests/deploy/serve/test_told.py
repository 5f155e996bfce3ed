"""Instances in answers have their pixels as pycocotools reads them."""

import numpy as np
from pycocotools import mask as pycoco

from factories import encoded
from striate.answers.detections import Detected, Detections
from striate.answers.instances import Instance
from striate.deploy.serve import told

CELLS = np.fromfunction(lambda y, x: (np.hypot(y - 13.5, x - 13.5) < 10).astype(np.float32), (28, 28))
BOX = (0.25, 0.1, 0.75, 0.9)
FOUND = Detections("a.png", (Instance("ant", 0.9, BOX, 0, CELLS), Instance("bee", 0.1, BOX, 1, CELLS)))
PICTURE = encoded(np.zeros((50, 80, 3), np.uint8))


def encoded_at(height, width):
    """The first object by pycocotools."""
    mask = np.asfortranarray(FOUND.objects[0].mask_at(height, width).view(np.uint8))
    return {"size": [height, width], "counts": pycoco.encode(mask)["counts"].decode()}


def test_sure_objects_have_pixels_as_pycocotools_encodes_them():
    said = told.told(FOUND, PICTURE)
    sure, unsure = said["objects"]
    assert {key: value for key, value in sure.items() if key != "segmentation"} == FOUND.to_dict()["objects"][0]
    assert sure["segmentation"] == encoded_at(50, 80)
    assert 300 < pycoco.area(sure["segmentation"]) < 1000
    assert "segmentation" not in unsure and "outline" in unsure
    low = told.told(FOUND.above(0.05), PICTURE)
    assert all("segmentation" in each for each in low["objects"])


def test_masks_of_large_pictures_are_made_smaller(monkeypatch):
    monkeypatch.setattr(told, "MOST_MASK_PIXELS", 2000)
    (sure, _) = told.told(FOUND, PICTURE)["objects"]
    assert sure["segmentation"] == encoded_at(25, 40)


def test_other_answers_are_as_predict_has_them():
    boxes = Detections("a.png", (Detected("ant", 0.9, BOX, 0),))
    assert told.told(boxes, b"") == boxes.to_dict()
