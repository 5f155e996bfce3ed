"""The whole page of `striate look`: in a browser without a network, wide and narrow; what is not ours; Ctrl-C."""

from __future__ import annotations

import pytest
import torch

from browsing import BROWSER, QUIET, offline
from striate.core.errors import StriateError
from striate.models import create_model
from striate.report.look import look as looking
from striate.report.look.look import Stopped, look
from striate.report.look.part import Found, Part
from striate.report.look.parts import PARTS
from striate.report.look.subject import subject_of, within

NETWORK = "(conv8-relu)*2-pool-conv8-relu-fc16-relu"
MOST_BYTES = 30_000_000


def network():
    torch.manual_seed(0)
    return create_model(NETWORK, classes=4, size=(16, 16))


def pictures(count=3):
    return torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """All parts of a small network, written once."""
    path = tmp_path_factory.mktemp("looked") / "look.html"
    look(network(), pictures()).write(path)
    return path


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (400, "dark")])
def test_the_page_in_a_browser_without_a_network(page, width, scheme):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=QUIET)
        with offline(browser, page, scheme, width, pictures=True) as opened:
            assert [opened.locator(f"section#{name}").count() for name in PARTS] == [1] * len(PARTS)
            broken = "[...document.images].filter((image) => !image.complete || !image.naturalWidth).length"
            assert opened.evaluate(broken) == 0
            assert opened.locator("#attribution img").count() > 20
            opened.keyboard.press("Tab")
            assert opened.evaluate("document.activeElement.getAttribute('href')").startswith("#")
        browser.close()
    assert page.stat().st_size < MOST_BYTES


def only(monkeypatch, *parts):
    monkeypatch.setattr(looking, "parts_named", lambda names: list(parts))


def test_a_part_that_has_nothing_to_show_says_so_and_names_are_escaped(monkeypatch):
    def refuse(subject, progress):
        raise StriateError("<b>nothing</b> here")

    only(monkeypatch, Part("empty", "Empty", "look/empty.html", refuse))
    found = look(network(), pictures())
    assert found.to_dict()["parts"] == {"empty": {"left_out": "<b>nothing</b> here"}}
    assert "&lt;b&gt;nothing&lt;/b&gt; here" in found.page()


def test_ctrl_c_keeps_the_parts_that_were_done(monkeypatch):
    def stop(subject, progress):
        raise KeyboardInterrupt

    done = Part("done", "Done", "look/done.html", lambda subject, progress: Found(facts={"number": 1}))
    only(monkeypatch, done, Part("next", "Next", "look/next.html", stop))
    with pytest.raises(Stopped, match="stopped, with these parts done: done") as stopped:
        look(network(), pictures())
    assert stopped.value.looked.to_dict()["parts"] == {"done": {"number": 1}}
    only(monkeypatch, Part("next", "Next", "look/next.html", stop))
    with pytest.raises(KeyboardInterrupt):
        look(network(), pictures())


def test_pictures_are_spread_and_known_by_their_places():
    subject = within(subject_of(network(), pictures(7), looking.Choice()), 3)
    assert subject.sample.names == ("picture 0", "picture 3", "picture 6")
    assert torch.equal(subject.sample.images([1, 2]), pictures(7)[[3, 6]])
    assert [len(batch) for batch in subject.sample.batches(2)] == [2, 1]


def test_what_is_looked_at_must_be_a_network_and_pictures_must_be_images():
    with pytest.raises(StriateError, match="what is looked at must be a run or an nn.Module, got str"):
        look("embedded", pictures(), ["attribution"])
    with pytest.raises(StriateError, match=r"pictures must be a tensor \(N, C, H, W\) .* got torch.float32 \(16, 16\)"):
        look(network(), torch.zeros(16, 16), ["attribution"])
