"""A small trained network behind a real server, and a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import striate
from browsing import BROWSER, QUIET, opened, served


@pytest.fixture(scope="session")
def lenet(tmp_path_factory) -> Path:
    """LeNet-5 after four epochs of digits: it knows most of them."""
    folder = tmp_path_factory.mktemp("lenet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIATE_CACHE", str(folder / "cache"))
        striate.train("digits", recipe="digits_lenet5", run=folder / "run", epochs=4)
    return folder / "run"


@pytest.fixture(scope="session")
def server(lenet) -> Iterator[str]:
    with served(lenet) as url:
        yield url


@pytest.fixture(scope="module")
def browser():
    """Gone after each module: while Playwright runs, nothing else may run an event loop in this thread."""
    if BROWSER is None:
        pytest.skip("no Chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=BROWSER, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def page(browser, server):
    with opened(browser, server) as page:
        yield page
