"""The pages keep their word: every command parses, every block of Python runs, every link leads somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from factories import tinted_masks
from striate.cli.app import app
from striate.core.own_code import names_code
from striate.models import is_drawn
from striate.recipes import get_recipe

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)")


def blocks(language: str) -> list[tuple[str, str]]:
    """(page and line, text) of every fenced block of a language."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            if match[1] == language:
                found.append((f"{page.name}:{text[: match.start()].count(chr(10)) + 1}", match[2]))
    return found


def shell_lines() -> list[tuple[str, list[str]]]:
    """(page and line, words) of every command; comments, pipes and what follows them left out."""
    lines = []
    for place, text in blocks("sh"):
        for line in text.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            words = list(lexer)
            for number, word in enumerate(words):
                if word in {"|", "&&", ";", ">", ">>", "&", "||"}:
                    words = words[:number]
                    break
            if words:
                lines.append((place, words))
    return lines


STRIATE = [(place, words[1:]) for place, words in shell_lines() if Path(words[0]).name == "striate"]
MAKE = [(place, words[1:]) for place, words in shell_lines() if words[0] == "make"]
PYTHON = blocks("python")


def test_the_pages_have_commands_and_python():
    assert len(STRIATE) >= 5
    assert MAKE
    assert PYTHON


def parsed(words: list[str]) -> tuple[str, dict[str, Any]]:
    """Verb and parameters as typer reads them; nothing is run."""
    group = typer.main.get_command(app)
    verb = words[0]
    assert verb in group.commands, f"no verb {verb!r}"
    with group.commands[verb].make_context(verb, list(words[1:])) as context:
        return verb, dict(context.params)


@pytest.mark.parametrize(("place", "words"), STRIATE, ids=[f"{p} {' '.join(w)}" for p, w in STRIATE])
def test_every_command_parses(place, words):
    if words[0] in ("--help", "--version"):
        return
    verb, given = parsed(words)
    if verb in ("summary", "train") and given["model"]:
        assert is_drawn(given["model"]) or names_code(given["model"])
    if verb == "train":
        get_recipe(given["recipe"] or "default").parse(given["set_"] or [])


def test_a_command_that_does_not_exist_would_be_found():
    with pytest.raises(AssertionError, match="no verb 'trian'"):
        parsed(["trian", "digits"])
    with pytest.raises(Exception, match="No such option"):
        parsed(["train", "digits", "--epoch", "3"])


@pytest.mark.parametrize(("place", "words"), MAKE, ids=[f"{p} {' '.join(w)}" for p, w in MAKE])
def test_every_make_target_exists(place, words):
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert [word for word in words if "=" not in word and word not in targets] == []


@pytest.mark.parametrize(("place", "text"), PYTHON, ids=[place for place, _ in PYTHON])
def test_every_block_of_python_runs(place, text, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "picture.jpg"):
        Image.new("RGB", (32, 24), "teal").save(tmp_path / name)
    tinted_masks(tmp_path / "masks_of_shapes")
    exec(compile(text, place, "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
