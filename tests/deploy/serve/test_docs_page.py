"""`/docs` shows the interface, from this server alone."""

from __future__ import annotations

import pytest

from browsing import BROWSER, QUIET


def test_the_page_and_its_files_are_there_and_name_no_other_place(server):
    page = server.client.get("/docs").text
    assert "//" not in page
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "setup.js", "favicon-32x32.png"):
        assert f"docs/{name}" in page
        answer = server.client.get(f"/docs/{name}")
        assert answer.status_code == 200
        assert len(answer.content) > 50
    assert server.client.get("/docs/index.html").status_code == 404
    assert server.client.get("/docs/..%2f__init__.py").status_code == 404


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_a_browser_shows_it_under_the_policy(server):
    playwright = pytest.importorskip("playwright.sync_api")
    address, said, asked = f"http://127.0.0.1:{server.port}", [], []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=QUIET)
        page = browser.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/docs")
        page.locator(".opblock-summary-path").first.wait_for()
        paths = page.locator(".opblock-summary-path").all_inner_texts()
        browser.close()
    assert paths == ["/predict", "/healthz", "/model", "/metrics"]
    assert said == []
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
