"""`predict`."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from striate.cli.data import MAX_MEGAPIXELS, allow_megapixels
from striate.cli.found import BOXES, IDS, SCORE, Boxes, Found
from striate.cli.networks import JSON
from striate.cli.output import bar, print_csv, print_json, print_table, say, tell
from striate.cli.using import ANSWERING, DEVICE, ENGINE, MODEL, PRECISION, as_note, name_unreadable
from striate.cli.views import VIEWS, require_torch
from striate.core.commands import shown
from striate.core.errors import Interrupted, StriateError
from striate.core.files import write_json
from striate.core.processor import look_from_now
from striate.core.units import counted

if TYPE_CHECKING:
    from striate.data.left_out import LeftOut
    from striate.data.streaming import Undecoded
    from striate.deploy.answer_pictures import AnswerPictures
    from striate.deploy.predictions import Listed, Prediction
    from striate.deploy.predictor import Predictor

SAID_FROM = 100  # pictures from which a line says what computes
RESUME = Annotated[bool, typer.Option("--resume", help="Go on with the .csv file of --output where it stopped.")]


def predict(
    run: ANSWERING,
    files: Annotated[
        list[Path], typer.Argument(help="Picture files, or folders of them. Runs listed first are averaged with RUN.")
    ],
    top: Annotated[int, typer.Option(min=1, help="How many classes to list.")] = 3,
    model: MODEL = None,
    precision: PRECISION = "auto",
    device: DEVICE = "auto",
    engine: ENGINE = "auto",
    max_megapixels: MAX_MEGAPIXELS = None,
    draw: Annotated[Path | None, typer.Option(help="Write each picture with its answer drawn into it, here.")] = None,
    masks: Annotated[
        Path | None, typer.Option(help="Write the mask of each picture as PNG of class numbers, here.")
    ] = None,
    grid: Annotated[
        int | None, typer.Option(min=1, help="Draw cells of one class each, so many along the longer side.")
    ] = None,
    tiles: Annotated[
        bool, typer.Option("--tiles", help="Answer pictures at their own resolution, in parts that overlap.")
    ] = False,
    views: VIEWS = "centre",
    score: SCORE = None,
    boxes: BOXES = None,
    ids: IDS = None,
    json: JSON = False,
    csv_: Annotated[bool, typer.Option("--csv", help="Print comma-separated lines instead of a table.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write them into this file, .csv or .json.")] = None,
    resume: RESUME = False,
) -> None:
    """Say what is in pictures, and where.

    Of a folder, every picture in it and below is looked at. Files that are no pictures are counted.
    A picture that cannot be read is named and left out; exit status 1 says so.
    --csv prints names as they are, for programs; a .csv file is also for spreadsheets: it begins with the mark of
    UTF-8, and a name that would be a formula there (= + - @) has an apostrophe before it. Boxes are in pixels of the
    picture's file there, as in a table to train on; in JSON they are shares of its width and height. Of a network that
    finds objects, each has a line of its own, and a picture of nothing one line of empty cells.

    Lines of CSV are printed and written as they come. A .csv file that is there already stays until the first pictures
    are answered, then it is replaced. After Ctrl-C or a crash --resume goes on with it: what it answers is not asked
    again, but for the last few pictures. A .json file is written at the end.

    Examples:

    striate predict embedded photo.jpg

    striate predict runs/cats holiday/ --top 3 --json

    striate predict runs/cats holiday/ --output holiday.csv

    striate predict runs/cats holiday/ --output holiday.csv --resume

    striate predict cats.onnx holiday/

    striate predict runs/streets photos/ --draw drawn/ --masks masks/ --csv

    striate predict runs/streets photos/ --draw drawn/ --grid 16

    striate predict runs/boxes photos/ --draw drawn/ --output boxes.csv

    striate predict runs/streets large/ --tiles --masks masks/

    striate predict runs/cells slides/ --score 0.5 --draw drawn/ --output cells.csv

    striate predict runs/cells large/ --tiles --output cells.csv

    striate predict runs/cells slides/ --boxes yolo=found/

    striate predict runs/cells val2017/ --score 0 --boxes coco_results=found.json --ids instances_val2017.json

    striate predict runs/cats holiday/ --engine openvino

    striate predict runs/cats holiday/ --crops 10           (the mean over corners, middle and mirror images)

    striate predict runs/a runs/b runs/c holiday/           (their probabilities averaged)
    """
    look_from_now()
    from striate.deploy.answer_pictures import answer_pictures
    from striate.deploy.given import given_pictures
    from striate.deploy.opened import load
    from striate.deploy.predictions import is_csv
    from striate.deploy.tiles import require_tiles
    from striate.deploy.together import Together, networks_first

    require_torch(views, engine)
    _require_one_form(output, json=json, csv=csv_, resume=resume)
    allow_megapixels(max_megapixels)
    others, files = networks_first(files)
    networks = [load(str(each), precision, model, device, engine) for each in (run, *others)]
    opened: Predictor = Together(networks) if others else networks[0]
    if tiles:
        require_tiles(opened.task_name)
    left_out: list[LeftOut] = []
    given = given_pictures(files, left_out)
    found = Found.asked_for(opened, score, Boxes(boxes, ids), [each.name for each in given], resume=resume)
    kept = answer_pictures(opened.task_name, given, draw, masks, grid)
    asked = Asked(opened, top, kept, found, in_tiles=tiles, views=views)
    if engine == "auto" and views == "centre":
        opened.choose_engine(engine, len(given), tell)
    if engine != "auto" or len(given) >= SAID_FROM:
        tell(f"answered by {opened.engine_words}")
    if output is not None and is_csv(output):
        count, problems = _into_csv(output, asked, given, resume=resume)
        _tell_of_file(output, count, left_out, json=json)
    elif csv_:
        problems = _printed(asked, given)
    elif output is not None or json:
        told = [answer.to_dict() for answer in asked.answers(given)]  # without masks, which may be large
        problems = [f"{each['path']} {each['problem']}" for each in told if each.get("problem")]
        if output is not None:
            write_json(output, told)
            _tell_of_file(output, len(given), left_out, json=json)
        else:
            print_json(told)
    else:
        problems = _print_table_of(asked, given)
    tell(*map(as_note, left_out))
    name_unreadable(problems)


def _require_one_form(output: Path | None, *, json: bool, csv: bool, resume: bool) -> None:
    from striate.deploy.predictions import is_csv, require_output

    if json and csv:
        raise StriateError("--json and --csv exclude each other")
    if csv and output is not None:
        raise StriateError("--csv prints, --output writes a file, as CSV where it ends in .csv; leave one of them out")
    if resume and (output is None or not is_csv(output)):
        raise StriateError("--resume goes on with a file of comma-separated lines; name it by --output, such as a.csv")
    if output is not None:
        require_output(output)


def _tell_of_file(output: Path, count: int, left_out: Sequence[LeftOut], *, json: bool) -> None:
    if json:
        print_json({"output": str(output), "pictures": count, "left_out": [each.to_dict() for each in left_out]})
    else:
        say(f"wrote {output}: {counted(count, 'picture')}")


@dataclass(frozen=True)
class Asked:
    """What is asked, and of whom; kept: where answers are written as pictures; found: what becomes of objects."""

    opened: Predictor
    top: int
    kept: AnswerPictures
    found: Found
    in_tiles: bool
    views: str

    @property
    def listed(self) -> Listed:
        """What a table has of an answer."""
        from striate.deploy.predictions import Listed

        few = Listed(self.opened.task_name, min(self.top, len(self.opened.classes)))
        return few if self.found.least is None else replace(few, least=self.found.least)

    def answers(self, given: Sequence[Undecoded], before: int = 0) -> Generator[Any, None, None]:
        """The answers as they come, with a bar on a terminal until this is closed. before: how many there are."""
        total = before + len(given)
        answers = self.opened.answers(given, self.top, self.in_tiles, self.views)
        with bar("predicting", "pictures") as progress:
            progress(before, total)
            for done, answer in enumerate(map(self.found.of, answers), start=before + 1):
                self.kept.write(given[done - before - 1], answer)
                yield answer
                progress(done, total)
        if self.found.files is not None:
            self.found.files.write()


def _printed(asked: Asked, given: Sequence[Undecoded]) -> list[str]:
    """Print comma-separated lines as they come; say which pictures have no answer."""
    from striate.deploy.predictions import as_rows

    problems = []

    def noted(row: tuple[object, ...]) -> tuple[object, ...]:
        if row[-1]:
            problems.append(f"{row[0]} {row[-1]}")
        return row

    with closing(asked.answers(given)) as answers:
        rows = as_rows(answers, asked.listed)
        print_csv(chain([next(rows)], map(noted, rows)))  # the heading is no picture's
    return problems


def _into_csv(path: Path, asked: Asked, given: Sequence[Undecoded], *, resume: bool) -> tuple[int, list[str]]:
    """Answer pictures into a file, as they come. Returns how many it holds, and what there is to say of some."""
    from striate.deploy.answer_file import AnswerFile, go_on

    file, left = go_on(path, given, asked.opened, asked.listed) if resume else (AnswerFile(path), given)
    total = file.answered + len(left)
    try:
        if left:
            with closing(asked.answers(left, file.answered)) as answers:
                file.write(answers, asked.listed)
    except KeyboardInterrupt:
        text = f"stopped after {file.answered:,} of {counted(total, 'picture')}"
        if file.answered:
            text += f"; {path} holds {'it' if file.answered == 1 else 'them'}; go on with: {_going_on()}"
        raise Interrupted(text, signal.SIGINT) from None
    return file.answered, file.problems


def _going_on() -> str:
    """The command that was given, with --resume."""
    words = sys.argv[1:]
    if "--resume" not in words:
        words.insert(words.index("--") if "--" in words else len(words), "--resume")
    return shown(shlex.join(["striate", *words]))


def _print_table_of(asked: Asked, given: Sequence[Undecoded]) -> list[str]:
    """Print a table of the answers, of which those that say what they are in a line are not kept; say the problems."""
    from striate.answers import TOLD
    from striate.deploy.predictions import problem_of

    problems, lines, answers = [], [], []
    in_words = TOLD.get(asked.opened.task_name)
    for each in asked.answers(given):
        if problem := problem_of(each):
            problems.append(f"{each.path} {problem}")
        elif in_words is not None:
            lines.append((each.path, in_words(each, asked.top)))
        else:
            answers.append(each)
    if lines:
        print_table(("picture", "answer"), lines)
    elif answers:
        _print_predictions(answers, asked.opened.task_name)
    return problems


def _print_predictions(answers: list[Any], task: str) -> None:
    """A table of answers; of another task than classification, whatever they say of themselves."""
    from striate.deploy.predictions import CLASSIFICATION, Listed, as_rows

    if task == CLASSIFICATION:
        _print_classes(answers)
        return
    (_, *columns, _), *rows = as_rows(answers, Listed(task, 1))
    cells = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row[:-1]] for row in rows]
    print_table(("picture", *map(str, columns)), cells)


def _print_classes(predictions: list[Prediction]) -> None:
    rows = [
        (
            p.path,
            p.label or "",
            f"{p.probability:.1%}",
            ", ".join(f"{name} {value:.1%}" for name, value in p.ranked[1:]),
        )
        for p in predictions
        if p.probability is not None
    ]
    shown = 4 if any(row[3] for row in rows) else 3  # with --top 1 there is nothing next
    columns = ("picture", "label", "probability", "next")
    print_table(columns[:shown], [row[:shown] for row in rows], numeric=("probability",))
