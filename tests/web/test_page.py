"""The page in a real browser, before a real server."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

import striate
from browsing import digits, dispatch, give, opened, png, stroke, to_pictures, until, upload
from factories import noise

pytestmark = pytest.mark.browser
EVIL = "<img src=x onerror=document.title=1>.png"


def maps(page) -> list[str]:
    return page.eval_on_selector_all(".layers canvas", "all => all.map(each => each.toDataURL())")


def percent_of(share: float) -> str:
    whole = share >= 0.9995 or 0.1 <= share < 0.99
    return f"{100 * share:.{0 if whole else 1}f}\u00a0%"


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_picture_gets_the_answer_of_predict(page, lenet, tmp_path, event):
    (tmp_path / "six.png").write_bytes(digits(7)[6])
    (expected,) = striate.load(lenet).predict(tmp_path / "six.png")
    to_pictures(page)
    dispatch(page, event, [("six.png", digits(7)[6])])
    page.wait_for_selector(".best")
    assert page.locator(".best").inner_text() == f"{percent_of(expected.probability)} {expected.label}"
    shown = page.locator(".bars .name").all_inner_texts()
    assert shown == [label for label, _ in expected.top]
    assert "six.png" in page.locator("#status").inner_text()


def test_a_class_that_is_chosen_is_explained(page):
    to_pictures(page)
    give(page, upload("three.png", digits(4)[3]))
    heat, button = page.locator("canvas.heat"), page.locator(".bars button").first
    assert heat.is_hidden()
    button.click()
    page.wait_for_selector(".ramp")
    assert heat.is_visible() and button.get_attribute("aria-pressed") == "true"
    colours = heat.evaluate("canvas => [...canvas.getContext('2d').getImageData(0, 0, 32, 32).data]")
    assert heat.evaluate("canvas => [canvas.width, canvas.height]") == [32, 32]
    assert len(np.unique(np.array(colours).reshape(-1, 4), axis=0)) > 50
    first = heat.evaluate("canvas => canvas.toDataURL()")
    page.get_by_label("Opacity").fill("20")
    assert heat.evaluate("canvas => canvas.style.opacity") == "0.2"
    page.locator(".bars button").nth(1).click()
    until(page, lambda: heat.evaluate("canvas => canvas.toDataURL()") != first)
    page.locator(".bars button").nth(1).click()
    assert heat.is_hidden()


def test_several_pictures_are_sorted_and_downloaded(browser, server):
    heard = []
    with opened(browser, server, heard=heard) as page:
        sort_and_download(page)
    assert len(heard) == 1 and "422" in heard[0]  # the browser's own note of the picture that is none


def sort_and_download(page):
    to_pictures(page)
    give(
        page,
        *(upload(f"{number}.png", content) for number, content in enumerate(digits(5))),
        upload("=cmd|' /C calc'!A0.png", png(noise(1, 8, 3)[0])),
        upload("notes, old.png", b"no picture"),
    )
    tiles = page.locator("#grid button")
    assert tiles.count() == 7 and page.locator("#count").inner_text() == "7 pictures"
    shares = {}
    for order in ("surest", "least"):
        page.get_by_label("Order").select_option(order)
        texts = tiles.all_inner_texts()
        assert texts[-1].startswith("notes, old.png is not a picture")
        shares[order] = [text.split("\u00a0%")[0] for text in texts[:-1]]
    assert shares["surest"] == shares["least"][::-1]
    assert shares["surest"] == sorted(shares["surest"], key=lambda each: -float(each.removeprefix("<\u00a0")))
    page.get_by_label("Order").select_option("given")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    text = download.value.path().read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["path"] for row in rows][4:] == ["4.png", "'=cmd|' /C calc'!A0.png", "notes, old.png"]
    assert rows[3]["label"] == "3" and 0.2 < float(rows[3]["probability"]) <= 1 and rows[3]["label_5"]
    assert rows[6]["label"] == "" and "not a picture" in rows[6]["problem"]
    tiles.nth(6).click()
    assert "not a picture" in page.locator(".said .note").inner_text()
    page.get_by_role("button", name="Remove all").click()
    assert page.locator("#all").is_hidden() and page.locator("#one").is_hidden()


def test_names_are_only_text(page):
    to_pictures(page)
    give(page, upload(EVIL, digits(1)[0]), upload("other.png", digits(2)[1]))
    assert page.title() == "Striate"
    assert page.locator("figcaption").inner_text() == EVIL
    assert page.locator("#grid .file").first.inner_text() == EVIL
    assert page.locator("img[src=x]").count() == 0


def test_a_stroke_moves_the_answer_and_the_maps(page):
    assert page.locator(".layers").is_hidden()
    stroke(page, (0.3, 0.2), (0.7, 0.2), (0.45, 0.8))
    page.wait_for_selector(".layers canvas")
    until(page, lambda: "%" in page.locator("#status").inner_text())
    names = page.locator(".layers figcaption b").all_inner_texts()
    assert names == ["input", "c1", "s2", "c3", "s4", "c5", "f6", "output"]
    assert page.locator(".layers canvas").count() == 1 + 6 + 6 + 16 + 16 + 3
    assert page.locator(".bars .name").all_inner_texts() == [str(digit) for digit in range(10)]
    before = maps(page)
    assert len(set(before)) > 30
    stroke(page, (0.3, 0.5), (0.7, 0.5))
    until(page, lambda: maps(page)[0] != before[0])
    page.wait_for_timeout(200)
    after = maps(page)
    assert sum(one != other for one, other in zip(before, after, strict=True)) > 40
    assert page.locator(".best b").inner_text() in {str(digit) for digit in range(10)}


@pytest.mark.parametrize("name", ["Shift to the left", "Turn to the right", "Noise", "Thicker", "Invert", "Fit"])
def test_buttons_change_what_the_network_sees(page, name):
    stroke(page, (0.2, 0.3), (0.5, 0.3), (0.4, 0.7))
    page.wait_for_selector(".layers canvas")
    until(page, lambda: "%" in page.locator("#status").inner_text())
    before = maps(page)[0]
    page.locator(f".tools button[title^='{name}'], .tools button:text('{name}')").first.click()
    until(page, lambda: maps(page)[0] != before)
    page.get_by_role("button", name="Clear").click()
    assert page.locator(".layers").is_hidden()


def test_all_of_it_by_keys_alone(page):
    page.wait_for_selector("canvas.pad")
    choosers = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "pad"
    page.keyboard.press("Space")
    for _ in range(8):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.wait_for_selector(".layers canvas")
    until(page, lambda: "%" in page.locator("#status").inner_text())
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")  # Pictures
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    until(page, lambda: choosers)
    choosers[0].set_files([upload("a.png", digits(1)[0]), upload("b.png", digits(2)[1])])
    page.wait_for_selector(".bars button")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.label") == page.locator(".bars .name").first.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_selector(".ramp")
    focused = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert focused == "solid"


def test_a_busy_server_is_asked_again_and_a_refusal_is_shown(browser, server):
    answers = [(503, {"problem": "128 pictures wait already"}), (413, {"problem": "the body is too large"})]

    def refuse(route):
        status, told = answers.pop(0)
        route.fulfill(status=status, json=told, headers={"retry-after": "0"})

    with opened(browser, server, heard=[]) as page:
        page.route("**/predict*", refuse)
        to_pictures(page)
        give(page, upload("a.png", digits(1)[0]))
        assert page.locator(".said .note").inner_text() == "The body is too large."
        assert answers == []


def test_the_answer_of_another_task_is_a_table(browser, server):
    facts = {"classifies": False, "draws": False, "working": [32, 32], "seen": [0, 0, 32, 32], "layers": True}
    answer = [{"path": "a.png", "points": [[1, 2]], "note": "<b>x</b>"}]
    with opened(browser, server, answers={"page": facts, "predict*": answer}) as page:
        assert page.get_by_role("button", name="Draw").is_hidden()
        page.set_input_files("#files", [upload(f"{n}.png", digits(1)[0]) for n in "ab"])
        page.wait_for_selector(".said table")
        assert page.locator(".said tr").all_inner_texts() == ["points\t[[1,2]]", "note\t<b>x</b>"]
        with page.expect_download() as download:
            page.get_by_role("button", name="Download CSV").click()
        lines = download.value.path().read_bytes().decode("utf-8-sig").splitlines()
        assert lines == ["path,points,note,problem", 'a.png,"[[1,2]]",<b>x</b>,', 'b.png,"[[1,2]]",<b>x</b>,']


def test_what_no_browser_shows_is_answered(page):
    file = io.BytesIO()
    Image.fromarray(noise(1, 32, 1)[0, :, :, 0]).save(file, "TIFF")
    to_pictures(page)
    give(page, upload("scan.tiff", file.getvalue()))
    assert page.locator(".bars button").count() == 5
    until(page, lambda: "does not show" in page.locator(".frame").inner_text())
    page.locator(".bars button").first.click()
    assert "no picture here" in page.locator(".reason").inner_text()


def test_without_layers_the_pad_says_so(browser, server):
    facts = {"classifies": True, "draws": True, "working": [32, 32], "seen": [0, 0, 32, 32], "layers": False}
    with opened(browser, server, answers={"page": facts}) as page:
        page.wait_for_selector("canvas.pad")
        assert "An exported file answers" in page.locator("section[aria-label=Layers]").inner_text()


def test_many_pictures_keep_their_tiles(page):
    to_pictures(page)
    content = digits(1)[0]
    page.set_input_files("#files", [upload(f"{number}.png", content) for number in range(60)])
    page.evaluate("document.querySelector('#grid li').id = 'first'")
    page.locator("#grid button").nth(7).focus()
    until(page, page.locator("#csv").is_enabled, seconds=30)
    assert page.locator("#grid b").count() == 60
    assert page.locator("#grid li#first").count() == 1  # made once
    assert page.evaluate("document.activeElement.innerText").endswith("7.png")
