"""Looking inside a network: its parts one after the other, and the page of what they came to."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape
from torch import nn

from striate.analysis.summary import summarize
from striate.core.errors import Interrupted, StriateError
from striate.core.one_screen import OneScreen
from striate.core.units import compact, counted
from striate.data.scan import Progress
from striate.deploy.run import Run
from striate.models.network import Network
from striate.report.look.part import Found, Part
from striate.report.look.parts import parts_named, require_pictures
from striate.report.look.subject import MOST_PICTURES, Choice, Pictures, Subject, subject_of
from striate.report.offline import rendered, write_page

Watching = Callable[[str], AbstractContextManager[Progress]]
"""Of what is done, the context in which one is told how far it is."""


def silently(what: str) -> AbstractContextManager[Progress]:
    """Nobody is told."""
    return nullcontext(lambda done, total: None)


@dataclass(frozen=True, repr=False, eq=False)
class Looked(OneScreen):
    """What was found inside a network.

    parts: each with what it came to, or with the sentence that says why it shows nothing. left_out: parts that need
    pictures, where there are none. shown: the name of the one picture that a page is of.
    """

    subject: Subject
    parts: tuple[tuple[Part, Found | str], ...]
    left_out: tuple[Part, ...] = ()
    shown: str = ""

    @property
    def summary(self) -> str:
        """What was looked at, in one sentence."""
        network, pictures = self.subject.network, self.subject.pictures
        cost = summarize(network) if isinstance(network, Network) else None
        size = f", {compact(cost.params)} parameters" if cost else ""
        of = f", shown {self.shown}" if self.shown else ", without pictures"
        if pictures:
            of = f", on {counted(len(pictures), 'picture')} of {pictures.source}"
        return f"{network.label if isinstance(network, Network) else type(network).__name__}{size}{of}."

    @property
    def notes(self) -> list[str]:
        """What is not on the page, and why."""
        found = []
        if self.left_out:
            titles = ", ".join(part.name for part in self.left_out)
            found.append(f"Without pictures there is nothing to see of these parts: {titles}. Name some by --data.")
        if self.subject.pictures is not None and self.subject.pictures.problems:
            count, (name, reason) = len(self.subject.pictures.problems), self.subject.pictures.problems[0]
            found.append(f"{counted(count, 'picture')} cannot be read, such as {name}: {reason}.")
        return found

    def to_dict(self) -> dict[str, Any]:
        """The numbers, for JSON."""
        pictures = self.subject.pictures
        return {
            "network": self.subject.name,
            "pictures": len(pictures) if pictures else 0,
            "parts": {
                part.name: {"left_out": found} if isinstance(found, str) else found.facts for part, found in self.parts
            },
            "left_out": [part.name for part in self.left_out],
        }

    def facts(self) -> dict[str, object]:
        """What a prompt shows."""
        return {"network": self.subject.name, "parts": ", ".join(part.name for part, _ in self.parts)}

    def write(self, path: str | Path) -> None:
        """Write the page as one HTML file, whole or not at all. Raises StriateError where it cannot be written."""
        write_page(Path(path), self.page())

    def page(self) -> str:
        """The page: one HTML file that needs nothing but itself."""
        return rendered("look.html", looked=self, sections=[(part, _drawn(part, found)) for part, found in self.parts])


class Stopped(Interrupted):
    """Ctrl-C between or within parts. looked: those that were done."""

    def __init__(self, looked: Looked) -> None:
        done = ", ".join(part.name for part, _ in looked.parts)
        super().__init__(f"stopped, with these parts done: {done}", signal.SIGINT)
        self.looked = looked


def look(
    looked_at: Run | nn.Module,
    pictures: Pictures | None = None,
    only: Sequence[str] = (),
    *,
    split: str | None = None,
    most: int = MOST_PICTURES,
    seed: int = 0,
    watching: Watching = silently,
) -> Looked:
    """Look inside a trained network: a record of what each part found, whose `write` makes a page of it.

    looked_at: a run as `striate.load` opens it, or any `nn.Module`, which is put into evaluation mode. pictures: a data
    set by its name or path, of which `split` is read (test, else val, if not given; all where these are empty); a
    picture file, or a folder of them; a list of paths, Pillow's pictures and arrays; or, for any number of channels, a
    tensor (N, C, H, W), normalised. None takes those that a run was trained with, as `split` says, and leaves out the
    parts that need some where these are not to be found. only: names of parts, as
    `striate.report.look.parts.PARTS` has them; all by default. most: at most so many pictures, evenly of them all.
    seed: of everything that is drawn. watching: of what is being done a context that gives a callback of (done, total).
    Raises StriateError for names that are not known, and for pictures that cannot be read or do not fit; for Ctrl-C
    after the first part `Stopped`, which has what was found.

    >>> import torch
    >>> from striate.models import create_model
    >>> look(create_model("lenet5"), torch.zeros(1, 1, 32, 32), ["attribution"]).to_dict()["pictures"]
    1
    """
    named = parts_named(only)
    if pictures is None and isinstance(looked_at, Run):
        pictures = looked_at.own_data
    parts = require_pictures(named, only, given=pictures is not None)
    with watching("reading pictures") as progress:
        subject = subject_of(looked_at, pictures, Choice(split, most, progress), seed)
    found: list[tuple[Part, Found | str]] = []
    left_out = tuple(part for part in named if part not in parts)
    for part in parts:
        try:
            with watching(part.name) as progress:
                found.append((part, _looked(part, subject, progress)))
        except KeyboardInterrupt:
            if not found:
                raise
            raise Stopped(Looked(subject, tuple(found), left_out)) from None
    return Looked(subject, tuple(found), left_out)


def _looked(part: Part, subject: Subject, progress: Progress) -> Found | str:
    try:
        return part.look(subject, progress)
    except StriateError as error:
        return str(error)


def _drawn(part: Part, found: Found | str) -> Markup:
    if isinstance(found, str):
        return Markup(f'<p class="note">{escape(found)}</p>')  # what is not ours is escaped
    return Markup(rendered(part.template, **found.values).rstrip("\n"))
