"""What all offline pages share: one frame, one policy, one style, one palette."""

import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import striate
from striate.analysis.summary import summarize
from striate.core.version import __version__
from striate.models import create_model
from striate.report.colours import PALETTE
from striate.report.comparison.bubble_chart import chart_of
from striate.report.comparison.comparison import compare
from striate.report.comparison.page import as_page, as_svg
from striate.report.offline import TEMPLATES, environment
from striate.report.page import render
from striate.report.summary_page import render_summary

PACKAGE = Path(striate.__file__).parent
SET_BY_ELEMENTS = {"swatch", "recall", "low", "high", "depth"}  # of bars and cells, in their style attributes


@pytest.fixture(params=["report", "summary", "comparison"])
def source(request, make_facts):
    if request.param == "report":
        return render(make_facts())
    if request.param == "summary":
        return render_summary(summarize(create_model("lenet5")))
    found = compare(["alexnet", "googlenet", "resnet50"])
    return as_page(found.networks, chart_of(found.drawn, found.protocol), found.remarks())


def test_nothing_is_loaded_and_nothing_runs(source, read_page):
    page = read_page(source)
    assert page.all("script") == page.all("link") == page.all("iframe") == []
    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert page.one("meta", name="generator").attributes["content"] == f"Striate {__version__}"
    assert page.one("footer").text.startswith(f"Written by Striate {__version__}.")
    assert "url(" not in source and "@import" not in source and "href=" not in source.replace('href="#', "")
    assert set(re.findall(r"https?://[^\"]*", source)) <= {"http://www.w3.org/2000/svg"}  # a name, not an address


def test_every_colour_has_a_value_on_light_and_on_dark_ground(source, read_page):
    (style,) = read_page(source).one("head").all("style")
    for name, (light, dark) in PALETTE.items():
        assert re.findall(rf" --{name}: ([^;]*);", style.text)[:2] == [light, dark]
    used = set(re.findall(r"var\(--([a-z0-9-]+)\)", source))
    assert used - SET_BY_ELEMENTS <= set(re.findall(r"--([a-z0-9-]+):", source))


def test_tables_can_be_heard_and_reached(source, read_page):
    page = read_page(source)
    assert page.one("html").attributes["lang"] == "en"
    assert len(page.all("h1")) == 1
    assert all(head.attributes["scope"] in ("col", "row") for head in page.all("th"))
    for chart in page.all("svg"):
        assert chart.attributes.get("aria-label") or chart.one("desc").text


def test_a_drawing_alone_brings_its_colours_and_its_ground(read_page):
    chart = chart_of(compare(["googlenet", "resnet50"]).drawn, "1 crop")
    alone, inside = as_svg(chart, alone=True), as_svg(chart)
    assert "--card: #ffffff" in alone and "prefers-color-scheme" in alone and 'class="ground"' in alone
    assert "--card: #ffffff" not in inside and 'class="ground"' not in inside
    assert len(read_page(alone).all("circle", class_="network")) == 2


def test_there_is_one_frame():
    texts = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*") if path.suffix in (".py", ".jinja")}
    assert [path.name for path, text in texts.items() if "<!DOCTYPE html>" in text] == ["offline.html.jinja"]
    pages = [path for path in TEMPLATES.glob("*.jinja") if "{% extends" in texts[path]]
    assert sorted(page.name.split(".")[0] for page in pages) == [
        "comparison", "folds", "labels", "learning_curve", "look", "optimizers", "report", "runs", "search",
        "stability", "step", "summary", "views",
    ]  # fmt: skip


def test_a_name_that_does_not_exist_is_an_error():
    with pytest.raises(UndefinedError, match="'title' is undefined"):
        environment().get_template("summary.html.jinja").render()
