"""What the page asks, asked directly."""

import asyncio
import base64
import io
import json

import httpx
import numpy as np
import pytest
from PIL import Image

import striate
from striate.deploy.looking import heat_of, layers_of
from striate.deploy.serve.app import create_app
from striate.deploy.serve.settings import Settings
from striate.visual.occlusion import ASKED
from striate.web.page import add_page, page_facts
from striate.web.why import shown


def picture(height: int, width: int) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (height, width)).astype(np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def run(lenet):
    return striate.load(lenet)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    file = tmp_path_factory.mktemp("exported") / "lenet.onnx"
    run.export(output=file, data="digits")
    return striate.load(file)


def asked(predictor, path, *files, busy=0, **params):
    """The response to files in a form, or to nothing."""
    app = create_app(predictor, Settings(), [add_page])
    app.state.served.admission.pictures = busy

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            if not files:
                return await client.get(path)
            return await client.post(path, params=params, files=[("picture", ("x.png", each)) for each in files])

    try:
        return asyncio.run(ask())
    finally:
        app.state.served.close()


def test_the_reasons_of_a_run_lie_in_the_part_that_it_sees(run):
    response = asked(run, "/why", picture(32, 64), label="3")
    told = response.json()
    assert response.status_code == 200 and told["method"] == "Grad-CAM"
    assert told["box"] == [0.25, 0.0, 0.75, 1.0]
    values = np.frombuffer(base64.b64decode(told["values"]), np.uint8).reshape(told["height"], told["width"])
    with Image.open(io.BytesIO(picture(32, 64))) as whole:
        middle = np.array(whole)[:, 16:48, None]
    assert (values == (heat_of(run, middle, "3").values * 255).round()).all()


def test_an_exported_file_tells_reasons_but_no_layers(exported):
    told = asked(exported, "/why", picture(32, 32), label="3").json()
    assert told["method"] == "occlusion" and told["height"] == 32
    assert page_facts(exported)["draws"] and not page_facts(exported)["layers"]
    head, _, rest = asked(exported, "/layers", picture(32, 32)).content.partition(b"\n")
    told = json.loads(head)
    assert told["layers"] == [] and rest == b""
    assert told["answer"]["label"] in exported.classes


def test_layers_come_as_bytes_with_their_ranges(run):
    content = asked(run, "/layers", picture(32, 32)).content
    head, _, rest = content.partition(b"\n")
    told = json.loads(head)
    with Image.open(io.BytesIO(picture(32, 32))) as whole:
        expected = layers_of(run, np.array(whole)[:, :, None])
    assert [layer["name"] for layer in told["layers"]] == [layer.name for layer in expected]
    assert len(content) < 20_000
    start = 0
    for layer, ours in zip(told["layers"], expected, strict=True):
        length = int(np.prod(layer["shape"]))
        values = np.frombuffer(rest[start : start + length], np.uint8).reshape(layer["shape"]) / 255
        low, high = np.array(layer["ranges"]).T[:, :, None, None]
        assert low + values * (high - low) == pytest.approx(ours.values.reshape(layer["shape"]), abs=0.02)
        start += length
    assert start == len(rest)
    assert told["answer"]["top"][0]["label"] == told["answer"]["label"]


@pytest.mark.parametrize(
    ("files", "label", "status", "says"),
    [
        (1, "eleven", 422, "unknown class 'eleven'"),
        (2, "3", 422, "one picture at a time, got 2"),
        (0, "3", 422, "not a picture"),
    ],
)
def test_what_is_refused(run, files, label, status, says):
    response = asked(run, "/why", *([picture(8, 8)] * files or [b"text"]), label=label)
    assert response.status_code == status
    assert says in response.json()["problem"]


def test_who_is_busy_says_so(run, exported):
    for predictor, free in ((run, 1), (exported, ASKED - 1)):
        response = asked(predictor, "/why", picture(32, 32), busy=Settings().most_waiting - free, label="3")
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert asked(run, "/layers", picture(32, 32), busy=Settings().most_waiting).status_code == 503


def test_bars_beside_a_picture_have_no_heat():
    class Heat:
        method, values = "occlusion", np.arange(16.0).reshape(4, 4) / 15

    found = shown(Heat, (-0.5, 0.0, 1.5, 1.0))  # half of the width is bars
    assert (found["box"], found["height"], found["width"]) == ([0.0, 0.0, 1.0, 1.0], 4, 2)
    assert list(base64.b64decode(found["values"])) == [17, 34, 85, 102, 153, 170, 221, 238]


def test_every_file_of_the_page_is_served_under_the_policy(run):
    response = asked(run, "/")
    assert "script-src 'self'" in response.headers["content-security-policy"]
    assert "unsafe" not in response.headers["content-security-policy"]
    for path in ("main.js", "style.css", "colours.css", "icon.svg", "page", "docs"):
        assert asked(run, f"/{path}").status_code == 200, path
    assert asked(run, "/../page.py").status_code == 404


@pytest.mark.parametrize(
    ("channels", "side", "classes", "draws"),
    [
        (1, 64, ("cat", "dog"), True),
        (1, 65, ("cat", "dog"), False),
        (3, 32, ("0", "1"), True),
        (3, 32, ("cat",), False),
    ],
)
def test_who_has_a_pad(run, channels, side, classes, draws):
    class Other:
        preprocess = run.preprocess.for_channels(channels).at((side, side))
        task_name = "classification"

    Other.classes = classes
    assert page_facts(Other)["draws"] == draws
