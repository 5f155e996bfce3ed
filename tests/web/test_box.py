"""The page before a network that says where."""

import csv
import io

import pytest

import striate
from browsing import opened, served, upload
from factories import tinted_boxes

SETTINGS = {"model": "resnet20+box", "weights": None, "size_px": 32, "epochs": 1, "batch_size": 8}


@pytest.fixture(scope="module")
def tinted(tmp_path_factory):
    """A run of one box a picture, and the folder of its pictures."""
    folder = tmp_path_factory.mktemp("tinted")
    table = tinted_boxes(folder / "data")
    return striate.train(table, run=folder / "run", autotune=False, threads=1, **SETTINGS), table.parent


@pytest.mark.browser
def test_the_box_lies_over_the_picture(browser, tinted):
    run, data = tinted
    file = data / "00.png"
    (expected,) = run.predict(file)
    with served(run.path) as url, opened(browser, url, accept_downloads=True) as page:
        page.set_input_files("#files", [upload(f"{n}.png", file.read_bytes()) for n in range(2)])
        page.wait_for_selector(".found")
        picture, found = (page.locator(f".stage {part}").bounding_box() for part in ("img", ".found"))
        left, top, right, bottom = expected.box
        assert found["x"] - picture["x"] == pytest.approx(left * picture["width"], abs=1)
        assert found["y"] - picture["y"] == pytest.approx(top * picture["height"], abs=1)
        assert found["width"] == pytest.approx((right - left) * picture["width"], abs=1)
        assert found["height"] == pytest.approx((bottom - top) * picture["height"], abs=1)
        assert page.locator(".best").inner_text().endswith(expected.label)
        assert page.locator("button.class").count() == 0  # no heat map explains a box
        with page.expect_download() as download:
            page.locator("#csv").click()
        rows = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
        assert rows[0] == ["path", "label", "probability", "x0", "y0", "x1", "y1", "problem"]
        assert [float(cell) for cell in rows[1][3:7]] == pytest.approx(expected.box_at(32, 32), abs=0.011)
