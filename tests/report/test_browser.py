"""The report in a real browser: it says nothing on the console and draws something, light and dark."""

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from striate.report.page import write_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
]


pytestmark = [pytest.mark.browser, pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")]


def photograph(page, picture, *options):
    """Open a page, take its picture, return what the page said on the console."""
    profile = picture.with_name("profile")
    command = [BROWSER, *QUIET, f"--user-data-dir={profile}", f"--screenshot={picture}", *options, page.as_uri()]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return [line for line in ended.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize(("width", "scheme", "dark"), [(1280, 1, False), (400, 0, True)])
def test_the_page_in_a_browser(make_facts, tmp_path, width, scheme, dark):
    page, picture = tmp_path / "report.html", tmp_path / "screen.png"
    write_report(page, make_facts())
    said = photograph(page, picture, f"--window-size={width},1800", f"--blink-settings=preferredColorScheme={scheme}")
    assert said == []
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    assert pixels.shape == (1800, width, 3)
    brightness = pixels.mean(axis=2)
    assert (brightness < 128 if dark else brightness > 128).mean() > 0.8
    blue = (pixels[..., 2] - pixels[..., 0] > 60).mean()  # curves, bars, links
    assert 0.003 < blue < 0.2
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100


def test_the_page_of_a_task_without_sections_in_a_browser(pointing, tmp_path):
    page, picture = tmp_path / "report.html", tmp_path / "screen.png"
    write_report(page, pointing)
    assert photograph(page, picture, "--window-size=1280,2400") == []
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    orange = (pixels[..., 0] - pixels[..., 2] > 60).mean()  # the curves of validation
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100
    assert orange > 0


def test_the_page_of_detection_in_a_browser(detecting, tmp_path):
    page, picture = tmp_path / "report.html", tmp_path / "screen.png"
    write_report(page, detecting)
    assert photograph(page, picture, "--window-size=1280,4000") == []
    red, green, blue = np.moveaxis(np.asarray(Image.open(picture).convert("RGB")).astype(int), -1, 0)
    assert ((green - red > 60) & (green - blue > 60)).sum() > 200  # true boxes and a curve
    assert (red - blue > 120).sum() > 200  # false boxes and missed ones
    assert (blue - red > 60).mean() > 0.003  # bars, curves, links


def test_the_policy_stops_a_script_and_the_console_is_heard(make_facts, tmp_path):
    page = tmp_path / "report.html"
    write_report(page, make_facts())
    page.write_text(page.read_text(encoding="utf-8").replace("</main>", "<script>1</script></main>"), encoding="utf-8")
    said = photograph(page, tmp_path / "screen.png")
    assert len(said) == 1
    assert "violates the following Content Security Policy" in said[0]
