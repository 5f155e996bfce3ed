"""Looking into what answers: where in a picture the reasons for a class lie, and what every layer makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from striate.core.errors import unknown_name
from striate.data.decode import Pixels
from striate.data.working_size import seen_part
from striate.deploy.exported import Exported
from striate.deploy.predictor import Predictor
from striate.visual.occlusion import ASKED, occlusion_map

if TYPE_CHECKING:
    from torch import Tensor

    from striate.deploy.run import Run
    from striate.visual.activations import LayerOutput

AT_ONCE = 16  # pictures with a part covered that are asked about together
FOR_GRADIENTS = 3  # answers that a way forward and back costs about


@dataclass(frozen=True, eq=False)
class Heat:
    """What in a picture speaks for a class, and by which method that was found.

    values: float32 (h, w), 0 to 1, of what the network sees.
    """

    method: str
    values: npt.NDArray[np.float32]


def answers_taken(predictor: Predictor) -> int:
    """About how many answers a heat map costs."""
    return ASKED if isinstance(predictor, Exported) else FOR_GRADIENTS


def heat_of(predictor: Predictor, picture: Pixels, label: str) -> Heat:
    """What in a picture uint8 (h, w, C), at the working size, speaks for a class.

    By Grad-CAM where the network itself is there and has stages of maps; else by occlusion. Raises StriateError for a
    class that is not known.
    """
    if label not in predictor.classes:
        raise unknown_name("class", label, predictor.classes)
    run = _as_run(predictor)
    values = _by_gradients(run, picture, label) if run is not None else None
    return Heat("occlusion", _by_answers(predictor, picture, label)) if values is None else Heat("Grad-CAM", values)


def layers_of(predictor: Predictor, picture: Pixels) -> list[LayerOutput]:
    """What layers make of a picture uint8 (h, w, C), at the working size, from input to output; none of a file."""
    run = _as_run(predictor)
    if run is None:
        return []
    from striate.visual.activations import layer_outputs

    with run.runtime.processor_threads():
        return layer_outputs(run.network, _image(run, picture))


def _as_run(predictor: Predictor) -> Run | None:
    """Torch is not imported for a file that does without."""
    if isinstance(predictor, Exported):
        return None
    from striate.deploy.run import Run

    return predictor if isinstance(predictor, Run) else None


def _image(run: Run, picture: Pixels) -> Tensor:
    """A working picture as a network takes it, (1, C, H, W)."""
    from striate.data.picture import to_batch
    from striate.runtime.inference import network_input

    copied = np.array([picture])  # torch warns of arrays that may not be written
    return network_input(to_batch(copied), run.preprocess, run.runtime)


def _by_gradients(run: Run, picture: Pixels, label: str) -> npt.NDArray[np.float32] | None:
    """Grad-CAM, of a mirrored preprocessing the mean over both; None of a network without stages of maps."""
    from striate.visual.attribution.layer import NoMaps
    from striate.visual.grad_cam import grad_cam

    number = run.classes.index(label)
    try:
        with run.runtime.processor_threads():
            image = _image(run, picture)
            values: npt.NDArray[np.float32] = grad_cam(run.network, image, number)[0]
            if run.preprocess.mirrored:
                values = values + grad_cam(run.network, image.flip(3), number)[0, :, ::-1]
                values /= max(values.max(), 1.0)
    except NoMaps:
        return None
    return values


def _by_answers(predictor: Predictor, picture: Pixels, label: str) -> npt.NDArray[np.float32]:
    """Occlusion."""

    def probabilities(pictures: Pixels) -> npt.NDArray[np.float64]:
        parts = [pictures[start : start + AT_ONCE] for start in range(0, len(pictures), AT_ONCE)]
        classes = len(predictor.classes)
        answers = [each for part in parts for each in predictor.answer(part, [""] * len(part), classes)]
        return np.array([dict(each.top)[label] for each in answers])

    part = seen_part(predictor.preprocess)
    return occlusion_map(picture, part, predictor.preprocess.mean_colour, probabilities)
