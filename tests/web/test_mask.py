"""The page before a network that answers for every pixel."""

import base64
import csv
import io

import httpx
import numpy as np
import pytest
from PIL import Image

import striate
from browsing import digits, opened, served, upload
from factories import tinted_masks

SETTINGS = {"model": "recurrent_labelling", "size_px": 32, "epochs": 6, "batch_size": 8, "peak_lr": 1e-3}


@pytest.fixture(scope="module")
def tinted(tmp_path_factory):
    """A run that tells warm from cold, pixel by pixel, and the folder of its pictures."""
    folder = tmp_path_factory.mktemp("tinted")
    data = tinted_masks(folder / "data")
    return striate.train(data, run=folder / "run", autotune=False, threads=1, **SETTINGS), data


@pytest.fixture(scope="module")
def masks_server(tinted):
    with served(tinted[0].path) as url:
        yield url


def test_the_mask_is_that_of_predict(tinted, masks_server):
    run, data = tinted
    file = data / "images" / "00.png"
    (expected,) = run.predict(file)
    found = httpx.post(f"{masks_server}mask", files={"picture": file.read_bytes()}).json()
    numbers = np.frombuffer(base64.b64decode(found["numbers"]), np.uint8).reshape(found["height"], found["width"])
    labels = np.array([each["label"] for each in found["classes"]])
    assert (labels[numbers] == np.array(expected.names)[expected.mask]).all()
    assert {each["label"]: each["share"] for each in found["classes"]} == {
        n: s for n, s in expected.shares.items() if s
    }
    several = httpx.post(f"{masks_server}mask", files=[("a", file.read_bytes()), ("b", file.read_bytes())])
    assert (several.status_code, "one picture at a time" in several.json()["problem"]) == (422, True)


def test_a_classifier_has_no_masks(server):
    answer = httpx.post(f"{server}mask", files={"picture": digits(1)[0]})
    assert answer.status_code == 422
    assert "masks are of segmentation, and this network's task is classification" in answer.json()["problem"]


@pytest.mark.browser
def test_the_classes_lie_over_the_picture(browser, tinted, masks_server):
    run, data = tinted
    file = data / "images" / "00.png"
    (expected,) = run.predict(file)
    ranked = sorted(expected.shares.items(), key=lambda each: -each[1])
    with opened(browser, masks_server, accept_downloads=True) as page:
        page.set_input_files("#files", [upload(f"{n}.png", file.read_bytes()) for n in range(2)])
        page.wait_for_selector(".opacity")
        heat = page.locator("canvas.heat")
        assert heat.is_visible()
        assert heat.evaluate("canvas => [canvas.width, canvas.height]") == [32, 32]
        colours = heat.evaluate("canvas => [...canvas.getContext('2d').getImageData(0, 0, 32, 32).data]")
        assert len(np.unique(np.array(colours).reshape(-1, 4), axis=0)) == len([s for _, s in ranked if s])
        assert page.locator(".bars .name").all_inner_texts() == [name for name, share in ranked if share]
        page.get_by_label("Opacity").fill("20")
        assert heat.evaluate("canvas => canvas.style.opacity") == "0.2"
        with page.expect_download() as download:
            page.locator("#csv").click()
        rows = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
        assert rows[0] == ["path", "cold", "warm", "problem"]
        assert [float(cell) for cell in rows[1][1:3]] == [expected.shares[name] for name in ("cold", "warm")]
        picture = Image.open(io.BytesIO(page.screenshot()))
        assert picture.size == (1200, 900)
