"""What all offline pages share: one file that needs nothing but itself, no script, nothing loaded, pictures inside.

A page is a template that extends `template/offline.html.jinja`, which has the policy, the style and the frame.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from striate.core import words
from striate.core.files import write_bytes
from striate.core.units import compact, duration
from striate.core.version import __version__
from striate.report.charts import FRAME
from striate.report.colours import PALETTE
from striate.report.pictures import share_map, shown

TEMPLATES = Path(__file__).parent / "template"


def rendered(template: str, **facts: Any) -> str:
    """A template of `template/` with these facts. Every text from outside is escaped by the template engine."""
    return environment().get_template(f"{template}.jinja").render(**facts)


def write_page(path: Path, page: str) -> None:
    """Write a page as one HTML file, whole or not at all.

    Raises StriateError when the disk is full or the folder may not be written.
    """
    # File names may hold bytes that are no UTF-8 (lone surrogates here): they become question marks.
    write_bytes(path, page.encode("utf-8", "replace"))


def svg_file(drawing: str) -> bytes:
    """A drawing that stands alone, as the content of a file."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{drawing}\n'.encode()


@cache
def environment() -> Environment:
    """The template engine: escapes everything, fails on a name that does not exist."""
    engine = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    engine.globals |= {
        "version": __version__,
        "style": Markup(style),  # ours; escaped CSS would be wrong
        "palette": PALETTE,
        "frame": FRAME,
        "zip": zip,
    }
    engine.filters |= {
        "percent": words.percent,
        "interval": words.interval,
        "compact": lambda count: words.kept_together(compact(count)),
        "duration": lambda seconds: words.kept_together(duration(seconds)),
        "number": words.number,
        "flat": words.flat,
        "tail": tail,
        "shape": shape,
        "shown": shown,
        "share_map": share_map,
    }
    return engine


def tail(name: str) -> str:
    """The last part of a path of any system.

    >>> tail("photos/cat/a.jpg"), tail("C:\\\\photos\\\\b.jpg"), tail("digits[7]")
    ('a.jpg', 'b.jpg', 'digits[7]')
    """
    return re.split(r"[/\\]", name)[-1] or name


def shape(sizes: tuple[int, ...]) -> str:
    """A shape without the batch.

    >>> shape((1, 64, 28, 28)), shape(())
    ('64×28×28', '–')
    """
    return "×".join(map(str, sizes[1:])) or words.NO_VALUE
