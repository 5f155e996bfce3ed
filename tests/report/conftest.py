"""What the tests of the report share: facts of a run, made of few numbers, and a reader of pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import torch

from detected import drawn_data, evaluated
from pointing import FOUND, POINTING
from striate.analysis.summary import summarize
from striate.models import create_model
from striate.ops.metrics import confusion_counts
from striate.report.facts import ReportFacts, Sample
from striate.tasks.classification import CLASSIFICATION, Evaluation, Mistake
from striate.tasks.detection import DETECTION
from striate.tasks.detection.examples import costliest_errors

VOID = {"meta", "img", "br", "wbr", "link", "input", "hr"}


@dataclass
class Element:
    """An element of a page: its tag, attributes, own texts and children."""

    tag: str
    attributes: dict[str, str | None]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text inside, blanks squeezed, thin ones made plain."""
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join("".join(parts).split())

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Elements inside with this tag and these attributes, in order; `class_` is one of the classes."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag and child._has(attributes):
                    found.append(child)
                found += child.all(tag, **attributes)
        return found

    def one(self, tag: str, **attributes: str) -> Element:
        """The only such element."""
        (found,) = self.all(tag, **attributes)
        return found

    def rows(self) -> list[list[str]]:
        """The texts of a table's cells, row by row, the heading included."""
        return [[cell.text for cell in row.children if isinstance(cell, Element)] for row in self.all("tr")]

    def _has(self, attributes: dict[str, str]) -> bool:
        for name, value in attributes.items():
            came = self.attributes.get(name.rstrip("_")) or ""
            if value not in (came.split() if name == "class_" else [came]):
                return False
        return True


class PageReader(HTMLParser):
    """Builds the tree of a page and refuses tags that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]
        self.feed(page)
        self.close()
        assert self._open == [self.root], f"left open: {[element.tag for element in self._open]}"

    def handle_starttag(self, tag, attributes):
        assert len(attributes) == len(dict(attributes)), f"an attribute twice in {self.get_starttag_text()}"
        element = Element(tag, dict(attributes))
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attributes):
        self._open[-1].children.append(Element(tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}> in line {self.getpos()[0]}"
        self._open.pop()

    def handle_data(self, data):
        self._open[-1].children.append(data)


@pytest.fixture
def read_page() -> Callable[[str], Element]:
    """Parse a page, strictly, into its tree."""
    return lambda page: PageReader(page).root


def evaluation_of(confusion: Any, classes: tuple[str, ...] = ()) -> Evaluation:
    """An evaluation with this confusion matrix; every answer is given with probability 0.75."""
    counts = torch.as_tensor(confusion)
    names = classes or tuple(f"class {number}" for number in range(len(counts)))
    cells = torch.nonzero(counts)
    pairs = cells.repeat_interleave(counts[cells[:, 0], cells[:, 1]], dim=0)
    truth, predicted = pairs[:, 0], pairs[:, 1]
    assert torch.equal(confusion_counts(truth, predicted, len(names)), counts)
    total = len(pairs)
    return Evaluation(names, counts, total - 1, 0.25 * total, torch.full((total,), 0.75), predicted, truth)


def history_of(epochs: int) -> list[dict[str, Any]]:
    """A run whose loss halves and whose rate falls evenly."""
    return [
        {
            "epoch": epoch,
            "step": 10 * epoch,
            "lr": 0.1 * (epochs - epoch + 1) / epochs,
            "train_loss": 2.0 / 2**epoch,
            "train_accuracy": 1 - 0.5 / epoch,
            "val_loss": 2.4 / 2**epoch,
            "val_accuracy": 1 - 0.6 / epoch,
            "images_per_second": 1000.0 + epoch,
            "seconds": 3.0 * epoch,
            "best": True,
        }
        for epoch in range(1, epochs + 1)
    ]


@pytest.fixture
def make_facts() -> Callable[..., ReportFacts]:
    """Facts of a small run: cat, dog and fox, 18 of 20 right; any field can be given."""
    cost = summarize(create_model("lenet5", classes=3, in_channels=1), (32, 32))

    def make(confusion: Any = ((9, 1, 0), (0, 5, 1), (0, 0, 4)), classes: Any = (), **fields: Any) -> ReportFacts:
        names = classes or (("cat", "dog", "fox") if len(confusion) == 3 else ())
        evaluation = evaluation_of(confusion, names)
        rng = np.random.default_rng(0)
        pictures = rng.integers(0, 256, (18, 8, 8, 1), dtype=np.uint8)
        known = evaluation.classes
        facts: dict[str, Any] = {
            "title": "pets",
            "command": "striate train pets --model lenet5 --seed 3",
            "task": CLASSIFICATION,
            "evaluation": evaluation,
            "evaluated_split": "test",
            "history": history_of(4),
            "examples": [
                Mistake("pets/cat/a.png", known[0], known[-1], 0.914, pictures[0]),
                Mistake("pets/dog/b.png", known[-1], known[0], 0.508, pictures[1]),
            ],
            "names": known,
            "described": f"{len(known)} classes",
            "augmented": [Sample(known[number % len(known)], pictures[2 + number]) for number in range(16)],
            "cost": cost,
            "recipe": {"model": "lenet5", "peak_lr": 0.05, "flip": True, "dropout": None, "drop_at": [0.5, 0.75]},
            "machine": {"processor": "Abacus 3000", "threads": 2, "versions": {"torch": "2.13.0"}},
            "data": {
                "source": "pets",
                "split_rule": "Made from the names.",
                "counts": {split: [n] * len(known) for split, n in (("train", 70), ("val", 15), ("test", 15))},
                "warnings": [],
            },
            "seconds": 75.0,
            "best_epoch": 3,
        }
        return ReportFacts(**(facts | fields))

    return make


HISTORY = [
    {
        "epoch": epoch, "step": 10 * epoch, "lr": 0.1, "train_loss": 2 / epoch, "val_loss": 3 / epoch,
        "val_distance": 13.0 / epoch, "val_close": 0.25 * epoch, "images_per_second": 1000.0, "seconds": 3.0,
        "best": True, "grad_norm": 0.5, "update_ratio": 0.001, "dead_share": 0.0,
    }
    for epoch in (1, 2, 3)
]  # fmt: skip
DATA = {"source": "targets", "split_rule": "Drawn.", "counts": {"train": [70], "test": [1200]}, "warnings": []}


@pytest.fixture
def pointing(make_facts):
    """Facts of a run of a task that has nothing but figures, and whose pictures have no classes."""
    samples = [Sample("12, 30", np.full((8, 8, 3), 90, np.uint8))]
    return make_facts(
        task=POINTING, evaluation=FOUND, history=HISTORY, examples=[], names=(), described="one point", data=DATA,
        augmented=samples, title="darts",
    )  # fmt: skip


@pytest.fixture
def detecting_of(make_facts):
    """Facts of a run of detection with an evaluation and its examples."""

    def made(found, examples=()):
        counted = {"source": "pets", "split_rule": "Drawn.", "counts": {}, "warnings": []}
        fields = {"task": DETECTION, "names": found.names, "history": [], "data": counted}
        return make_facts(evaluation=found, examples=list(examples), **fields)

    return made


@pytest.fixture
def detecting(detecting_of, tmp_path):
    """Facts of a run of detection with errors of every kind."""
    data = drawn_data(tmp_path / "drawn")
    found, numbers = evaluated(data)
    return detecting_of(found, costliest_errors(found, data, numbers))
