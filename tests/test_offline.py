"""The whole flow in a process where every socket raises, and where everything that is written is seen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FLOW = """
import socket, sys


class Refused(socket.socket):
    def __new__(cls, *words, **more):
        raise AssertionError("a socket was opened")


def refuse(*words, **more):
    raise AssertionError("a name was looked up")


socket.socket = Refused
socket.create_connection = socket.getaddrinfo = socket.gethostbyname = refuse

from striate.cli import main

run, scan = sys.argv[1:]
for words in (
    ["models", "lenet5"],
    ["summary", "lenet5"],
    ["check", "digits"],
    ["train", "digits", "--recipe", "digits_lenet5", "--epochs", "2", "--run", run],
    ["train", "--run", run, "--resume"],
    ["evaluate", run, "digits"],
    ["predict", run, scan],
    ["runs", run],
    ["doctor"],
):
    sys.argv = ["striate", *words]
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, (words, ended.code)
try:
    socket.socket()
except AssertionError:
    print("offline to the end")
"""


def everything_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def scan(tmp_path):
    from PIL import Image

    from striate.data.sources import open_data

    file = tmp_path / "given" / "scan.png"
    file.parent.mkdir()
    Image.fromarray(open_data("digits").pictures.decode(7, 1)[:, :, 0]).save(file)
    return file


def test_the_whole_flow_opens_no_socket_and_writes_only_where_it_may(tmp_path, scan):
    for name in ("home", "here", "temporary"):
        (tmp_path / name).mkdir()
    run = tmp_path / "run"
    hidden = {name: os.environ[name] for name in os.environ if not name.startswith(("XDG_", "STRIATE_", "MPL"))}
    process = subprocess.run(
        [sys.executable, "-c", FLOW, str(run), str(scan)],
        cwd=tmp_path / "here",
        env={
            **hidden,
            "HOME": str(tmp_path / "home"),
            "USERPROFILE": str(tmp_path / "home"),
            "TMPDIR": str(tmp_path / "temporary"),
            "STRIATE_CACHE": str(tmp_path / "cache"),
        },
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.endswith("offline to the end\n")
    assert "test accuracy" in process.stderr
    for name in ("home", "here", "temporary"):
        assert everything_below(tmp_path / name) == set(), f"something was written into {name}"
    assert everything_below(scan.parent) == {"scan.png"}
    assert {path.name for path in tmp_path.iterdir()} == {"home", "here", "temporary", "given", "run", "cache"}
    assert (run / "report.html").exists()


def test_without_a_cache_variable_the_cache_is_below_the_home(monkeypatch, tmp_path):
    from striate.data.cache import cache_root

    monkeypatch.delenv("STRIATE_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache_root() == tmp_path / ".cache" / "striate"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert cache_root() == tmp_path / "caches" / "striate"
