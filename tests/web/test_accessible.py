"""For those who see little, or nothing, or hold a phone: contrast, names, no sideways scrolling.

Source: Web Content Accessibility Guidelines 2.2, success criteria 1.4.3, 1.4.10, 1.4.11 and 4.1.2.
"""

import pytest

from browsing import ACCESSIBLE, digits, give, opened, require_accessible, stroke, to_pictures, until, upload

pytestmark = pytest.mark.browser


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
    found = page.evaluate(ACCESSIBLE)
    assert len(found["nameless"]) == 1
    assert [what for what, ratio, least in found["contrasts"] if ratio < least] == ["text: What is in this picture?"]
