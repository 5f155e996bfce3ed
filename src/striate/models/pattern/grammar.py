"""Text to tree: layers with - or -> between them, groups in brackets, repetitions with *.

The form is that of the lectures: INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC (Stanford CS231n, notes
on convolutional networks), with numbers for N, M and K.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from striate.models.pattern.words import (
    LISTED,
    MOST_CHARACTERS,
    MOST_DEPTH,
    MOST_LAYERS,
    Layer,
    read_word,
    wrong,
)

TOKEN = re.compile(r"\s*(?:(?P<word>[A-Za-z0-9.]+)|(?P<sep>->|-)|(?P<open>[(\[])|(?P<close>[)\]])|(?P<sign>[*?]))")
CLOSING = {"(": ")", "[": "]"}
ENDS = ("input", "softmax")


@dataclass(frozen=True)
class Repeat:
    """Layers one after the other, so many times."""

    items: tuple[Item, ...]
    times: int

    def __str__(self) -> str:
        inside = written(self.items)
        return f"{inside if isinstance(self.items[0], Layer) and len(self.items) == 1 else f'({inside})'}*{self.times}"


Item = Layer | Repeat


@dataclass(frozen=True)
class Pattern:
    """A pattern that was read: what its text says and nothing twice.

    size: channels, height, width of the pictures, where the text says so. classes: the same.
    """

    items: tuple[Item, ...]
    size: tuple[int, int, int] | None = None
    classes: int | None = None
    end: int = field(default=0, compare=False)

    def layers(self) -> tuple[Layer, ...]:
        """All layers in their order, without the class layer."""
        return tuple(expanded(self.items))

    def __str__(self) -> str:
        """The shortest text that says the same: without brackets and options that change nothing."""
        first = [] if self.size is None else [str(Layer("input", size=self.size))]
        return "-".join([*first, *map(str, self.items), f"softmax{self.classes or ''}"])


def written(items: Sequence[Item]) -> str:
    """Items as text."""
    return "-".join(map(str, items))


def expanded(items: Sequence[Item]) -> Iterator[Layer]:
    """The layers of items, repetitions written out."""
    for item in items:
        if isinstance(item, Layer):
            yield item
        else:
            for _ in range(item.times):
                yield from expanded(item.items)


def parse(text: str) -> Pattern:
    """Read a pattern. Raises StriateError, one sentence with the exact column, for a text that is none.

    >>> print(parse("INPUT -> [[CONV64 -> RELU]*2 -> POOL?]*3 -> [FC256 -> RELU]*1 -> FC"))
    ((conv64-relu)*2-pool)*3-fc256-relu-softmax
    >>> parse("conv64-(cnv64-relu)*2")
    Traceback (most recent call last):
    striate.core.errors.StriateError: column 9 of the pattern: 'cnv64' is no layer; did you mean conv64? layers are ...
    """
    if len(text) > MOST_CHARACTERS:
        raise wrong(MOST_CHARACTERS + 1, f"a pattern has at most {MOST_CHARACTERS:,} characters, got {len(text):,}")
    return _Reader(text).pattern()


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    column: int


def _tokens(text: str) -> list[_Token]:
    found, at, length = [], 0, len(text.rstrip())
    while at < length:
        match = TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise wrong(
                at + 1, f"{text[at]!r} is no sign of a pattern, which has letters, numbers and - -> ( ) [ ] * ?"
            )
        kind = str(match.lastgroup)
        found.append(_Token(kind, match[kind], match.start(kind) + 1))
        at = match.end()
    return [*found, _Token("end", "", length + 1)]


class _Reader:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self.tokens, self.place, self.depth = _tokens(text), 0, 0

    @property
    def now(self) -> _Token:
        """The token that comes next."""
        return self.tokens[self.place]

    def take(self) -> _Token:
        """The token that comes next, which is passed."""
        self.place += 1
        return self.tokens[self.place - 1]

    def pattern(self) -> Pattern:
        items = self.sequence()
        if self.now.kind != "end":
            raise wrong(self.now.column, f"{self.now.text!r} closes no bracket")
        return _ended(items, self.now.column)

    def sequence(self) -> list[Item]:
        items = self.item()
        while self.now.kind not in ("end", "close"):
            if self.now.kind != "sep":
                raise wrong(self.now.column, f"{self.now.text!r} needs - or -> before it")
            self.take()
            items += self.item()
        _require_few(items, self.now.column)
        return items

    def item(self) -> list[Item]:
        """A layer, or a group, with what stands behind it; without a repetition a group is the layers inside."""
        token = self.take()
        if token.kind == "word":
            items: list[Item] = [read_word(token.text, token.column)]
        elif token.kind == "open":
            items = self.group(token)
        else:
            raise wrong(token.column, f"a layer is missing{f' before {token.text!r}' if token.text else ''}: {LISTED}")
        while self.now.kind == "sign":
            sign = self.take()
            if sign.text == "*":
                items = self.repeated(items, sign)
        return items

    def group(self, opened: _Token) -> list[Item]:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise wrong(opened.column, f"brackets may stand {MOST_DEPTH} deep at most")
        items = self.sequence()
        self.depth -= 1
        closed = self.take()
        if closed.text != CLOSING[opened.text]:
            if closed.kind == "end":
                raise wrong(opened.column, f"{opened.text!r} is never closed")
            opening = f"{opened.text!r} of column {opened.column}"
            raise wrong(closed.column, f"{closed.text!r} does not close {opening}; {CLOSING[opened.text]!r} does")
        return items

    def repeated(self, items: list[Item], sign: _Token) -> list[Item]:
        count = self.take()
        if not count.text.isdecimal():
            got = f", got {count.text!r}" if count.text else ""
            raise wrong(count.column, f"* needs a number of times behind it, such as *2{got}")
        times = int(count.text)
        if not 1 <= times <= MOST_LAYERS:
            raise wrong(count.column, f"a repetition is 1 to {MOST_LAYERS:,} times, got {count.text}")
        for layer in expanded(items):
            if layer.kind in ENDS:
                raise wrong(layer.column, f"{layer.kind} cannot be repeated")
        if len(items) == 1 and isinstance(only := items[0], Repeat):
            items, times = list(only.items), only.times * times
        made: list[Item] = items if times == 1 else [Repeat(tuple(items), times)]
        _require_few(made, sign.column)
        return made


def _require_few(items: Sequence[Item], column: int) -> None:
    if (count := _count(items)) > MOST_LAYERS:
        raise wrong(column, f"a pattern has at most {MOST_LAYERS:,} layers, up to here it has {count:,}")


def _count(items: Sequence[Item]) -> int:
    return sum(1 if isinstance(item, Layer) else item.times * _count(item.items) for item in items)


def _ended(items: list[Item], end: int) -> Pattern:
    """A pattern of what was read, without its input and its class layer. Raises StriateError where these are wrong."""
    size = classes = None
    if isinstance(first := items[0], Layer) and first.kind == "input":
        size, items = first.size, items[1:]
    for expected in ("softmax", "fc"):  # fc-softmax, softmax, fc, or neither
        if items and isinstance(last := items[-1], Layer) and last.kind == expected:
            if last.kind == "softmax":
                classes = None if last.number is None else int(last.number)
            elif last.number is not None:
                raise wrong(
                    last.column,
                    f"{last} stands directly before the class layer, which has one unit per class of the data and is "
                    f"there without being named; leave {last} out, or put relu behind it",
                )
            items, end = items[:-1], last.column
    for layer in expanded(items):
        if layer.kind == "input":
            raise wrong(layer.column, "input stands only at the beginning")
        if layer.kind == "softmax":
            raise wrong(layer.column, "softmax stands only at the end")
        if layer.kind == "fc" and layer.number is None:
            raise wrong(
                layer.column, "fc needs its number of units, such as fc256; only the last one, of classes, has none"
            )
    return Pattern(tuple(items), size, classes, end)
