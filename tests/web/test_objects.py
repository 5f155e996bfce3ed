"""The page before a network that finds objects."""

import csv
import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import striate
from browsing import opened, png, require_accessible, served, upload
from factories import tinted_objects, trial_of
from striate.answers.detections import DETECTION, SHOWN_FROM, Detected, Detections
from striate.answers.instances import Instance
from striate.answers.palette import colour_of
from striate.core.records import Preprocess
from striate.web.page import page_facts

pytestmark = pytest.mark.browser
NAMES = ("RBC", "WBC", "<b>plate</b>")
FOUND = Detections(
    "a.png",
    (
        Detected("RBC", 0.95, (0.1, 0.0, 0.4, 0.5), 0),
        Detected("WBC", 0.5, (0.5, 0.25, 1.0, 1.0), 1),
        Detected("RBC", 0.31, (0.25, 0.5, 0.5, 0.75), 0),
        Detected("<b>plate</b>", 0.2, (0.0, 0.9, 0.1, 1.0), 2),
    ),
)
PICTURE = png(np.full((50, 80, 3), 200, np.uint8))


def facts() -> dict:
    predictor = SimpleNamespace(preprocess=Preprocess((32, 32), (32, 32)), classes=NAMES, task_name=DETECTION)
    return page_facts(predictor)


def before(browser, server, found: Detections = FOUND, **options):
    answers = {"page": facts(), "predict*": [found.to_dict()]}
    return opened(browser, server, answers=answers, **options)


def test_the_page_is_told_of_colours_and_of_the_score():
    told = facts()
    assert told["shown_from"] == SHOWN_FROM
    assert told["colours"] == {name: colour_of(number) for number, name in enumerate(NAMES)}
    assert not told["classifies"] and not told["draws"]


def test_boxes_lie_over_the_picture_and_are_listed(browser, server):
    with before(browser, server) as page:
        page.set_input_files("#files", [upload("a.png", PICTURE)])
        page.wait_for_selector(".objects")
        assert page.locator(".best").inner_text() == "2 RBC, 1 WBC"
        picture = page.locator(".stage img").bounding_box()
        shown = page.locator(".object:visible")
        assert shown.count() == 3
        found = shown.last.bounding_box()  # the surest is on top
        for edge, share, side in (("x", 0.1, "width"), ("y", 0.0, "height")):
            assert found[edge] - picture[edge] == pytest.approx(share * picture[side], abs=1)
        assert found["width"] == pytest.approx(0.3 * picture["width"], abs=1)
        assert found["height"] == pytest.approx(0.5 * picture["height"], abs=1)
        colour = shown.last.evaluate("each => getComputedStyle(each).borderTopColor.match(/\\d+/g).map(Number)")
        assert tuple(colour) == colour_of(0)
        assert page.locator(".line:visible .name").all_inner_texts() == ["RBC", "WBC", "RBC"]
        assert "95\u00a0%" in page.locator(".line").first.inner_text()


def test_the_least_score_is_moved(browser, server):
    with before(browser, server, accept_downloads=True) as page:
        page.set_input_files("#files", [upload(f"{n}.png", PICTURE) for n in range(2)])
        page.wait_for_selector(".objects")
        assert page.locator("#grid .words").all_inner_texts() == ["2 RBC, 1 WBC"] * 2
        slider = page.get_by_label("Least score")
        assert slider.input_value() == "30"
        for value, words in (("10", "2 RBC, 1 WBC, 1 <b>plate</b>"), ("60", "1 RBC"), ("96", "nothing")):
            slider.fill(value)
            assert page.locator(".best").inner_text() == words
            assert page.locator("#grid .words").all_inner_texts() == [words] * 2
            assert page.locator(".object:visible").count() == page.locator(".line:visible").count()
        slider.fill("40")
        assert page.locator("#status").inner_text() == "2 objects: 1 RBC, 1 WBC"
        with page.expect_download() as download:
            page.locator("#csv").click()
        rows = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
        assert rows[0] == ["path", "label", "score", "x0", "y0", "x1", "y1", "objects", "problem"]
        assert rows[1:3] == [
            ["0.png", "RBC", "0.95", "8", "0", "32", "25", "2", ""],
            ["0.png", "WBC", "0.5", "40", "12.5", "80", "50", "2", ""],
        ]
        assert len(rows) == 5


def test_one_object_is_lit_by_pointer_and_by_keys(browser, server):
    with before(browser, server) as page:
        page.set_input_files("#files", [upload("a.png", PICTURE)])
        page.wait_for_selector(".objects")
        lit = page.locator(".object.lit")
        page.locator(".line").nth(1).hover()
        assert lit.inner_text() == "WBC" and page.locator(".over.dim").count() == 1
        page.mouse.move(0, 0)
        assert lit.count() == 0 and page.locator(".over.dim").count() == 0
        page.get_by_label("Least score").focus()
        page.keyboard.press("Tab")
        assert lit.inner_text() == "RBC"
        page.keyboard.press("Enter")
        assert page.locator(".line").first.get_attribute("aria-pressed") == "true"
        page.keyboard.press("Tab")
        assert page.locator(".object.kept").inner_text() == "RBC" and lit.inner_text() == "WBC"


def test_a_picture_of_nothing_says_so(browser, server):
    with before(browser, server, Detections("a.png", ())) as page:
        page.set_input_files("#files", [upload(f"{n}.png", PICTURE) for n in range(2)])
        page.wait_for_selector(".best")
        assert page.locator(".best").inner_text() == "nothing"
        assert page.locator("#grid .words").first.inner_text() == "nothing"
        assert page.locator("#least").count() == 0


def test_the_shapes_of_instances_lie_over_the_picture(browser, server):
    """A ring, which is whole only with its hole left out, and a square that is not told of at first."""
    y, x = np.mgrid[:28, :28] - 13.5
    ring = ((np.hypot(y, x) < 13) & (np.hypot(y, x) > 6)).astype(np.float32)
    found = Detections(
        "a.png",
        (
            Instance("RBC", 0.9, (0.0, 0.0, 0.5, 1.0), 0, ring),
            Instance("WBC", 0.2, (0.5, 0.0, 1.0, 1.0), 1, np.ones((28, 28), np.float32)),
        ),
    )
    with before(browser, server, found) as page:
        page.set_input_files("#files", [upload("a.png", png(np.full((400, 640, 3), 200, np.uint8)))])
        page.wait_for_selector(".objects")
        page.locator(".stage img").evaluate("image => image.decode()")

        def colour(left, top):
            place = page.locator(".stage img").bounding_box()
            shot = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)
            return shot[int(place["y"] + top * place["height"]), int(place["x"] + left * place["width"])]

        own, other = np.array(colour_of(0)), np.array(colour_of(1))
        on_ring, in_hole, on_square = (0.25, 0.84), (0.25, 0.5), (0.75, 0.5)
        slider = page.get_by_label("Opacity")
        assert slider.input_value() == "45"
        assert np.abs(colour(*on_ring) - (0.55 * 200 + 0.45 * own)).max() <= 3
        assert np.abs(colour(*in_hole) - 200).max() <= 1 and np.abs(colour(*on_square) - 200).max() <= 1
        slider.fill("100")
        assert np.abs(colour(*on_ring) - own).max() <= 3
        page.get_by_label("Least score").fill("10")
        assert np.abs(colour(*on_square) - other).max() <= 3
        require_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
def test_contrast_names_and_width(browser, server, scheme, width):
    with before(browser, server, color_scheme=scheme) as page:
        page.set_viewport_size({"width": width, "height": 900})
        page.set_input_files("#files", [upload(f"{'_' * 60}{n}.png", PICTURE) for n in range(2)])
        page.wait_for_selector(".objects")
        page.locator(".line").first.hover()
        require_accessible(page)
        picture = Image.open(io.BytesIO(page.screenshot()))
        assert picture.size == (width, 900)


def test_a_detector_that_is_served_shows_what_predict_finds(browser, tmp_path):
    settings = {"autotune": False, "threads": 1, "epochs": 1, **trial_of("detection").settings}
    run = striate.train(tinted_objects(tmp_path / "data"), run=tmp_path / "run", **settings)
    file = next((tmp_path / "data").glob("*.png"))
    (expected,) = run.predict(file)
    with served(run.path) as url, opened(browser, url) as page:
        page.set_input_files("#files", [str(file)])
        page.wait_for_selector(".best")
        assert page.locator(".best").inner_text() == expected.told(9)
        page.get_by_label("Least score").fill("0")
        assert page.locator(".line:visible .name").all_inner_texts() == [each.label for each in expected.objects]
