"""`striate stability`: its page in a browser."""

import pytest
import torch
from torch import nn

import striate
from browsing import offline


@pytest.fixture(scope="module")
def found():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 2))
    return striate.stability(network, torch.rand(3, 1, 16, 16))


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 400)])
def test_the_page_in_a_browser(browser, found, tmp_path, scheme, width):
    file = tmp_path / "stability.html"
    found.write(file)
    with offline(browser, file, scheme, width) as page:
        curves = page.locator("svg.stability")
        assert curves.count() == len(found.motions)
        assert curves.first.locator("path").count() == len(found.motions[0].strengths)
        rows = page.locator("#layers tbody tr")
        assert [row.locator("th").inner_text() for row in rows.all()] == [layer.name for layer in found.layers]
        assert [row.inner_text() for row in page.locator("#pooling tbody th").all()] == [
            each.name for each in found.pooling
        ]
        for table in page.locator(".scrolled").all():  # wide tables are reached and scrolled by the keyboard
            table.focus()
            assert table.evaluate("table => table === document.activeElement")
