"""What reaches a terminal: names of files and classes act on none, whatever they hold."""

from __future__ import annotations

import ast
import json
import logging
import os
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

import striate as package
from striate.cli import output
from striate.training.monitor.reporter import Reporter

CLI = Path(output.__file__).parent
CLEARS = "\x1b[2J\x1b]0;mine\x07"
TURNS = "\u202egnp\n:cat:"

posix = pytest.mark.skipif(os.name != "posix", reason="names of files may hold anything but a slash")


@pytest.fixture
def odd_photos(photos: Path) -> Path:
    """Two classes and some files whose names do what they can; a picture twice and one that is none."""
    (photos / "level").rename(photos / f"level{CLEARS}")
    (photos / "upright").rename(photos / f"upright{TURNS}")
    folder = photos / f"level{CLEARS}"
    (folder / f"bad{CLEARS}.png").write_bytes(b"no picture")
    (folder / f"lost{CLEARS}.txt").write_bytes(b"a text")
    for copy in ("one", "two"):
        Image.new("RGB", (24, 24), (9, 8, 7)).save(folder / f"{copy}{CLEARS}.png")
    return photos


def acting(text: str) -> set[str]:
    """The characters of a text that would act on a terminal, but for the ends of its lines."""
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cs") or c == "\u202e"} - {"\n"}


@posix
def test_no_verb_lets_a_name_act(striate, odd_photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / f"runs{CLEARS}"
    answers = [
        striate("check", odd_photos),
        striate("train", odd_photos, "--model", "lenet5", "--epochs", 1, "--no-autotune", "--run", run),
        striate("evaluate", run, odd_photos),
        striate("evaluate", run, odd_photos, "--json"),
        striate("predict", run, odd_photos),
        striate("features", run, odd_photos, "--output", tmp_path / f"f{CLEARS}.npz"),
        striate("runs", tmp_path),
        striate("predict", run, odd_photos / f"missing{CLEARS}"),
        striate("summary", f"lenet{CLEARS}"),
        striate("predict", f"--{CLEARS}", "x"),
        striate(f"--{CLEARS}"),
        striate(CLEARS),
    ]
    for answer in answers:
        assert acting(answer.out + answer.err) == set(), answer
    assert acting((run / "log.txt").read_text(encoding="utf-8")) == set()
    shown = r"level\x1b[2J\x1b]0;mine\x07"
    assert shown in answers[0].out
    assert f"{shown}/bad" in answers[1].err
    assert r"upright\u202egnp\n:cat:" in answers[4].out
    names = [row["class"] for row in json.loads(answers[3].out)["per_class"]]
    assert names == [f"level{CLEARS}", f"upright{TURNS}"]
    assert package.load(run).classes == (f"level{CLEARS}", f"upright{TURNS}")


def test_warnings_of_the_library_are_shown_too(capsys):
    output.LogLines().emit(logging.LogRecord("striate", logging.WARNING, "", 0, "%s holds", (f"a{CLEARS}.pth",), None))
    assert capsys.readouterr().err == "a\\x1b[2J\\x1b]0;mine\\x07.pth holds\n"


def test_colours_of_our_own_survive(monkeypatch):
    class Terminal:
        encoding, text = "utf-8", ""

        def isatty(self):
            return True

        def write(self, text):
            self.text += text
            return len(text)

        def flush(self):
            pass

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout", Terminal())
    output.print_table(("class",), [(f"cat{CLEARS}:cat:",)])
    assert "\x1b[1m" in output.sys.stdout.text  # the bold heading
    assert r"cat\x1b[2J\x1b]0;mine\x07:cat:" in output.sys.stdout.text
    terminal = Terminal()
    reporter = Reporter(terminal)
    reporter.begin(10, (0.0, 1.0))
    reporter.say(f"cat{CLEARS}")
    reporter.close()
    assert "\x1b[?25l" in terminal.text  # the bar hides the cursor
    assert CLEARS not in terminal.text
    assert r"cat\x1b[2J" in terminal.text


def test_every_text_of_the_command_line_goes_through_one_module():
    for path in CLI.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and path.name != "output.py":
                assert ast.unparse(node.func) not in ("print", "typer.echo", "typer.secho", "sys.stdout.write"), path
