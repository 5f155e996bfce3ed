"""What the command line's words are in Python: a message is written once, in flags, and each reader gets their own."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

NAMES = {"size": "size_px", "layer": "layers", "max_megapixels": "PIL.Image.MAX_IMAGE_PIXELS"}
SWITCHES = (
    *("compile", "fused-norms", "winograd", "autotune", "tensorboard", "without-missing", "source-changed", "quiet"),
    "tiles",
)
VALUED = (
    *("run", "model", "weights", "recipe", "task", "epochs", "size", "layer", "seed", "device", "precision", "layout"),
    *("threads", "micro-batch", "cache-gb", "unfreeze-to", "layer-decay", "split-seed", "output", "val", "test"),
    *("classes", "in-channels", "host", "port", "top", "engine", "data", "max-drop", "threshold", "trained"),
    *("score", "boxes", "ids", "budget", "views", "keep", "unknown", "folder", "trials", "method", "storage", "space"),
    *("balance", "folds"),
)
PLACE_OF_CODE = "FILE.py:NAME"
WORD = r"(?:'[^']*'|\"[^\"]*\"|\\.|[^\s'\"\\),;])+"
# What may follow a flag as its value, rather than as the next word of a sentence.
VALUE = (
    r"[\w./][\w./-]*:\w+|fp32|bf16|fp16|auto|channels-last|contiguous|embedded|imagenet|finetune|default|head|layer\d|"
    r"detection|instances|localisation|multilabel|segmentation|sampler|"
    r"[0-9][\w.]*"
)

RESUME = re.compile(
    rf"striate train (?:(?P<place>{WORD}) )?--run (?P<run>{WORD}) --resume(?P<rest> --without-missing)?"
    rf"(?P<folds> --folds \d+)?(?P<code>(?: --(?:model|set) {WORD})*)"
)
RULES = (
    (re.compile(r"leave --resume out to start one"), lambda found: "striate.train(...) starts one"),
    (re.compile(r"--resume\b"), lambda found: "striate.resume(run)"),
    (re.compile(r"--freeze\b"), lambda found: "unfreeze_to='head'"),
    (
        re.compile(r"--set ([a-z_]+)=(\.\.\.|[\w./-]+:\w+|[\d.]+e-?\d+|[\w.]+)"),
        lambda found: f"{found[1]}={_literal(found[2])}",
    ),
    (re.compile(r"--space (\w+=[^\s:;,]+(?:,\w+)?)"), lambda found: f"space=[{found[1]!r}]"),
    (re.compile(r"striate check --labels\b"), lambda found: "striate.check_labels"),
    (re.compile(r"striate distance --fit\b"), lambda found: "striate.fit_distance"),
    (re.compile(r"--size (\d+)x(\d+)"), lambda found: f"size_px=({found[1]}, {found[2]})"),
    (re.compile(r"--size HEIGHTxWIDTH"), lambda found: "size_px=(height, width)"),
    (re.compile(rf"--no-({'|'.join(SWITCHES)})\b"), lambda found: f"{_name(found[1])}=False"),
    (re.compile(rf"--({'|'.join(SWITCHES)})\b"), lambda found: f"{_name(found[1])}=True"),
    (
        re.compile(rf"--({'|'.join(VALUED)})\b(?: ({VALUE})\b)?"),
        lambda found: f"{_name(found[1])}={_literal(found[2])}",
    ),
)

_by_command = ContextVar("by_command", default=False)


@contextmanager
def told_in_flags() -> Iterator[None]:
    """Within it people are told things as they are written: they came by the command line."""
    token = _by_command.set(True)
    try:
        yield
    finally:
        _by_command.reset(token)


def reader_words() -> Callable[[str], str]:
    """What makes of a message that which its reader gets: `in_python`, and on the command line the message itself.

    >>> reader_words()("train longer (--epochs 25)")
    'train longer (epochs=25)'
    """
    return str if _by_command.get() else in_python


def in_python(text: str) -> str:
    """A message with the flags and commands in it as arguments and calls.

    >>> in_python("a lower rate (--set peak_lr=...) or --precision fp32; start with --no-winograd, in another --run")
    "a lower rate (peak_lr=...) or precision='fp32'; start with winograd=False, in another run=..."
    >>> in_python("Go on with: striate train --run 'my cats' --resume")
    "Go on with: striate.resume('my cats')"
    """
    if "--" not in text:
        return text
    text = RESUME.sub(_resume, text)
    for pattern, python in RULES:
        text = pattern.sub(python, text)
    return text


def _resume(found: re.Match[str]) -> str:
    arguments = [repr(_plain(found["run"]))]
    if found["place"]:
        arguments.append(f"data={'...' if found['place'] == 'PLACE' else repr(_plain(found['place']))}")
    if found["rest"]:
        arguments.append("without_missing=True")
    if found["folds"]:
        arguments.append(found["folds"].strip().replace("--folds ", "folds="))
    for flag, value in re.findall(rf" --(model|set) ({WORD})", found["code"]):
        field, _, named = _plain(value).partition("=") if flag == "set" else (flag, "", _plain(value))
        arguments.append(f"{field}={'...' if named == PLACE_OF_CODE else repr(named)}")
    return f"striate.resume({', '.join(arguments)})"


def _plain(word: str) -> str:
    """A word of a command without the shell's quotes."""
    try:
        return "".join(shlex.split(word))
    except ValueError:
        return word


def _name(flag: str) -> str:
    name = flag.replace("-", "_")
    return NAMES.get(name, name)


def _literal(value: str | None) -> str:
    if value in (None, "...", PLACE_OF_CODE):
        return "..."
    if value in ("true", "false", "none"):
        return value.capitalize()
    return value if re.fullmatch(r"-?[\d.]+(e-?\d+)?", value) else repr(value)
