from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from striate.core.commands import command
from striate.core.errors import Interrupted, StriateError
from striate.core.flags import in_python, reader_words, told_in_flags

PACKAGE = Path(__file__).parents[2] / "src" / "striate"
ERRORS = {"StriateError", "StorageError", "Interrupted", "DecodeError", "ChangedPicture"}
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# Told in both languages at once; and what only `Recipe.parse` and the command line can meet.
LEFT = {"--max-megapixels", "--set", "--depth", "--draw", "--masks", "--grid", "--boxes"}


@pytest.mark.parametrize(
    ("flags", "python"),
    [
        (command("train", "--run", Path("runs/cats"), "--resume"), "striate.resume('runs/cats')"),
        (command("train", "--run", Path("it's; ok"), "--resume"), 'striate.resume("it\'s; ok")'),
        (command("train", "PLACE", "--run", Path("a"), "--resume"), "striate.resume('a', data=...)"),
        ("(striate train PLACE --run a --resume), or", "(striate.resume('a', data=...)), or"),
        ("add --model my_net.py:Net", "add model='my_net.py:Net'"),
        ("named: --model FILE.py:NAME", "named: model=..."),
        ("striate train --run a --resume --model my.py:Net", "striate.resume('a', model='my.py:Net')"),
        ("striate train --run a --resume --set optimizer=my.py:f", "striate.resume('a', optimizer='my.py:f')"),
        ("goes on with --resume", "goes on with striate.resume(run)"),
        ("or --set warmup_epochs=3", "or warmup_epochs=3"),
        ("--set schedule=cosine", "schedule='cosine'"),
        ("--set whiten=false", "whiten=False"),
        ("--no-fused-norms --no-winograd", "fused_norms=False winograd=False"),
        ("(--layout channels-last) without --compile; out", "(layout='channels-last') without compile=True; out"),
        ("take a smaller --size or --model", "take a smaller size_px=... or model=..."),
        ("a size of its shape, --size 64x128", "a size of its shape, size_px=(64, 128)"),
        ("a size of its shape, --size HEIGHTxWIDTH", "a size of its shape, size_px=(height, width)"),
        ("(--set peak_lr=2e-05), or", "(peak_lr=2e-05), or"),
        ("longer (--epochs 25), or more --epochs", "longer (epochs=25), or more epochs=..."),
        ("striate check --labels asks", "striate.check_labels asks"),
        ("a -- b, and no-one else", "a -- b, and no-one else"),
    ],
)
def test_flags_and_commands_become_arguments_and_calls(flags, python):
    assert in_python(flags) == python


def test_an_error_and_an_interruption_speak_to_each_reader():
    for error in (StriateError("choose another --run"), Interrupted("choose another --run", 2)):
        assert str(error) == "choose another run=..."
        assert error.in_flags == "choose another --run"


def test_a_command_is_told_in_flags_and_a_program_in_its_own_words():
    text = "train longer (--epochs 25)"
    with told_in_flags():
        of_a_command = reader_words()
    assert (of_a_command(text), reader_words()(text)) == (text, "train longer (epochs=25)")


def texts_of_errors() -> list[tuple[str, str]]:
    """File and text of every message of an error outside the command line, with `x` where a value stands."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if "cli" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                for argument in node.args:
                    found.append((path.name, text_of(argument)))
    return found


def text_of(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Call):
        words = [ast.literal_eval(word) if isinstance(word, ast.Constant) else "x" for word in node.value.args]
        return command(*words) if getattr(node.value.func, "id", "") == "command" else "x"
    if isinstance(node, ast.BinOp):
        return text_of(node.left) + text_of(node.right)
    return "x"


def test_no_error_that_python_can_meet_speaks_of_flags():
    texts = texts_of_errors()
    assert len(texts) > 200
    assert any("--resume" in text for _, text in texts)
    left = [(file, text) for file, text in texts if set(FLAG.findall(in_python(text))) - LEFT]
    assert left == []
