"""The page of a search: what it draws, what it says, and how a browser shows it."""

import re

import pytest

from browsing import BROWSER, QUIET, offline
from striate.report.search import SearchFacts, axes_of, lines_of, render_search, write_search
from striate.tasks.classification import CLASSIFICATION
from striate.training.recipe import Recipe
from striate.training.search.again import Pair, compared
from striate.training.search.drawing import drawn
from striate.training.search.found import SearchResult
from striate.training.search.page import facts_of
from striate.training.search.space import Choices, Range
from striate.training.search.tried import Tried

SPACE = (Range("peak_lr", 1e-4, 1.0, log=True), Range("weight_decay", 0, 0.1), Choices("optimizer", ("sgd", "adamw")))
FIGURE = CLASSIFICATION.figures[0]


@pytest.fixture
def facts() -> SearchFacts:
    points = [drawn(SPACE, 0, number) for number in range(17)]
    tried = [Tried(n, points[n], "coarse", "paused", figures={1: 0.3 + n / 100}) for n in range(16)]
    tried.append(Tried(16, points[16], "fine", "ended", why="cost 99 at step 3, above three times the <first>"))
    pairs = [Pair(seed, 0.5 + seed / 100, 0.4) for seed in (1, 2, 3)]
    result = SearchResult(
        folder="searches/mine & yours", data="photos & more", model="lenet5", figure="accuracy", higher_is_better=True,
        method="random", space=tuple(map(str, SPACE)), fine=(), rungs=(1, 3), trials=tuple(tried), winner=15,
        values=tried[15].values, importance={"peak_lr": 0.75, "weight_decay": 0.25, "optimizer": 0.0},
        edges=("peak_lr 0.9 is at the upper edge of its range: widen it, such as --space peak_lr=0.0001..100,log",),
        comparison=compared(pairs, FIGURE, "90 test pictures"), seconds=61.0, budget=60.0,
        recipe=Recipe(model="lenet5"),
    )  # fmt: skip
    return facts_of(result, FIGURE, SPACE)


def test_a_line_goes_through_the_settings_to_what_the_trial_reached(facts):
    lines = lines_of(facts)
    assert [line.kind for line in lines].count("winner") == 1 and lines[-1].kind == "winner"
    assert [line.kind for line in lines].count("good") == 2  # the best three, the winner among them
    assert [name for _, name, _ in axes_of(facts)] == ["peak_lr", "weight_decay", "optimizer", "validation accuracy"]
    points = [tuple(map(float, point.split())) for point in lines[-1].path[1:].split("L")]
    assert [x for x, _ in points] == [60, 260, 460, 660]
    assert points[-1][1] == 40  # the best is at the top
    worst = [tuple(map(float, point.split())) for point in lines[0].path[1:].split("L")]
    assert worst[-1][1] == 310
    assert {point[2][1] for point in [points]} <= {40, 310}  # one of two choices


def test_the_page_has_the_table_the_sentences_and_the_command(facts, read_page):
    source = render_search(facts)
    page = read_page(source)
    assert page.one("h1").text == "lenet5 on photos & more"
    said = " ".join(page.one("header").text.split())
    assert "The winner betters the defaults beyond noise: accuracy on 90 test pictures 52.00% against 40.00%" in said
    assert "widen it, such as --space peak_lr=0.0001..100,log" in said
    assert "striate train 'photos & more' --recipe 'searches/mine & yours/winner.json'" in said
    assert "<first>" not in source
    rows = page.one("section", id="trials").all("tr")
    assert len(rows) == 18
    assert rows[1].one("th").text == "16" and rows[-1].text.endswith("above three times the <first>")
    labels = [svg.attributes["aria-label"] for svg in page.all("svg")]
    assert labels[1:] == ["These 17 trials try 17 values of peak_lr.", "A grid of 16 tries 4 values of peak_lr."]
    assert set(re.findall(r"https?://[^\"]*", source)) <= {"http://www.w3.org/2000/svg"}


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no browser")
@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 380)])
def test_a_browser_shows_it_without_a_network(facts, tmp_path, scheme, width):
    from playwright.sync_api import sync_playwright

    write_search(tmp_path / "report.html", facts)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=QUIET)
        with offline(browser, tmp_path / "report.html", scheme, width) as page:
            assert page.locator("svg.trials path").count() == 16
        browser.close()
