"""Text of unknown origin on its way to a person's eyes: what would act on a terminal is shown instead."""

from __future__ import annotations

import re

ACTING = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters: escape sequences begin with one, lines end with one
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # turn the direction of what follows
    "\u2028\u2029"  # end lines too
    "\xad\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"  # are never seen
    "\U000e0000-\U000e007f"  # spell text that is never seen
    "\ud800-\udfff"  # stray bytes of a name that is no UTF-8
    "]"
)
ESCAPES = {ord("\t"): r"\t", ord("\n"): r"\n", ord("\r"): r"\r"}


def visible(text: str) -> str:
    r"""A text as one line that a terminal only shows: what acts or hides in it stands as its escape.

    Letters of every script, joined emoji and spaces stay as they are.

    >>> print(visible("K\u00fcste\n\x1b[2J\u202egnp.exe \udcff"))
    Küste\n\x1b[2J\u202egnp.exe \udcff
    """
    return ACTING.sub(_escape, text)


def _escape(character: re.Match[str]) -> str:
    code = ord(character[0])
    if code in ESCAPES:
        return ESCAPES[code]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
