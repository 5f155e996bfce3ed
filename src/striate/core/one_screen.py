"""Records as a prompt and a notebook show them: a few lines, whatever they hold."""

from __future__ import annotations

from html import escape

from striate.core.visible import visible

MOST_LINES, MOST_CHARACTERS = 16, 100


class OneScreen:
    """A record that shows its `facts`, as text and as a table in notebooks; a dataclass of it needs repr=False."""

    def facts(self) -> dict[str, object]:
        """Names and values of what a person wants to see first."""
        raise NotImplementedError

    def __repr__(self) -> str:
        rows = _rows(self.facts())
        width = max((len(name) for name, _ in rows), default=0)
        return "\n".join([type(self).__name__, *(f"  {name:<{width}}  {value}" for name, value in rows)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in _rows(self.facts())
        )
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"


def _rows(facts: dict[str, object]) -> list[tuple[str, str]]:
    rows = [(visible(name), _cut(visible(str(value)))) for name, value in list(facts.items())[:MOST_LINES]]
    left = len(facts) - len(rows)
    return [*rows, ("...", f"and {left} more")] if left else rows


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 3]}..."


def few(names: tuple[str, ...]) -> str:
    """The first of many names.

    >>> few(("cat", "dog")), few(tuple("abcdefg"))
    ('cat, dog', 'a, b, c, d, e and 2 more')
    """
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
