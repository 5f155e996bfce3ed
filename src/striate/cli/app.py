"""The verbs."""

from __future__ import annotations

import typer

from striate.cli import data, networks, runs, training, using
from striate.core.version import __version__

app = typer.Typer(
    name="striate",
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
        typer.echo(f"striate {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


app.command("models")(networks.models)
app.command("summary")(networks.summary)
app.command("check")(data.check)
app.command("train")(training.train)
app.command("evaluate")(using.evaluate)
app.command("predict")(using.predict)
app.command("runs")(runs.runs)
app.command("doctor")(runs.doctor)
