"""The page over folds: its sentence, a row for each fold, the sections of the task, in a browser."""

import pytest
import torch

from browsing import BROWSER, QUIET, offline
from striate.report.folds import FoldRow, FoldsFacts, render_folds, write_folds
from striate.tasks.classification import CLASSIFICATION
from striate.tasks.classification.metric import ClassificationMetric


@pytest.fixture
def facts() -> FoldsFacts:
    metric = ClassificationMetric(("ant <x>", "bee"))
    metric.count(torch.tensor([[2.0, 0.0]] * 6 + [[0.0, 2.0]] * 2), torch.tensor([0, 0, 0, 0, 0, 1, 1, 1]))
    rows = tuple(
        FoldRow(f"fold{n}", 4, {"top1": share, "loss": 0.5}, (0.3, 0.95), 61.0) for n, share in ((1, 1.0), (2, 0.75))
    )
    titles = "mine & yours", "lenet5", "photos"
    return FoldsFacts(*titles, CLASSIFICATION, metric.result(), [], rows, 0.177, "striate train photos")


def test_the_page_says_the_figure_and_each_fold(facts, read_page):
    source = render_folds(facts)
    page = read_page(source)
    said = page.one("header").text
    assert page.one("h1").text == "mine & yours" and "<x>" not in source
    assert "87.5 % of 8 held-out pictures are classified correctly (95 % interval 52.9 to 97.8 %) by lenet5" in said
    assert "2 networks were trained on photos in 2 min 2 s" in said
    table = page.one("section", id="folds").one("table").rows()
    assert [row[:2] for row in table] == [["fold", "pictures"], ["fold1", "4"], ["fold2", "4"]]
    assert "75.0 %" in table[2] and "30.0 to 95.0 %" in table[1]
    assert [link.attributes["href"] for link in page.one("section", id="folds").all("a")] == [
        "fold1/report.html", "fold2/report.html",
    ]  # fmt: skip
    assert "17.7 %" in page.one("dl").text and "standard deviation" in page.one("dl").text
    assert page.one("section", id="repeat").one("code").text == "striate train photos"
    assert page.all("section", id="confusion")


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no browser")
def test_a_browser_shows_it_without_a_network(facts, tmp_path):
    from playwright.sync_api import sync_playwright

    write_folds(tmp_path / "report.html", facts)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=QUIET)
        with offline(browser, tmp_path / "report.html", "dark", 380) as page:
            assert page.locator("#folds tbody tr").count() == 2
        browser.close()
