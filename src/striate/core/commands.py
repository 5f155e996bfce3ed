"""Command lines as a person pastes them: whatever a path holds, it stays one word."""

from __future__ import annotations

import shlex
from pathlib import Path

from striate.core.visible import ACTING


def command(verb: str, *words: str | Path) -> str:
    r"""A command of Striate, its words quoted for the shell; a path is never taken for an option.

    What would act on a terminal is written as bash, zsh and ksh read it between $' and '.

    >>> print(command("train", "--run", Path("my cats; echo hi"), "--resume"))
    striate train --run 'my cats; echo hi' --resume
    >>> print(command("predict", Path("-a\nb's"), "PICTURES"))
    striate predict $'./-a\nb\'s' PICTURES
    """
    return " ".join(["striate", verb, *(quoted(_as_word(word)) for word in words)])


def shown(line: str) -> str:
    """A command line that `shlex.join` made, quoted as `command` does: for a person, on one line."""
    return " ".join(map(quoted, shlex.split(line)))


def quoted(word: str) -> str:
    """A word for the shell, on one line and visible."""
    if not ACTING.search(word):
        return shlex.quote(word)
    plain = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{ACTING.sub(lambda character: _bytes(character[0]), plain)}'"


def _as_word(word: str | Path) -> str:
    text = str(word)
    return f"./{text}" if isinstance(word, Path) and text.startswith("-") else text


def _bytes(character: str) -> str:
    short = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}.get(character)
    return short or "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))
