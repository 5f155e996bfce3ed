"""`striate step`: its page in a browser."""

import pytest
import torch

import striate
from browsing import offline
from striate.models import create_model


@pytest.mark.browser
@pytest.mark.parametrize(
    ("layer", "scheme", "width"),
    [("features.c3", "light", 1200), ("classifier.f6", "dark", 400), ("features.s2", "dark", 400)],
)
def test_the_page_in_a_browser(browser, tmp_path, layer, scheme, width):
    torch.manual_seed(0)
    found = striate.step(create_model("lenet5"), torch.rand(1, 1, 32, 32), layer, of_class=3)
    file = tmp_path / "step.html"
    found.write(file)
    with offline(browser, file, scheme, width, pictures=True) as page:
        value = f"{found.step.worked.value:.3g}".replace("-", "−")
        assert page.locator(".result strong").inner_text() == value
        assert page.locator("td.here").count() == (0 if layer.startswith("classifier") else 1)
        assert page.get_by_role("table", name="The update").count() == (layer != "features.s2")
