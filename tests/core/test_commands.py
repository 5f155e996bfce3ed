"""Commands that are printed can be pasted, whatever the names in them hold."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import striate
from striate.core.commands import command, shown
from striate.core.visible import ACTING

BASH = shutil.which("bash")
NAMES = (
    "my cats; echo hi",
    "$(touch x)",
    "it's",
    "a\nb",
    "\x1b[2J'\\",
    "K\u00fcste \u202e",
    "caf\udce9",
    "`id`|<>&*?[a]",
)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_command_is_one_visible_line(name):
    line = command("train", "--run", name, "--resume")
    assert not ACTING.search(line)
    if not ACTING.search(name):
        assert shlex.split(line) == ["striate", "train", "--run", name, "--resume"]
    assert shown(shlex.join(["striate", "predict", name])) == command("predict", name)


@pytest.mark.skipif(BASH is None, reason="needs bash")
def test_the_shell_reads_what_was_meant():
    for name in NAMES:
        line = command("predict", name, "X").removeprefix("striate predict")
        read = subprocess.run([BASH, "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True).stdout
        assert read == name.encode("utf-8", "surrogateescape") + b"\0X\0"


def test_a_path_is_no_option():
    assert command("predict", Path("-x"), "PICTURES") == "striate predict ./-x PICTURES"
    assert command("train", "--run", Path("/a b")) == "striate train --run '/a b'"


def test_no_message_writes_a_command_with_a_name_itself():
    begun = re.compile(r"(striate [a-z-]+( -{0,2}[\w.]+)*|--run|--resume) $")
    for path in Path(striate.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                for text, value in zip(node.values, node.values[1:], strict=False):
                    if isinstance(text, ast.Constant) and isinstance(value, ast.FormattedValue):
                        assert not begun.search(text.value), f"{path}:{node.lineno}: see core/commands.py"
