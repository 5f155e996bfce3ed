"""For those who see little, or nothing, or hold a phone: contrast, names, no sideways scrolling.

Source: Web Content Accessibility Guidelines 2.2, success criteria 1.4.3, 1.4.10, 1.4.11 and 4.1.2.
"""

from pathlib import Path

import pytest

from browsing import digits, give, opened, stroke, to_pictures, until, upload

pytestmark = pytest.mark.browser
CHECKS = Path(__file__).with_name("accessible.js").read_text(encoding="utf-8").rstrip().removesuffix(";")


def require_accessible(page) -> None:
    found = page.evaluate(CHECKS)
    assert len(found["contrasts"]) > 10
    assert [(what, round(ratio, 2)) for what, ratio, least in found["contrasts"] if ratio < least] == []
    assert found["nameless"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("h1").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
def test_contrast_names_and_width(browser, server, scheme, width):
    long = "_" * 60
    with opened(browser, server, color_scheme=scheme, heard=[]) as page:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_selector("canvas.pad")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert (max(ground) < 64) == (scheme == "dark")
        stroke(page, (0.3, 0.2), (0.7, 0.2), (0.45, 0.8))
        until(page, lambda: "%" in page.locator("#status").inner_text())
        require_accessible(page)
        to_pictures(page)
        require_accessible(page)
        give(page, *(upload(f"{long}{number}.png", each) for number, each in enumerate(digits(3))), upload("bad", b"x"))
        page.locator(".bars button").first.click()
        page.wait_for_selector(".ramp")
        require_accessible(page)
        page.locator("#grid button").last.click()
        require_accessible(page)


def test_the_checks_find_what_is_wrong(page):
    page.evaluate("""() => {
        const button = document.createElement("button");
        document.querySelector("main").append(button);
        document.querySelector("h1").style.color = getComputedStyle(document.body).backgroundColor;
    }""")
    found = page.evaluate(CHECKS)
    assert len(found["nameless"]) == 1
    assert [what for what, ratio, least in found["contrasts"] if ratio < least] == ["text: What is in this picture?"]
