"""The report page says what the facts say, escapes what strangers wrote, and needs nothing but itself."""

import base64
import io
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from striate.report.facts import Sample
from striate.report.page import render, write_report
from striate.tasks.classification import Mistake


def cells(count, hits):
    """A confusion matrix of `count` classes, `hits` right in each, and two of each class taken for the next."""
    return np.eye(count, dtype=np.int64) * hits + np.roll(np.eye(count, dtype=np.int64), 1, axis=1) * 2


def section(page, name):
    return page.one("section", id=name)


def pixels_of(uri):
    head, _, body = uri.partition(";base64,")
    assert head in ("data:image/png", "data:image/jpeg")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body, validate=True))))


def test_one_line_result(make_facts, read_page):
    facts = make_facts()
    result = read_page(render(facts)).one("p", class_="result").text
    assert result.startswith("90.0 % of 20 test pictures are classified correctly")  # 9 + 5 + 4 of 20
    low, high = facts.evaluation.interval
    assert f"(95 % interval {100 * low:.1f} to {100 * high:.1f} %)" in result
    assert f"lenet5, a network of {facts.cost.params:,} parameters and {facts.cost.macs:,} multiply-acc" in result
    assert result.endswith("trained in 1 min 15 s.")


def test_key_figures(make_facts, read_page):
    boxes = read_page(render(make_facts())).one("dl").all("div")
    figures = {box.one("dt").text: (box.one("b").text, *(remark.text for remark in box.all("span"))) for box in boxes}
    assert figures["Accuracy"] == ("90.0 %", "18 of 20")
    balanced = 100 * (9 / 10 + 5 / 6 + 4 / 4) / 3
    assert figures["Balanced accuracy"][0] == f"{balanced:.1f} %"
    assert figures["Loss"][0] == "0.250"
    assert figures["Training time"] == ("1 min 15 s", "1,002 pictures/s")  # median of 1001, 1002, 1003, 1004
    assert figures["Best epoch"][0] == "3"
    assert "Among the first five" not in figures  # of three


def test_validation_is_called_what_it_is(make_facts, read_page):
    page = read_page(render(make_facts(evaluated_split="val")))
    assert "of 20 validation pictures" in page.one("p", class_="result").text
    assert "also chose the best weights, so the figure flatters" in page.one("header").text
    assert "flatters" not in read_page(render(make_facts())).one("header").text


def test_class_table_is_sorted_and_equals_the_evaluation(make_facts, read_page):
    facts = make_facts()
    table = section(read_page(render(facts)), "classes").one("table")
    rows = table.rows()[1:]
    assert [row[0] for row in rows] == ["dog", "cat", "fox"]  # 5/6, 9/10, 4/4
    by_name = {row["class"]: row for row in facts.evaluation.per_class()}
    for name, pictures, recall, interval, _, precision in rows:
        row = by_name[name]
        assert pictures == str(row["pictures"])
        assert recall == f"{100 * row['recall']:.1f} %"
        assert interval == "{:.1f} to {:.1f} %".format(*(100 * end for end in row["recall_interval"]))
        assert precision == f"{100 * row['precision']:.1f} %"
    bars = [bar.attributes["style"] for bar in table.all("i")]
    assert bars[1].startswith("--recall:90.0%;--low:59.6%;--high:98.2%")  # Wilson for 9 of 10


def test_confusion_table_equals_the_counts(make_facts, read_page):
    facts = make_facts()
    table = section(read_page(render(facts)), "confusion").one("table", class_="confusion")
    assert [row[1:] for row in table.rows()[1:]] == [["9", "1", ""], ["", "5", "1"], ["", "", "4"]]
    assert table.rows()[0] == ["", "cat", "dog", "fox"]
    hits = [cell.text for cell in table.all("td", class_="hit")]
    misses = [(cell.text, cell.attributes["title"]) for cell in table.all("td", class_="miss")]
    assert hits == ["9", "5", "4"]
    assert misses == [("1", "cat taken for dog"), ("1", "dog taken for fox")]
    pairs = section(read_page(render(facts)), "confusion").one("table", class_="pairs").rows()[1:]
    assert pairs == [["cat", "dog", "1", "10.0 %"], ["dog", "fox", "1", "16.7 %"]]


def test_many_classes_get_a_map_and_folded_rows(make_facts, read_page):
    confusion = cells(200, 7)
    confusion[3, 9] = 5
    page = read_page(render(make_facts(confusion)))
    part = section(page, "confusion")
    assert part.all("table", class_="confusion") == []
    pairs = part.one("table", class_="pairs").rows()
    assert pairs[1] == ["class 3", "class 9", "5", f"{100 * 5 / 14:.1f} %"]
    assert len(pairs) == 1 + 15
    pixels = pixels_of(part.one("img").attributes["src"])
    assert pixels.shape == (200, 200, 4)
    assert np.array_equal(pixels[..., 3] > 0, confusion > 0)
    classes = section(page, "classes")
    assert [len(table.rows()) - 1 for table in classes.all("table")] == [40, 160]
    assert len(classes.one("details").all("tr")) == 161
    assert classes.one("summary").text == "The other 160 classes"


@pytest.mark.parametrize(("count", "tables"), [(30, 1), (31, 0)])
def test_where_the_matrix_ends(make_facts, read_page, count, tables):
    part = section(read_page(render(make_facts(cells(count, 3)))), "confusion")
    assert len(part.all("table", class_="confusion")) == tables
    assert len(part.all("img")) == 1 - tables


def test_a_class_without_pictures(make_facts, read_page):
    page = read_page(render(make_facts(((9, 1, 0), (0, 6, 0), (0, 0, 0)))))
    assert section(page, "classes").one("table").rows()[-1] == ["fox", "0", "–", "–", "no test picture", "–"]
    assert section(page, "confusion").one("table", class_="confusion").rows()[3] == ["fox", "", "", ""]


def test_one_class_only(make_facts, read_page):
    page = read_page(render(make_facts(((5,),), examples=[])))
    assert section(page, "classes").one("table").rows()[1][:3] == ["class 0", "5", "100.0 %"]


def test_mistakes_with_their_pictures(make_facts, read_page):
    facts = make_facts()
    part = section(read_page(render(facts)), "mistakes")
    assert "2 of 20 test pictures were taken for another class; these are all of them" in part.one("p").text
    captions = [caption.text for caption in part.all("figcaption")]
    assert captions == ["cat → fox91 % surea.png", "fox → cat51 % sureb.png"]
    assert part.all("bdi", class_="file")[0].attributes["title"] == "pets/cat/a.png"
    for image, mistake in zip(part.all("img"), facts.examples, strict=True):
        assert np.array_equal(pixels_of(image.attributes["src"]), mistake.pixels[:, :, 0])
        assert image.attributes["class"] == "pixelated"
        assert (image.attributes["width"], image.attributes["height"]) == ("128", "128")
        assert image.attributes["alt"] == f"A picture of class {mistake.truth}"


def test_at_most_24_mistakes_and_the_page_says_so(make_facts, read_page):
    facts = make_facts(((50, 30, 0), (0, 5, 1), (0, 0, 4)))
    part = section(read_page(render(replace(facts, examples=facts.examples * 15))), "mistakes")
    assert len(part.all("img")) == 24
    assert "31 of 90 test pictures were taken for another class" in part.one("p").text
    assert "the 24 that the network was surest of, the surest first" in part.one("p").text


def test_no_mistakes(make_facts, read_page):
    page = read_page(render(make_facts(((9, 0, 0), (0, 5, 0), (0, 0, 4)), examples=[])))
    part = section(page, "mistakes")
    assert part.one("p").text.startswith("None: all 18 test pictures were recognised.")
    assert part.all("img") == []
    assert section(page, "confusion").all("table", class_="pairs") == []


def test_training_pictures_as_the_network_sees_them(make_facts, read_page):
    facts = make_facts()
    part = section(read_page(render(facts)), "augmented")
    assert [caption.text for caption in part.all("figcaption")] == [sample.label for sample in facts.augmented]
    shown = [pixels_of(image.attributes["src"]) for image in part.all("img")]
    assert len(shown) == 16
    assert all(np.array_equal(a, b.pixels[:, :, 0]) for a, b in zip(shown, facts.augmented, strict=True))


def test_large_pictures_are_thumbnailed_and_the_page_stays_small(make_facts, read_page):
    noise = np.random.default_rng(0).integers(0, 256, (375, 500, 3), dtype=np.uint8)  # the worst to compress
    small = noise[:64, :64]
    facts = make_facts(
        examples=[Mistake("n.jpg", "cat", "dog", 0.9, noise)] * 24, augmented=[Sample("cat", small)] * 16
    )
    page = render(facts)
    assert len(page.encode()) < 1_500_000
    image = section(read_page(page), "mistakes").all("img")[0]
    assert pixels_of(image.attributes["src"]).shape == (120, 160, 3)
    assert (image.attributes["width"], image.attributes["height"]) == ("128", "96")
    exact = section(read_page(page), "augmented").all("img")[0]
    assert np.array_equal(pixels_of(exact.attributes["src"]), small)


def test_cost_columns_add_up_to_the_totals(make_facts, read_page):
    facts = make_facts()
    table = section(read_page(render(facts)), "cost").one("table")
    body, total = table.one("tbody").rows(), table.one("tfoot").rows()[0]
    sums = [sum(int(row[column].replace(",", "")) for row in body) for column in (3, 4, 5)]
    assert sums == [facts.cost.params, facts.cost.macs, facts.cost.activations]
    assert total[3:] == [f"{number:,}" for number in sums]
    first = next(row for row in body if row[1] == "Conv2d")
    assert first[2:5] == ["6×28×28", f"{6 * (5 * 5 * 1 + 1)}", f"{6 * 5 * 5 * 28 * 28:,}"]
    assert "Not counted as MACs: " in section(read_page(render(facts)), "cost").text
    assert "tanh × 4" in section(read_page(render(facts)), "cost").text


def test_without_cost(make_facts, read_page):
    page = read_page(render(make_facts(cost=None)))
    assert "by lenet5, trained in" in page.one("p", class_="result").text
    assert section(page, "cost").one("p").text == "The cost of this network was not taken."


def test_data_recipe_machine_and_command(make_facts, read_page):
    facts = make_facts(command="striate train 'my pets' --set note=\"a<b\"")
    facts.data["warnings"].append("3 pictures in more than one split")
    facts.data["counts"]["val"][1] = 1
    page = read_page(render(facts))
    counts, per_class = (table.rows()[1:] for table in section(page, "data").all("table"))
    assert counts == [["train", "210", "70", "70"], ["val", "31", "1", "15"], ["test", "45", "15", "15"]]
    assert per_class[1] == ["dog", "70", "1", "15"]
    assert section(page, "data").one("li").text == "3 pictures in more than one split"
    assert section(page, "data").all("p")[0].text == "pets, 3 classes. Made from the names."
    recipe, machine = (dict(table.rows()) for table in section(page, "recipe").all("table"))
    assert recipe == {
        "model": "lenet5",
        "peak_lr": "0.05",
        "flip": "true",
        "dropout": "none",
        "drop_at": "0.5, 0.75",
    }
    assert machine == {"processor": "Abacus 3000", "threads": "2", "versions.torch": "2.13.0"}
    assert section(page, "repeat").one("pre").text == "striate train 'my pets' --set note=\"a<b\""


def test_every_epoch_is_in_the_table(make_facts, read_page):
    rows = section(read_page(render(make_facts())), "curves").one("table").rows()[1:]
    assert [row[0] for row in rows] == ["1", "2", "3 (best)", "4"]
    assert rows[1] == ["2", "0.075", "0.5", "75.0 %", "0.6", "70.0 %", "1,002", "6.0 s"]


HOSTILE = "<script>alert('x')</script>\"&'</style>"


def test_what_strangers_wrote_stays_text(make_facts, read_page):
    facts = make_facts(
        classes=(HOSTILE, "{{ 7 * 7 }}", "\N{RIGHT-TO-LEFT OVERRIDE}fox"),
        title=HOSTILE,
        command=HOSTILE,
        recipe={"model": HOSTILE},
        machine={HOSTILE: HOSTILE},
        examples=[Mistake(f"photos/{HOSTILE}.png", HOSTILE, HOSTILE, 0.5, np.zeros((8, 8, 3), np.uint8))],
    )
    facts.data["source"] = facts.data["split_rule"] = HOSTILE
    facts.data["warnings"].append(HOSTILE)
    source = render(facts)
    assert "<script" not in source
    page = read_page(source)
    assert page.one("h1").text == HOSTILE
    assert section(page, "repeat").one("pre").text == HOSTILE
    heads = section(page, "confusion").one("table", class_="confusion").rows()[0]
    assert heads[1:3] == [HOSTILE, "{{ 7 * 7 }}"]
    assert len(page.all("style")) == 1
    handlers = [name for tag in ("td", "th", "img", "bdi") for e in page.all(tag) for name in e.attributes]
    assert not [name for name in handlers if name.startswith("on")]


def test_file_names_that_are_not_utf8(make_facts, tmp_path):
    broken = b"photos/caf\xe9.png".decode("utf-8", "surrogateescape")
    facts = make_facts(examples=[Mistake(broken, "cat", "dog", 0.5, np.zeros((8, 8, 3), np.uint8))])
    write_report(tmp_path / "report.html", facts)
    assert "caf?.png" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_nothing_is_loaded_and_nothing_runs(make_facts, read_page):
    source = render(make_facts())
    page = read_page(source)
    assert page.all("script") == page.all("link") == page.all("iframe") == []
    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert all(image.attributes["src"].startswith("data:image/") for image in page.all("img"))
    assert all(link.attributes["href"].startswith("#") for link in page.all("a"))
    assert "url(" not in source and "@import" not in source
    assert re.findall(r"https?://", source) == []


def test_the_page_can_be_heard_and_navigated(make_facts, read_page):
    page = read_page(render(make_facts()))
    assert page.one("html").attributes["lang"] == "en"
    assert all(image.attributes["alt"] for image in page.all("img"))
    assert all(
        chart.attributes["aria-label"].endswith("; best epoch 3.") for chart in section(page, "curves").all("svg")
    )
    assert all(drawing.attributes["aria-label"] for drawing in page.all("svg"))
    assert all(head.attributes["scope"] in ("col", "row") for head in page.all("th"))
    identities = {e.attributes["id"] for e in (*page.all("section"), *page.all("h2")) if "id" in e.attributes}
    assert {link.attributes["href"][1:] for link in page.all("a")} <= identities
    assert {part.attributes.get("aria-labelledby", "curves") for part in page.all("section")} <= identities
    assert len(page.all("h1")) == 1


@pytest.mark.parametrize("epochs", [1, 2, 300])
def test_curves_for_any_number_of_epochs(make_facts, read_page, epochs):
    facts = make_facts()
    last = facts.history[-1]
    history = [{**last, "epoch": epoch, "train_loss": 1 / epoch} for epoch in range(1, epochs + 1)]
    part = section(read_page(render(replace(facts, history=history, best_epoch=epochs))), "curves")
    assert [caption.text for caption in part.all("figcaption")] == [
        "Loss cross-entropy in nats",
        "Accuracy in %",
        "Learning rate per step",
    ]
    for chart in part.all("svg"):
        numbers = [float(n) for path in chart.all("path") for n in re.findall(r"[\d.]+", path.attributes["d"])]
        assert all(math.isfinite(number) and 0 <= number <= 352 for number in numbers)
        assert f"best: {epochs}" in chart.text and "epoch" in chart.text


def test_a_run_that_diverged(make_facts, read_page):
    facts = make_facts()
    history = [*facts.history, {**facts.history[-1], "epoch": 5, "train_loss": math.nan, "val_loss": None, "lr": 0.0}]
    part = section(read_page(render(replace(facts, history=history))), "curves")
    assert "nan" not in "".join(path.attributes["d"] for path in part.all("path"))
    assert part.one("table").rows()[-1][2:5:2] == ["nan", "–"]


def test_a_run_without_a_finished_epoch(make_facts, read_page):
    part = section(read_page(render(make_facts(history=[]))), "curves")
    assert part.one("p").text == "No epoch was finished, so there is nothing to draw."


def test_the_file_is_written_whole_and_again(make_facts, tmp_path):
    path = tmp_path / "run" / "report.html"
    write_report(path, make_facts(title="first"))
    write_report(path, make_facts(title="second"))
    assert path.read_text(encoding="utf-8") == render(make_facts(title="second"))
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]
