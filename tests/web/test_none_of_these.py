"""The page and the endpoints before a network that refuses pictures of which it is too little sure."""

import csv
import io
import json
import shutil
import urllib.request

import pytest

import striate
from browsing import digits, opened, served, to_pictures, upload
from striate.answers.calibration import CALIBRATION, Calibration
from striate.core.files import write_json

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def refusing(lenet, tmp_path_factory):
    """The shared run, told to be sure of everything."""
    folder = tmp_path_factory.mktemp("refusing") / "run"
    shutil.copytree(lenet, folder)
    sha256 = striate.load(lenet).sha256
    write_json(folder / CALIBRATION, Calibration(2.0, none_below=1.0, keep=0.5, sha256=sha256).to_dict())
    return folder


def test_a_refused_picture_is_none_of_these(browser, refusing):
    with served(refusing) as url, opened(browser, url, accept_downloads=True) as page:
        with urllib.request.urlopen(f"{url.removesuffix('/')}/model") as answer:
            assert json.load(answer)["calibration"]["temperature"] == 2.0
        to_pictures(page)
        page.set_input_files("#files", [upload(f"{number}.png", each) for number, each in enumerate(digits(2))])
        page.wait_for_selector(".best")
        assert page.locator(".best").inner_text() == "none of these"
        assert page.locator(".tile .words").all_inner_texts() == ["none of these"] * 2
        assert page.locator(".bars .name").count() == 5
        with page.expect_download() as download:
            page.locator("#csv").click()
        heading, row, _ = csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig")))
    assert heading[1:5] == ["label", "probability", "label_2", "probability_2"]
    assert row[1] == "none of these" and row[2] == row[4]
