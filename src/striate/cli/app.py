"""The verbs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from striate.cli import (
    calibrating,
    compare,
    data,
    distance,
    exporting,
    features,
    gradients,
    layer,
    learning,
    look,
    networks,
    planning,
    predicting,
    proposals,
    runs,
    searching,
    serving,
    soup,
    stability,
    step,
    teaching,
    training,
    using,
    watching,
)
from striate.cli.output import say
from striate.core.errors import Interrupted
from striate.core.version import __version__
from striate.core.visible import visible


@contextmanager
def _visible_mistakes() -> Iterator[None]:
    """Words that are no command may be names of files, by a pattern of the shell: they act on no terminal."""
    try:
        yield
    except Exception as error:  # typer's own, whose class is not public
        if hasattr(error, "format_message") and hasattr(error, "message"):
            error.message = visible(error.message)
        raise


class Verbs(TyperGroup):
    """All verbs. A Ctrl-C that none of them handles ends in `main`, not in what typer makes of it."""

    def make_context(self, *words: Any, **more: Any) -> Any:
        """Read what stands before the verb."""
        with _visible_mistakes():
            return super().make_context(*words, **more)

    def invoke(self, ctx: Any) -> Any:
        """Run the verb that was named."""
        try:
            with _visible_mistakes():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("stopped", signal.SIGINT) from None


app = typer.Typer(
    name="striate",
    cls=Verbs,
    help="The workbench for convolutional networks: know the cost, train on your pictures, use the result.",
    epilog="Start with: striate train digits --recipe digits_lenet5",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        say(f"striate {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


app.command("models")(networks.models)
app.command("summary")(networks.summary)
app.command("compare")(compare.compare)
app.command("layer")(layer.layer)
app.command("check-gradients")(gradients.check_gradients)
app.command("check")(data.check)
app.command("proposals")(proposals.proposals)
app.command("learning-curve")(learning.learning_curve)
app.command("plan")(planning.plan)
app.command("train")(training.train)
app.command("search")(searching.search)
app.command("evaluate")(using.evaluate)
app.command("calibrate")(calibrating.calibrate)
app.command("predict")(predicting.predict)
app.command("soup")(soup.soup)
app.command("export")(exporting.export)
app.command("serve")(serving.serve)
app.command("watch")(watching.watch)
app.command("playground")(teaching.playground)
app.command("optimizers")(teaching.optimizers)
app.command("views")(teaching.views)
app.command("features")(features.features)
app.command("look")(look.look)
app.command("step")(step.step)
app.command("distance")(distance.distance)
app.command("stability")(stability.stability)
app.command("runs")(runs.runs)
app.command("doctor")(runs.doctor)
