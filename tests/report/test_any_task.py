"""A task that defines nothing but its figures gets a whole page, and one with a section of its own gets that too."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from striate.models import create_model
from striate.report.page import render
from striate.tasks.task import Section
from striate.training.card import model_card
from striate.training.monitor.reporter import Reporter


def test_the_result_and_the_key_figures_are_made_of_the_figures(pointing, read_page):
    page = read_page(render(pointing))
    result = page.one("p", class_="result").text
    assert result.startswith("mean distance 3.25 on 1,200 test pictures (95 % interval 3 to 3.5) by lenet5, a network")
    assert page.one("title").text == "darts: mean distance 3.25, a report by Striate"
    boxes = page.one("dl").all("div")
    told = [(box.one("dt").text, box.one("b").text, *(remark.text for remark in box.all("span"))) for box in boxes]
    assert told[:2] == [("Mean distance", "3.25", "95 % interval 3 to 3.5"), ("Close enough", "87.5 %")]


def test_it_says_nothing_of_classification(pointing, read_page):
    text = render(replace(pointing, cost=None))
    for word in ("ccuracy", "classif", "recall", "onfusion", "istakes", "Learned:"):
        assert word not in text.partition("<body>")[2], word
    links = [link.text for link in read_page(text).one("nav").all("a")]
    assert links == ["Curves", "What it saw", "As the network sees it", "Data", "Cost", "Recipe", "Repeat it"]


def test_curves_and_columns_are_those_of_the_figures_it_has(pointing, read_page):
    part = read_page(render(pointing)).one("section", id="curves")
    charts = ["Loss", "Mean distance in px", "Close enough in %", "Learning rate per step"]
    assert [caption.text for caption in part.all("figcaption")] == charts
    distance, close = part.all("svg")[1:3]
    assert [len(chart.all("path")) for chart in (distance, close)] == [1, 1]  # of validation alone
    assert distance.attributes["aria-label"] == (
        "Mean distance in px: validation from 13 in epoch 1 to 4.33 in epoch 3; best epoch 3."
    )
    assert "validation from 25 in epoch 1 to 75 in epoch 3" in close.attributes["aria-label"]
    head, *rows = part.one("table").rows()
    assert head[2:6] == ["training loss", "validation loss", "validation mean distance", "validation close enough"]
    assert rows[1][2:6] == ["1", "1.5", "6.5", "50.0 %"]


def test_the_figures_that_a_run_looked_at_end_with_the_tasks(pointing, read_page):
    part = read_page(render(pointing)).one("section", id="seen")
    assert part.all("p")[0].text.startswith("Nothing that should worry you: gradients, updates and units were as they")
    head, first, *_ = part.one("table").rows()
    assert head == ["epoch", "gradient", "update", "dead", "validation mean distance"]
    assert first == ["1", "0.5", "0.001", "0.0 %", "13"]


def test_data_without_names_is_counted_by_split(pointing, read_page):
    part = read_page(render(pointing)).one("section", id="data")
    assert part.all("p")[0].text == "targets, one point. Drawn."
    assert part.one("table").rows() == [["split", "pictures"], ["train", "70"], ["test", "1,200"]]


def test_training_pictures_are_told_by_the_tasks_words(pointing, read_page):
    image = read_page(render(pointing)).one("section", id="augmented").one("img")
    assert image.attributes["alt"] == "A training picture of 12, 30"
    turned = replace(pointing, task=replace(pointing.task, alt="with a dart at {}"))
    image = read_page(render(turned)).one("section", id="augmented").one("img")
    assert image.attributes["alt"] == "A training picture with a dart at 12, 30"


def test_sections_of_a_task_stand_behind_what_the_run_saw(pointing, read_page):
    def sections(found: Any, examples: list[Any]) -> list[Section]:
        return [
            Section(f"far-{n}", f"Far {n}", "repeat.html", {"command": f"{found.total} {n} {examples}"}) for n in "ab"
        ]

    page = read_page(render(replace(pointing, task=replace(pointing.task, sections=sections), examples=["<i>"])))
    assert [link.text for link in page.one("nav").all("a")][:4] == ["Curves", "What it saw", "Far a", "Far b"]
    order = [part.attributes.get("id") for part in page.all("section")]
    assert order == [None, "curves", "seen", "far-a", "far-b", "augmented", "data", "cost", "recipe", "repeat"]
    part = page.one("section", id="far-b")
    assert (part.one("h2").text, part.one("pre").text) == ("Far b", "1200 b ['<i>']")


def test_the_model_card_tells_the_first_figure(pointing, tmp_path):
    network = create_model("lenet5", classes=2, in_channels=1)
    lines = model_card(pointing, network, tmp_path / "darts").splitlines()
    assert lines[1:4] == ['library_name: "striate"', 'tags: ["lenet5"]', 'metrics: ["mean distance"]']
    assert "lenet5 for one point." in lines
    assert "- Mean distance 3.2500 on 1,200 pictures of the test split (95 % interval 3.0000 to 3.5000)." in lines
    assert not [line for line in lines if "classes" in line or "ccuracy" in line]
    named = replace(pointing, task=replace(pointing.task, tags=("keypoint-detection",), limits="It points once."))
    assert "- It points once." in model_card(named, network, tmp_path).splitlines()


def test_an_epoch_and_the_result_are_told_in_the_figures_of_the_task(pointing):
    reporter = Reporter(stream := io.StringIO())
    reporter.task = pointing.task
    reporter.begin(30, (0.0, 0.5, 0.75, 1.0))
    reporter.epoch(pointing.history[1])
    reporter.result(pointing)
    epoch, result = stream.getvalue().splitlines()
    assert epoch.startswith(
        "epoch   2/3  loss 1.0000  val loss 1.5000  val mean distance 6.5000  val close enough 50.00% *  1,000 images/s"
    )
    assert result.startswith("test mean distance 3.2500 (95 % interval 3.0000 to 3.5000) on 1,200 pictures; trained in")
