"""`striate views`: its page without scripts in a browser, and nothing fetched from elsewhere."""

import numpy as np
import pytest

from browsing import offline
from striate.playground.views.page import write_views


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 400)])
def test_the_page_in_a_browser(browser, tmp_path, scheme, width):
    file = tmp_path / "views.html"
    write_views(file, np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8))
    with offline(browser, file, scheme, width, pictures=True) as page:
        answers = [table.inner_text() for table in page.get_by_label("Answer", exact=True).all()]
        assert len(answers) == 5 and len(set(answers)) == 1 and answers[0].split()[0] == "−12"
        assert page.get_by_role("img").count() == 4 + 2 * 5  # norms, and the levels of two pyramids
        matrix = page.get_by_role("region", name="A matrix: Weights, by answer and pixel")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        assert matrix.evaluate("region => region === document.activeElement")
