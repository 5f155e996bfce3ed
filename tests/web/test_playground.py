"""The playground: its endpoints, and its page in a real browser before a real server."""

import json

import httpx
import numpy as np
import pytest

from browsing import opened, require_accessible, started, until
from striate.deploy.serve.refusals import Refused
from striate.playground import Settings
from striate.playground.learner import Learner
from striate.web import learners
from striate.web.learners import IDLE_SECONDS, Learners

RATES = {"rate": 0.1, "l1": 0, "l2": 0}


@pytest.fixture(scope="module")
def playground():
    with started("playground") as url:
        yield url


@pytest.fixture
def client(playground):
    with httpx.Client(base_url=playground, timeout=30, trust_env=False) as client:
        yield client


def head(answer) -> dict:
    return json.loads(answer.content.partition(b"\n")[0])


def test_a_network_is_made_and_learns(client):
    made = client.post("/learners", json={"data": "gauss", "train_share": 0.4}).json()
    assert (made["train"], made["epoch"], len(made["points"])) == (200, 20, 500)
    shown = [client.post(f"/learners/{made['name']}/frame", json={"steps": steps, **RATES}) for steps in (0, 5, 5)]
    assert [head(each)["step"] for each in shown] == [0, 5, 10]
    expected = Learner(Settings(data="gauss", train_share=0.4))
    expected.with_rates(0.1, 0.0, 0.0)
    expected.advance(10)
    assert head(shown[2])["loss"][0] == pytest.approx(expected.score()[0].loss, abs=1e-5)


@pytest.mark.parametrize(
    ("path", "body", "status", "problem"),
    [
        ("learners", {"data": "moons"}, 422, "unknown data 'moons'; known are circle, gauss, own, spiral, xor"),
        ("learners", {"hiden": [4]}, 422, "unknown setting 'hiden'; did you mean 'hidden'?"),
        ("learners", [1], 422, "the setting is damaged: it must be a record, got [1]"),
        ("learners", {"points": [0] * 100_000}, 413, "the body is larger than 131,072 bytes"),
        ("learners/x/frame", {"steps": 1, **RATES}, 410, "this network is held no more; start over"),
        (
            "learners/x/frame",
            {"steps": -1, **RATES},
            422,
            "the request is damaged: steps must be a whole number between 0 and 10,000, got -1",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(client, path, body, status, problem):
    answer = client.post(f"/{path}", json=body)
    assert (answer.status_code, answer.json()) == (status, {"problem": problem})


def test_a_rate_that_is_not_allowed_is_refused_and_the_network_stays(client):
    made = client.post("/learners", json={}).json()
    refused = client.post(f"/learners/{made['name']}/frame", json={"steps": 1, **RATES, "rate": 99})
    assert refused.json() == {"problem": "rate must be between 1e-05 and 10.0, got 99.0"}
    assert head(client.post(f"/learners/{made['name']}/frame", json={"steps": 1, **RATES}))["step"] == 1


def test_pages_of_other_origins_may_not_ask(client):
    assert client.post("/learners", json={}, headers={"origin": "http://elsewhere.org"}).status_code == 403
    assert client.get("/", headers={"host": "elsewhere.org"}).status_code == 421


def test_learners_are_few_and_go_when_nobody_asks(monkeypatch):
    monkeypatch.setattr(learners, "MOST_LEARNERS", 2)
    now = [0.0]
    held = Learners(lambda: now[0])
    names = [held.add(Learner(Settings())) for _ in range(2)]
    held.find(names[0])
    third = held.add(Learner(Settings()))
    assert len(held) == 2 and held.find(names[0])
    with pytest.raises(Refused, match="held no more"):
        held.find(names[1])
    now[0] = IDLE_SECONDS - 1
    held.find(third)
    now[0] = IDLE_SECONDS + 1
    assert held.find(third)
    with pytest.raises(Refused, match="held no more"):
        held.find(names[0])


# In the browser.


def ready(page) -> bool:
    return page.locator("#losses b").first.inner_text() != "–"


def visit(browser, server, setting="", **options):
    return opened(browser, server, path=f"#{setting}", ready=ready, **options)


def steps(page) -> int:
    return int(page.locator("#steps").inner_text().replace(",", ""))


def picture(page, selector=".board") -> str:
    return page.locator(selector).last.evaluate("canvas => canvas.toDataURL()")


def loss(page) -> float:
    return float(page.locator("#losses b").first.inner_text())


@pytest.mark.browser
def test_a_network_runs_pauses_steps_and_starts_over(browser, playground):
    with visit(browser, playground, "data=gauss&hidden=3&pace=10") as page:
        first, neuron, before = picture(page), picture(page, ".neuron canvas"), loss(page)
        page.get_by_role("button", name="Run").click()
        until(page, lambda: steps(page) > 60)
        page.get_by_role("button", name="Pause").click()
        until(page, lambda: f"Step {steps(page)}: training loss" in page.locator("#status").inner_text())
        assert loss(page) < before and picture(page) != first and picture(page, ".neuron canvas") != neuron
        stood = steps(page)
        page.get_by_role("button", name="Step").click()
        until(page, lambda: steps(page) == stood + 10)
        page.get_by_role("button", name="Start over").click()
        until(page, lambda: steps(page) == 0)
        assert picture(page) == first  # the same seed, the same network


@pytest.mark.browser
def test_the_address_holds_the_whole_setting(browser, playground):
    with visit(browser, playground) as page:
        page.get_by_label("Data").select_option("spiral")
        page.get_by_label("Noise").fill("0.2")
        page.get_by_role("button", name="Add a hidden layer").click()
        page.get_by_role("button", name="Add a neuron of layer 1").click()
        page.get_by_role("checkbox", name="sin x₂").check()
        page.get_by_label("Learning rate").select_option("0.3")
        page.get_by_label("Show points for test").check()
        until(page, lambda: page.locator(".neuron").count() == 3 + 5 + 2 + 4 + 1)
        until(page, lambda: "hidden=5%2C2%2C4" in page.url)
        shown, address = picture(page), page.url
        with visit(browser, playground, address.partition("#")[2]) as other:
            until(other, lambda: picture(other) == shown)
            assert other.url == address
            assert other.get_by_label("Data").input_value() == "spiral"
            assert other.locator("#layers").inner_text() == "3 hidden layers"


@pytest.mark.browser
def test_a_neuron_is_shown_large_and_weights_are_lines(browser, playground):
    with visit(browser, playground, "hidden=3,2&features=x1,x2") as page:
        assert page.locator(".columns line").count() == 2 * 3 + 3 * 2 + 2 * 1
        widths = page.eval_on_selector_all(".columns line", "all => all.map(line => line.getAttribute('stroke-width'))")
        assert len(set(widths)) > 10
        answer = picture(page)
        page.get_by_role("button", name="Show neuron 2 of layer 1 large").click()
        assert page.locator("#shown").inner_text() == "Neuron 2 of layer 1"
        assert picture(page) != answer
        page.get_by_role("button", name="Show the answer large").click()
        assert picture(page) == answer


@pytest.mark.browser
def test_own_points_are_set_by_clicks_and_by_keys(browser, playground):
    with visit(browser, playground, "data=own&hidden=&points=20,20,1;-20,-20,0") as page:
        board = page.get_by_role("application")
        box = board.bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)
        until(page, lambda: page.url.endswith("points=20%2C20%2C1%3B-20%2C-20%2C0%3B30%2C30%2C1"))
        page.get_by_role("button", name="Squares").click()
        board.focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Space")
        until(page, lambda: page.url.endswith("%3B-3%2C0%2C0"))
        page.get_by_role("button", name="Remove").click()
        page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)
        until(page, lambda: "30%2C30" not in page.url)
        page.get_by_role("button", name="Clear").click()
        until(page, lambda: page.url.endswith("points=") and not ready(page))
        page.get_by_role("button", name="Step").click()
        assert steps(page) == 0


@pytest.mark.browser
def test_what_an_address_may_not_hold_is_told(browser, playground):
    heard = []
    with opened(
        browser, playground, path="#data=moons", heard=heard, ready=lambda page: page.locator("#problem").is_visible()
    ) as page:
        assert page.locator("#problem").inner_text().startswith("Unknown data 'moons'; known are circle")
        page.get_by_label("Data").select_option("xor")
        until(page, lambda: ready(page) and page.locator("#problem").is_hidden())
    assert len(heard) == 1 and "422" in heard[0]


@pytest.mark.browser
def test_a_network_that_the_server_has_let_go_is_made_again(browser, playground):
    heard = []
    with visit(browser, playground, heard=heard) as page:
        page.route("**/frame", lambda route: route.fulfill(status=410, json={"problem": "gone"}), times=1)
        with page.expect_response("**/learners"):  # which the page asks for by itself
            page.get_by_role("button", name="Step").click()
        page.get_by_role("button", name="Step").click()
        until(page, lambda: steps(page) > 0)
    assert len(heard) == 1 and "410" in heard[0]


@pytest.mark.browser
def test_by_keys_alone(browser, playground):
    with visit(browser, playground, "data=gauss") as page:
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "step"
        page.keyboard.press("Enter")
        until(page, lambda: steps(page) > 0)
        names, wanted = set(), {"run", "step", "again", "pace", "Features, neurons and weights"}
        for _ in range(80):
            page.keyboard.press("Tab")
            names.add(page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.id"))
        assert wanted <= names
        assert {"Add a hidden layer", "Take a neuron of layer 2 away", "Show neuron 1 of layer 1 large"} <= names


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
def test_contrast_names_and_width(browser, playground, scheme, width):
    with visit(browser, playground, "data=own&hidden=8,8,8,8,8,8&points=1,1,1", color_scheme=scheme) as page:
        page.set_viewport_size({"width": width, "height": 900})
        require_accessible(page)
        ground = np.array(page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"))
        assert (ground.max() < 64) == (scheme == "dark")
