"""`striate optimizers`: its page without scripts in a browser, and its drawing."""

import xml.etree.ElementTree as ET

import pytest

from browsing import offline, until
from striate.playground.descent.page import write_comparison
from striate.playground.descent.race import race

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def races():
    return [race(name, 12) for name in ("ravine", "saddle")]


@pytest.fixture(scope="module")
def file(races, tmp_path_factory):
    file = tmp_path_factory.mktemp("optimizers") / "walks.html"
    write_comparison(file, races)
    return file


def test_the_drawing_stands_alone_and_loads_nothing(races, tmp_path):
    write_comparison(tmp_path / "walks.svg", races)
    root = ET.parse(tmp_path / "walks.svg").getroot()
    panels = root.findall(f"{SVG}svg")
    assert [panel.get("class") for panel in panels] == ["ravine", "saddle"]
    assert all(len(panel.findall(f"{SVG}g")) == 9 for panel in panels)
    newton = next(path for path in panels[0].findall(f"{SVG}path") if path.findtext(f"{SVG}title") == "Newton")
    # From (-8, 2) to (0, 0) on a drawing of 520 x 400 from -10 to 4 and from 3 down to -3.
    assert newton.get("d").startswith(f"M{2 / 14 * 520:.1f} {1 / 6 * 400:.1f}L{10 / 14 * 520:.1f} {200:.1f}")
    assert "http" not in (tmp_path / "walks.svg").read_text().replace("http://www.w3.org/2000/svg", "")


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_in_a_browser(browser, file, scheme):
    with offline(browser, file, scheme, 400) as page:
        dot = page.locator(".ravine .dot.m1")
        place = lambda: dot.evaluate("dot => getComputedStyle(dot).transform")  # noqa: E731
        before = place()
        until(page, lambda: place() != before)
        page.get_by_label("Pause").focus()
        page.keyboard.press("Space")
        stood = place()
        page.wait_for_timeout(1_000)  # longer than a step is
        assert place() == stood
        page.get_by_label("SGD").uncheck()
        assert dot.is_hidden() and page.locator(".ravine .dot.m7").is_visible()


@pytest.mark.browser
def test_who_wants_no_motion_sees_the_ends(browser, file):
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(file.as_uri())
    dot = page.locator(".ravine .dot.m8")
    assert dot.evaluate("dot => getComputedStyle(dot).animationName") == "none"
    assert dot.get_attribute("transform") == f"translate({10 / 14 * 520:.1f} 200.0)"
    context.close()
