"""`step`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from striate.cli.data import MAX_MEGAPIXELS, allow_megapixels
from striate.cli.networks import JSON
from striate.cli.output import print_json, print_table, say
from striate.cli.using import MODEL, RUN
from striate.core.errors import StriateError

if TYPE_CHECKING:
    from striate.report.step import StepThrough


def step(
    run: RUN,
    picture: Annotated[str, typer.Argument(help="The picture; of a data set or a folder, the first.")],
    layer: Annotated[str | None, typer.Option(help="Such as conv1; all are listed when not given.")] = None,
    at: Annotated[str | None, typer.Option(help="C,Y,X in its output; the largest number's if not given.")] = None,
    of_class: Annotated[str | None, typer.Option("--class", help="Name or number; the likeliest if not given.")] = None,
    rate: Annotated[float, typer.Option(help="Of the update.")] = 0.01,
    model: MODEL = None,
    output: Annotated[Path, typer.Option(help="The page to write.")] = Path("step.html"),
    max_megapixels: MAX_MEGAPIXELS = None,
    json: JSON = False,
) -> None:
    """Step through one number of a layer: its window, weights, products and sum, its gradients, one weight's update.

    Every number is computed from those shown and held against torch's. Writes an offline page.

    Examples:

    striate step embedded photo.jpg

    striate step embedded photo.jpg --layer layer1.0.conv1 --at 3,5,7 --output step.html

    striate step runs/cats photo.jpg --layer fc --class tabby --json
    """
    from striate.core.files import require_writable
    from striate.deploy.any_network import any_module
    from striate.report.step import step as work_out
    from striate.report.step import steps_of

    allow_megapixels(max_megapixels)
    network = any_module(str(run), model)
    if layer is None:
        layers = steps_of(network, picture)
        if json:
            print_json([{"layer": each.label, "operation": each.name, "shape": each.shape} for each in layers])
            return
        rows = [(each.label, each.name, "x".join(map(str, each.shape[1:]))) for each in layers]
        print_table(("layer", "operation", "gives"), rows)
        return
    require_writable(output)
    found = work_out(network, picture, layer, _place(at), of_class=of_class, rate=rate)
    found.write(output)
    if json:
        print_json({**found.to_dict(), "output": str(output)})
        return
    _show(found)
    say(f"wrote {output}")


def _place(text: str | None) -> tuple[int, ...] | None:
    parts = [] if text is None else [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise StriateError(f"--at takes whole numbers from 0 with commas between, such as 3,5,7, got {text!r}")
    return tuple(map(int, parts)) if text is not None else None


def _show(found: StepThrough) -> None:
    step = found.step
    say(f"{step.layer} ({step.name}): {step.worked.formula}")
    rows = [(name, f"{value:.8g}") for name, value in step.worked.steps]
    rows += [
        ("the number", f"{step.worked.value:.8g}"),
        ("torch's", f"{step.torch_value:.8g}"),
        (f"score of {found.class_name}", f"{step.score:.8g}"),
        ("its gradient by the number", f"{step.gradient:.8g}"),
    ]
    if update := step.update:
        where = ",".join(map(str, update.place))
        rows += [(f"{update.name} at {where}", f"{update.value:.8g}"), ("after one step", f"{update.new:.8g}")]
        rows += [("score then", f"{update.after:.8g}")]
    print_table(("what", "number"), rows, numeric=("number",))
