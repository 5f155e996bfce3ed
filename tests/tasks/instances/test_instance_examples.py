"""Pictures of a report on instances: masks lie where they are, in the colours of true, answered and missed ones."""

from types import SimpleNamespace

import numpy as np
import torch

from striate.answers.box_drawing import FOUND, TRUE
from striate.answers.instances import OPACITY
from striate.data.boxes.outlines import polygons
from striate.data.targets.boxes import BoxBatch
from striate.models.instances.instances import MASK_SIDE, Instances
from striate.tasks.detection.examples import MISSED_BOX
from striate.tasks.instances.examples import costliest_errors
from striate.tasks.instances.metric import InstanceMetric

HEIGHT, WIDTH, GREY = 120, 160, 100
LEFT_ONE, RIGHT_ONE = (20.0, 20.0, 60.0, 60.0), (100.0, 70.0, 140.0, 110.0)


def evaluated():
    """A picture of two objects, of one of which the upper half is found, and of the other nothing."""
    corners = [[x for at in ((0, 1), (2, 1), (2, 3), (0, 3)) for x in (box[at[0]], box[at[1]])]
               for box in (LEFT_ONE, RIGHT_ONE)]  # fmt: skip
    objects, masks = torch.zeros(1, 100, 6), torch.zeros(1, 100, MASK_SIDE, MASK_SIDE)
    objects[0, 0] = torch.tensor([*(e / s for e, s in zip(LEFT_ONE, (WIDTH, HEIGHT) * 2, strict=True)), 0.9, 0])
    masks[0, 0, : MASK_SIDE // 2] = 1
    batch = BoxBatch(
        torch.tensor([LEFT_ONE, RIGHT_ONE]), torch.zeros(2, dtype=torch.int64), torch.zeros(2, dtype=torch.int64), 1,
        (HEIGHT, WIDTH), torch.zeros(2, dtype=torch.bool), torch.tensor([[HEIGHT, WIDTH]]).float(),
        outlines=tuple(polygons([each]) for each in corners),
    )  # fmt: skip
    metric = InstanceMetric(("ant",))
    metric.add(Instances(objects, masks).rows, batch)
    pictures = SimpleNamespace(
        name=lambda _index: "a.png", decode=lambda *_: np.full((HEIGHT, WIDTH, 3), GREY, np.uint8)
    )
    return metric.result(), SimpleNamespace(pictures=pictures), np.array([0])


def test_masks_lie_in_the_picture():
    shown = {each.kind: each.pixels for each in costliest_errors(*evaluated())}
    well, missed = shown["right"], shown["missed"]
    assert well.shape == (240, 320, 3)  # all of it, twice as large

    def over(*colours):
        pixel = np.full(3, float(GREY))
        for colour in colours:
            pixel = (pixel * (1 - OPACITY) + np.array(colour) * OPACITY).round()
        return tuple(pixel.astype(int))

    assert tuple(well[60, 80]) == over(TRUE, FOUND)
    assert tuple(well[100, 80]) == over(TRUE)
    assert tuple(well[100, 30]) == (GREY,) * 3
    assert tuple(well[180, 240]) == over(TRUE)
    assert (missed == over(TRUE, MISSED_BOX)).all(2).mean() > 0.05
