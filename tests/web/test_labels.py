"""The page before a network that names any number of labels."""

import csv
import io

import pytest

import striate
from browsing import opened, served, upload
from factories import tinted_labels

SETTINGS = {"model": "resnet20", "weights": None, "size_px": 32, "epochs": 1, "batch_size": 8}


@pytest.mark.browser
def test_the_labels_stand_over_their_bars(browser, tmp_path):
    table = tinted_labels(tmp_path / "data")
    run = striate.train(table, run=tmp_path / "run", autotune=False, threads=1, **SETTINGS)
    file = table.parent / "03.png"
    (expected,) = run.predict(file)
    with served(run.path) as url, opened(browser, url, accept_downloads=True) as page:
        page.set_input_files("#files", [upload(f"{n}.png", file.read_bytes()) for n in range(2)])
        page.wait_for_selector(".best")
        said = page.locator(".best").inner_text()
        assert all(label in said for label, _ in expected.labels)
        assert expected.labels or said == "none of the labels"
        assert page.locator(".bars .name").all_inner_texts() == [label for label, _ in expected.top]
        assert page.locator("button.class").count() == 0
        with page.expect_download() as download:
            page.locator("#csv").click()
        rows = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert rows[0] == ["path", "labels", "probabilities", "problem"]
    assert rows[1] == ["0.png", ";".join(label for label, _ in expected.labels), expected.cells()["probabilities"], ""]
