"""Make look.jpg: the part `visualisation` of the packaged network, as a browser shows it.

python docs/make_look_picture.py
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTH_PX, QUALITY = 1000, 80
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def main() -> None:
    """Write the page by the command of docs/look.md, and take its picture."""
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        page = Path(place) / "look.html"
        command = [
            sys.executable,
            "-m",
            "striate",
            "look",
            "embedded",
            "--only",
            "visualisation",
            "--output",
            str(page),
        ]
        subprocess.run(command, check=True)
        path = next(filter(None, map(shutil.which, BROWSERS)), None)
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": WIDTH_PX, "height": 800})
        opened.goto(page.as_uri())
        output = Path(__file__).parent / "look.jpg"
        opened.locator("#visualisation").screenshot(path=output, type="jpeg", quality=QUALITY)
        browser.close()


if __name__ == "__main__":
    main()
