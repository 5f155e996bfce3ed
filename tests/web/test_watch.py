"""Runs while they train: the endpoints, and the page in a real browser while a run's folder grows."""

import json
import os
import platform
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from itertools import pairwise

import httpx
import numpy as np
import pytest

from browsing import opened, png, require_accessible, until
from grown import BEGUN, begin, finish, grow, of, tear, with_states
from striate.models import create_model
from striate.training.folder.layout import LOCK, RECIPE, discard_metrics_after, locked

FOUND = {"kind": "x", "epoch": 2, "step": 20, "text": "the rate is too high: try --set peak_lr=0.01"}


@contextmanager
def watched(folder):
    """`striate watch`, as a person starts it; its address."""
    command = [sys.executable, "-m", "striate", "watch", str(folder), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield re.search(r"http://\S+/", server.stdout.readline())[0]
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.communicate(timeout=20)[1] == "striate: stopped\n"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs to look at, and the oldest, mice, which grows and is not drawn unless that is asked."""
    folder = tmp_path_factory.mktemp("runs")
    grow(begin(folder / "mice"), 1, 2, findings=[FOUND])
    os.utime(folder / "mice" / RECIPE, (1000, 1000))
    grow(begin(folder / "cats"), 1, 2)
    grow(begin(folder / "dogs"), *range(1, 9))
    finish(folder / "dogs")
    network = create_model("lenet5")
    network.features.c1.weight.data.fill_(float("nan"))  # as a run that diverges has them: drawn without a word
    pictures = tmp_path_factory.mktemp("pictures")
    (pictures / "a").mkdir()
    for number in range(5):
        (pictures / "a" / f"{number}.png").write_bytes(png(np.full((8, 8), 50 * number, np.uint8)))
    (folder / "cats" / RECIPE).write_text(json.dumps(BEGUN | of(pictures)))
    with_states(folder / "cats", pictures, {"network": network}, 10)
    with_states(folder / "cats", pictures, {"network": create_model("lenet5")}, 20)
    (begin(folder / "broken") / RECIPE).write_text("{")
    return folder


@pytest.fixture(scope="module")
def address(runs):
    with watched(runs) as url:
        yield url


@pytest.fixture
def client(address):
    with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
        yield client


def test_what_has_not_changed_is_not_sent_again(client):
    for path in ("/runs", "/curves?run=dogs"):
        first = client.get(path)
        again = client.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        assert client.get(path, headers={"if-none-match": '"another"'}).json() == first.json()


def test_how_runs_stand(client):
    stands = {run["run"]: run for run in client.get("/runs").json()["runs"]}
    assert {name: run["state"] for name, run in stands.items()} == {
        "cats": "stopped",
        "dogs": "finished",
        "broken": "damaged",
        "mice": "stopped",
    }
    assert stands["broken"]["problem"].endswith(
        "recipe.json is damaged: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    )
    assert (stands["dogs"]["value"], stands["dogs"]["epoch"]) == ("87.5\u202f%", 8)


@pytest.mark.parametrize("name", ["nobody", "../dogs", "", "/etc"])
def test_what_is_no_run_is_refused(client, name):
    for path in ("curves", "looks"):
        answer = client.get(path, params={"run": name})
        assert (answer.status_code, answer.json()) == (404, {"problem": "there is no such run here"})
    answer = client.get("look", params={"run": "dogs", "at": "../..", "sheet": 0})
    assert (answer.status_code, answer.json()) == (404, {"problem": "there is no such drawing, or not any more"})


def test_other_names_and_methods_are_refused(client):
    assert client.get("/runs", headers={"host": "elsewhere.org"}).status_code == 421
    assert client.post("/runs").status_code == 405
    assert "default-src 'none'" in client.get("/").headers["content-security-policy"]


# In the browser.


def rows(page) -> dict[str, str]:
    return {row.split("\n")[0]: row for row in page.locator("#runs li").all_inner_texts()}


def visit(browser, server, count=4, **options):
    return opened(browser, server, ready=lambda page: page.locator("#runs li").count() == count, **options)


def drawn(page, chart=0) -> list[str]:
    return (
        page.locator("#charts svg")
        .nth(chart)
        .locator("path")
        .evaluate_all("all => all.map(each => each.getAttribute('d'))")
    )


def points(page) -> list[int]:
    return [path.count(",") for path in drawn(page)]


@pytest.mark.browser
def test_a_run_grows_dies_and_goes_on_while_it_is_watched(browser, runs, address):
    run = runs / "mice"
    with visit(browser, address) as page:
        for name in ("broken", "cats", "dogs"):
            page.get_by_label(f"Draw the curves of {name}").uncheck()
        page.get_by_label("Draw the curves of mice").check()
        until(page, lambda: points(page) == [2, 2])
        with locked(run):
            grow(run, 3)
            until(page, lambda: points(page) == [3, 3] and "training" in rows(page)["mice"])
            assert "epoch 3 of 8" in rows(page)["mice"] and "left" in rows(page)["mice"]
            assert "rate 0.05, 80 pictures/s" in rows(page)["mice"]
            tear(run)
        (run / LOCK).write_text(f"#{2**22 - 1} on {platform.node()}")  # as kill -9 leaves it
        until(page, lambda: "stopped" in rows(page)["mice"])
        assert page.locator("#status").inner_text() == "mice: stopped"
        assert "left" not in rows(page)["mice"] and points(page) == [3, 3]
        discard_metrics_after(run, 20)
        with locked(run):
            grow(run, 3, 4, 5)
            until(page, lambda: points(page) == [5, 5] and "training" in rows(page)["mice"])
        page.get_by_role("button", name="Look at mice").click()
        assert "Epoch 2: the rate is too high: try --set peak_lr=0.01" in page.locator("#near").inner_text()


@pytest.mark.browser
def test_curves_are_smoothed_on_other_axes_and_read(browser, address):
    with visit(browser, address) as page:
        until(page, lambda: sorted(points(page)) == [2, 2, 8, 8])
        assert page.get_by_label("What the left chart shows").input_value() == "loss"
        assert page.get_by_label("What the right chart shows").input_value() == "accuracy"
        plain = drawn(page)
        page.get_by_label("Logarithmic").check()
        logarithmic = drawn(page)
        assert logarithmic != plain
        # A falling exponential is a straight line then: as far down with every epoch.
        heights = [float(place.split(",")[1]) for place in logarithmic[-1][1:].split("L")]
        falls = [after - before for before, after in pairwise(heights)]
        assert max(falls) - min(falls) < 0.25  # places are told in tenths of a pixel
        page.get_by_label("Smoothing").fill("0.5")
        assert len(drawn(page)) == 8 and drawn(page)[4:6] != drawn(page)[6:8]
        page.get_by_label("Along").select_option("seconds")
        page.get_by_label("What the right chart shows").select_option("lr")
        reading = page.get_by_label("The right chart: where to read")
        reading.focus()
        page.keyboard.press("Home")
        assert reading.get_attribute("aria-valuetext") == "cats, 2\u00a0s: 0.05; dogs, 2\u00a0s: 0.05"
        page.get_by_label("Draw the curves of dogs").uncheck()
        until(page, lambda: len(drawn(page, 1)) == 2)


@pytest.mark.browser
def test_the_inside_of_a_run_is_shown_at_each_of_its_states(browser, address):
    with visit(browser, address) as page:
        page.get_by_role("button", name="Look at cats").click()
        until(page, lambda: page.locator("#sheets img").count() == 8)
        shown = page.locator("#sheets img").nth(2)
        until(page, lambda: shown.evaluate("picture => picture.complete && picture.naturalWidth > 200"))
        assert "4 pictures of the validation: a/0.png" in page.locator("#inside-remark").inner_text()
        at = page.get_by_label("State")
        until(page, lambda: at.get_attribute("max") == "1")  # a moment later, for looking rests
        assert at.get_attribute("aria-valuetext") == "step 20"
        newest = shown.get_attribute("src")
        at.focus()
        page.keyboard.press("Home")
        assert at.get_attribute("aria-valuetext") == "step 10" and shown.get_attribute("src") != newest
        page.get_by_role("button", name="Look at dogs").click()
        until(page, lambda: page.locator("#inside-remark").inner_text().startswith("Drawn as soon as"))


@pytest.mark.browser
def test_by_keys_alone(browser, address):
    with visit(browser, address) as page:
        until(page, lambda: len(drawn(page)) == 4)
        names = []
        for _ in range(20):
            page.keyboard.press("Tab")
            names.append(
                page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.id")
            )
            if names[-1] == "Look at dogs":
                page.keyboard.press("Enter")
                until(page, lambda: page.locator("#near-title").inner_text() == "dogs")
        wanted = {"Draw the curves of dogs", "Look at cats", "along", "log", "smooth", "What the left chart shows"}
        assert wanted | {"The right chart: where to read"} <= set(names)


@pytest.mark.browser
def test_a_server_that_has_gone_is_told_and_asked_again(browser, address):
    heard: list[str] = []
    with visit(browser, address, heard=heard) as page:
        page.route("**/runs", lambda route: route.abort(), times=1)
        until(page, lambda: page.locator("#problem").is_visible())
        assert (
            page.locator("#problem")
            .inner_text()
            .startswith("The server cannot be reached; what is shown was seen before")
        )
        until(page, lambda: page.locator("#problem").is_hidden())
    assert len(heard) == 1


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
def test_contrast_names_and_width(browser, address, scheme, width):
    with visit(browser, address, color_scheme=scheme) as page:
        page.set_viewport_size({"width": width, "height": 900})
        until(page, lambda: len(drawn(page)) == 4)
        require_accessible(page)
