import pytest
import torch

from detected import NAMES, drawn_data, evaluated
from factories import batch_of
from striate.ops.error_budget import KINDS
from striate.report.page import render
from striate.tasks.detection.examples import costliest_errors
from striate.tasks.detection.metric import DetectionMetric
from striate.tasks.detection.sections import TITLES

SECTIONS = ["Classes", "Scores", "Where it loses", "Confusion", "Pictures"]


def nothing_found(names: tuple[str, ...], labels: list[int]):
    """An evaluation of a picture with objects of some classes, of which nothing is found."""
    metric = DetectionMetric(names)
    count = len(labels)
    boxes = torch.tensor([[0.0, 0, 10, 10]]).repeat(count, 1)
    targets = batch_of(
        boxes, torch.tensor(labels, dtype=torch.int64), torch.zeros(count, dtype=torch.int64), (32, 32), pictures=1
    )
    metric.add(torch.zeros(1, 100, 6), targets)
    return metric.result()


def test_headline_and_key_figures(detecting, read_page):
    page = read_page(render(detecting))
    found = detecting.evaluation.figures()
    expected = f"{100 * found['map']:.1f} % mean average precision (IoU 0.5 to 0.95) on 5 test pictures (95 % interval"
    assert page.one("p", class_="result").text.startswith(expected)
    boxes = {box.one("dt").text: box.one("b").text for box in page.one("dl").all("div")}
    assert boxes["mAP at IoU 0.5"] == f"{100 * found['map50']:.1f} %"
    assert boxes["Loses most by"] in {title for title, _ in TITLES.values()}
    assert [link.text for link in page.one("nav").all("a")][2:7] == SECTIONS


def test_classes_stand_with_their_figures_weakest_first_and_sizes_below(detecting, read_page):
    classes, sizes = read_page(render(detecting)).one("section", id="classes").all("table")
    head, *rows = classes.rows()
    assert head[:3] == ["class", "objects", "mAP"]
    assert {row[0]: row[1] for row in rows} == {"ant": "7", "bee": "5", "cat": "3"}
    shares = [float(row[2].removesuffix(" %")) for row in rows]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[2]
    assert [row[:2] for row in sizes.rows()[1:]] == [
        ["all", "15"], ["small, up to 32×32 px", "2"], ["medium, up to 96×96 px", "13"], ["large", "0"],
    ]  # fmt: skip
    assert sizes.rows()[4][2:] == ["–", "–"]


def test_curves_are_of_each_class_and_say_so(detecting, read_page):
    part = read_page(render(detecting)).one("section", id="scores")
    means, classes, scores = part.all("svg")
    assert [len(chart.all("path")) for chart in (means, classes, scores)] == [3, 3, 3]
    assert means.attributes["aria-label"].startswith("Precision: IoU 0.5 ")
    assert all(name in classes.attributes["aria-label"] for name in NAMES)
    first = classes.all("path")[0].attributes["d"]
    assert first.startswith("M44.0 22.0L")  # from a recall of 0 at a precision of 1
    assert first.count("L") == 100
    head, *rows = part.one("table").rows()
    assert head == ["class", "score", "precision", "recall", "F1"]
    advice = dict(zip(detecting.names, detecting.evaluation.advice, strict=True))
    assert {row[0]: row[1] for row in rows[:3]} == {
        name: f"{each.threshold:.2f}" if each else "–" for name, each in advice.items()
    }
    assert rows[3][0] == "all classes"


def test_errors_stand_by_what_they_cost(detecting, read_page):
    part = read_page(render(detecting)).one("section", id="errors")
    rows = part.one("table").rows()[1:]
    costs = detecting.evaluation.costs
    ordered = sorted(KINDS, key=lambda kind: -costs[kind])
    assert [row[0].startswith(TITLES[kind][0]) for row, kind in zip(rows, ordered, strict=True)] == [True] * 6
    assert [row[2] for row in rows] == [str(detecting.evaluation.errors.count()[kind]) for kind in ordered]
    assert "--recall:100.0%" in part.all("i")[0].attributes["style"]


def test_confusion_ends_with_background(detecting, read_page):
    matrix, pairs = read_page(render(detecting)).one("section", id="confusion").all("table")
    assert matrix.rows()[0] == ["", *NAMES, "background"]
    counts = detecting.evaluation.confusion
    assert [int(cell or 0) for cell in matrix.rows()[-1][1:]] == counts[-1].tolist()
    assert pairs.rows()[0] == ["class", "taken for", "objects", "of the class"]


def test_pictures_stand_by_kind(detecting, read_page):
    part = read_page(render(detecting)).one("section", id="pictures")
    titles = [title.text for title in part.all("h3")]
    assert titles[-1] == "Went well"
    assert {title.lower() for title in titles[:-1]} == {title for title, _ in TITLES.values()}
    captions = [caption.text for caption in part.all("figcaption")]
    assert "bee (85%) in place of antb.png" in captions
    assert len(part.all("img")) == len(detecting.examples) == 10


@pytest.mark.parametrize("labels", [[], [0, 2]])
def test_a_network_that_finds_nothing_has_a_page(detecting_of, read_page, labels):
    page = read_page(render(detecting_of(nothing_found(NAMES, labels))))
    assert page.one("p", class_="result").text.startswith("0.0 % mean average precision")
    assert ("nothing to draw" in page.one("section", id="scores").text) == (not labels)
    assert page.one("section", id="pictures").all("img") == []


def test_of_many_classes_the_weakest_are_drawn_and_the_rest_is_folded(detecting_of, read_page):
    names = tuple(f"class {n}" for n in range(80))
    page = read_page(render(detecting_of(nothing_found(names, list(range(50))))))
    charts = page.one("section", id="scores").all("svg")
    assert len(charts[1].all("path")) == 8
    assert "the 8 classes with the lowest" in page.one("section", id="scores").text
    assert page.one("section", id="classes").one("summary").text == "The other 40 classes"
    assert page.one("section", id="confusion").one("img").attributes["src"].startswith("data:image/png")


def test_hostile_names_are_text(detecting_of, tmp_path, read_page):
    data = drawn_data(tmp_path)
    hostile = ("<script>alert(1)</script>", "</svg><b>", '" onload="x')
    found, numbers = evaluated(data, hostile)
    page = read_page(render(detecting_of(found, costliest_errors(found, data, numbers))))
    assert not page.all("script")
    assert not page.one("section", id="scores").all("b", onload="x")
    assert hostile[0] in page.one("section", id="classes").text
