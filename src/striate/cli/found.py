"""What `predict` does with objects that are found: from which score, and into which files of annotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from striate.core.errors import StriateError

if TYPE_CHECKING:
    from striate.deploy.box_files import BoxFiles
    from striate.deploy.predictor import Predictor

SCORE = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Leave out objects of a lower score; by default 0.3. 0 gives all of them."),
]
BOXES = Annotated[
    str | None,
    typer.Option(
        metavar="FORM=PATH",
        help="Write boxes as coco=FILE, coco_results=FILE, voc=FOLDER, yolo=FOLDER or csv=FILE, for other programs.",
    ),
]
IDS = Annotated[
    Path | None,
    typer.Option(help="With --boxes coco: the COCO file whose numbers of pictures and classes are written."),
]


class Boxes(NamedTuple):
    """How boxes are written: FORM=PATH, and by which COCO file's numbers."""

    told: str | None
    ids: Path | None


@dataclass(frozen=True)
class Found:
    """What becomes of objects that are found. least: the score that they need. files: where their boxes are written."""

    least: float | None
    files: BoxFiles | None

    @classmethod
    def asked_for(
        cls, opened: Predictor, score: float | None, boxes: Boxes, given: Sequence[str], *, resume: bool
    ) -> Found:
        """given: names of the pictures. Raises StriateError where the network finds none, or all boxes are wanted and
        only some are asked.
        """
        from striate.answers.detections import SHOWN_FROM
        from striate.answers.instances import FIND_OBJECTS

        detects = opened.task_name in FIND_OBJECTS
        if score is not None and not detects:
            raise StriateError(f"--score is of objects, and {opened.task_name} finds none; leave it out")
        if boxes.told is None and boxes.ids is not None:
            raise StriateError("--ids says how --boxes numbers; name a file by --boxes coco=FILE too")
        if boxes.told is not None and resume:
            raise StriateError("--boxes writes all boxes at the end, and --resume asks for some; leave one of them out")
        files = None
        if boxes.told is not None:
            from striate.deploy.box_files import BoxFiles

            files = BoxFiles.named(boxes.told, opened.task_name, opened.classes, boxes.ids, given)
        return cls((SHOWN_FROM if score is None else score) if detects else None, files)

    def of(self, answer: Any) -> Any:
        """An answer without what is less sure; its boxes are noted."""
        from striate.deploy.predictions import problem_of

        if self.least is not None and not problem_of(answer):
            answer = answer.above(self.least)
        if self.files is not None:
            self.files.add(answer)
        return answer
