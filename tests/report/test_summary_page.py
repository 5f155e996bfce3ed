"""The page of a summary: the table that the terminal shows, whatever the layers are called."""

import pytest
from torch import nn

from striate.analysis.summary import summarize
from striate.analysis.table import notes, printed
from striate.meta.weightless import blueprint
from striate.models import create_model
from striate.report.summary_page import render_summary, write_summary_page

COLUMNS = {"params": "params", "MACs": "macs", "activations": "activations"}


@pytest.fixture(scope="module")
def cost():
    return summarize(blueprint(lambda: create_model("resnet18")))


@pytest.mark.parametrize("depth", [None, 1, 2])
def test_the_page_has_the_rows_the_total_and_the_notes(cost, read_page, depth):
    page = read_page(render_summary(cost, depth))
    assert page.one("h1").text == page.one("title").text == "resnet18, one picture of 3x224x224"
    rows = page.one("table").rows()
    assert rows == [list(row) for row in printed(cost, depth)]
    headings, *body, total = rows
    for heading, quantity in COLUMNS.items():
        column = headings.index(heading)
        shown = [int(row[column].replace(",", "")) for row in (*body, total)]
        assert sum(shown[:-1]) == shown[-1] == getattr(cost, quantity)
    assert [note.text for note in page.one("main").all("p")] == notes(cost)


def test_names_of_layers_are_text(read_page, tmp_path):
    model = nn.Sequential()
    model.add_module("<b>|_", nn.Linear(2, 2))
    write_summary_page(tmp_path / "page.html", summarize(model, (2,)))
    page = read_page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert page.all("b") == []
    assert page.one("tbody").rows()[1][0] == "<b>|_"


def test_numbers_stand_on_the_right(cost, read_page):
    headings = read_page(render_summary(cost)).one("thead").all("th")
    left = [head.text for head in headings if "words" in (head.attributes.get("class") or "")]
    assert left == ["layer", "kind", "output"]
