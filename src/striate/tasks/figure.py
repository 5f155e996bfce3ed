"""A figure of how good a network is, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass

from striate.core.words import interval, number, percent


@dataclass(frozen=True)
class Figure:
    """A figure of how good a network is.

    key: as metrics.jsonl has it, behind "val_". title: as a person reads it. stated: as evaluation.json has it, and
    config.json behind the name of the split. unit: what its values are, as read behind its title, such as "in pixels";
    "%": shares, 0 to 1, which are shown in per cent.
    """

    key: str
    title: str
    stated: str
    higher_is_better: bool = True
    unit: str = ""

    @property
    def worst(self) -> float:
        """What every result is better than, or as good as."""
        return float("-inf") if self.higher_is_better else float("inf")

    @property
    def heading(self) -> str:
        """The title, to begin something with; a word that has its own capitals keeps them.

        >>> LOSS.heading, Figure("map", "mAP", "map").heading
        ('Loss', 'mAP')
        """
        first = self.title.partition(" ")[0]
        return self.title if first[1:] != first[1:].lower() else self.title[:1].upper() + self.title[1:]

    def line(self, value: float) -> str:
        """A value as a line on a terminal or in a file has it.

        >>> Figure("accuracy", "accuracy", "top1", unit="%").line(0.875), LOSS.line(0.25)
        ('87.50%', '0.2500')
        """
        return f"{value:.2%}" if self.unit == "%" else f"{value:.4f}"

    def shown(self, value: float | None) -> str:
        """A value as a page has it, or a dash for none."""
        return percent(value) if self.unit == "%" else number(value)

    def between(self, ends: tuple[float, float]) -> str:
        """An interval as a page has it.

        >>> LOSS.between((0.5, 0.75))
        '0.5 to 0.75'
        """
        return interval(ends) if self.unit == "%" else " to ".join(map(number, ends))


LOSS = Figure("loss", "loss", "loss", higher_is_better=False)
"""What every task has, whether it is among its figures or not."""
