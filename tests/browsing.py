"""A real server, a real browser before it, and what is asked of every visit: a quiet console, nothing from outside."""

from __future__ import annotations

import io
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-domain-reliability", "--no-default-browser-check"),
]
ACCESSIBLE = (Path(__file__).parent / "web" / "accessible.js").read_text(encoding="utf-8").rstrip().removesuffix(";")


def served(run: Path) -> AbstractContextManager[str]:
    """`striate serve`, as a person starts it; its address."""
    return started("serve", str(run))


@contextmanager
def started(*words: str) -> Iterator[str]:
    """A verb that serves a page; its address."""
    command = [sys.executable, "-m", "striate", *words, "--port", "0", "--json"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")["url"]
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=20)


def _of_serve(page) -> bool:
    return "pixels" in page.locator("#network").inner_text()


@contextmanager
def opened(
    browser,
    server: str,
    *,
    heard: list[str] | None = None,
    answers: dict | None = None,
    path: str = "",
    ready: Callable[[Any], bool] = _of_serve,
    **options,
) -> Iterator:
    """The page at `server`, or at a path below it. heard: takes what is said on the console, where that is meant.
    answers: JSON by path, in place of the server's. ready: whether a page is there. options: of the browser's context.
    """
    context = browser.new_context(viewport={"width": 1200, "height": 900}, **options)
    page, said, left = context.new_page(), heard if heard is not None else [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("request", lambda request: left.append(request.url))
    for asked, answer in (answers or {}).items():
        page.route(f"**/{asked}", partial(_fulfil, answer))
    page.goto(server + path)
    until(page, lambda: ready(page))
    yield page
    context.close()
    assert heard is not None or said == []
    assert [url for url in left if not url.startswith((server, f"blob:{server}", "data:"))] == []
    assert len(left) > 8  # the page itself was seen


@contextmanager
def offline(browser, file: Path, scheme: str, width: int, *, pictures: bool = False) -> Iterator:
    """The page of a file without a network: accessible, with a quiet console, and asking for nothing but itself.

    pictures: whether it holds some, which a browser asks it for.
    """
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    require_accessible(page)
    yield page
    context.close()
    assert said == []
    assert [url for url in asked if not (pictures and url.startswith("data:"))] == [file.as_uri()]


def _fulfil(answer, route) -> None:
    route.fulfill(json=answer)


def until(page, condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something; the page's policy forbids `page.wait_for_function`, which evaluates text there."""
    for _ in range(round(seconds / 0.02)):
        if condition():
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"not within {seconds} s")


def require_accessible(page) -> None:
    """What is to be read has contrast, what is to be used has a name, and nothing is wider than the window."""
    found = page.evaluate(ACCESSIBLE)
    assert len(found["contrasts"]) > 10
    assert [(what, round(ratio, 2)) for what, ratio, least in found["contrasts"] if ratio < least] == []
    assert found["nameless"] == [], found["nameless"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("h1").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"


# What a person does.


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def digits(count: int) -> list[bytes]:
    from sklearn.datasets import load_digits

    return [png((image * 15.9).astype(np.uint8)) for image in load_digits().images[:count]]


def upload(name: str, content: bytes) -> dict:
    return {"name": name, "mimeType": "image/png", "buffer": content}


def to_pictures(page) -> None:
    page.get_by_role("button", name="Pictures", exact=True).click()


def give(page, *files: dict) -> None:
    """Choose files and wait for all answers."""
    page.set_input_files("#files", files)
    page.wait_for_selector(".said .best, .said .note")
    until(page, page.locator("#csv").is_enabled)


def dispatch(page, event: str, files: list[tuple[str, bytes]]) -> None:
    """Drop or paste files as a browser tells of it."""
    page.evaluate(
        """([event, files]) => {
            const transfer = new DataTransfer();
            for (const [name, bytes] of files)
                transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
            const how = { bubbles: true, cancelable: true };
            document.getElementById("drop").dispatchEvent(event === "paste"
                ? new ClipboardEvent("paste", { clipboardData: transfer, ...how })
                : new DragEvent(event, { dataTransfer: transfer, ...how }));
        }""",
        [event, [[name, list(content)] for name, content in files]],
    )


def stroke(page, *places: tuple[float, float]) -> None:
    box = page.locator("canvas.pad").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()
