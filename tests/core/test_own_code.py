from __future__ import annotations

import functools
from pathlib import Path

import pytest

from striate.core.errors import StriateError
from striate.core.own_code import as_code, code_of, load_code, names_code


def written(folder: Path, text: str, name: str = "mine.py") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_code_is_named_by_file_or_module():
    assert names_code("mine.py:Net") and names_code("a/b c/mine.py:Net") and names_code("torch.nn:Linear")
    assert not any(
        map(names_code, ("resnet18", "runs/cats", r"C:\mine.pth", "C:/mine/x.pth", "[(conv3-relu)*2-pool]*3"))
    )


def test_a_file_runs_once_while_it_is_the_same(tmp_path):
    file = written(tmp_path, "runs = []\n\ndef net():\n    runs.append(1)\n    return len(runs)\n")
    assert [load_code(f"{file}:net").thing() for _ in range(3)] == [1, 2, 3]
    file.write_text(file.read_text() + "# another\n")
    assert load_code(f"{file}:net").thing() == 1


def test_a_file_finds_what_lies_beside_it(tmp_path):
    written(tmp_path, "ten = 10\n", "beside_it.py")
    assert load_code(f"{written(tmp_path, 'from beside_it import ten')}:ten").thing == 10


def test_what_stands_in_a_file_is_hashed_and_found_again():
    own = code_of(written)
    assert own.name == f"{__name__}:written" and len(own.written.sha256 or "") == 64 and own.written.reachable
    assert not code_of(lambda: 0).written.reachable
    assert code_of(functools.partial(written, "x")).name == own.name
    assert not code_of(functools.partial(written, "x")).written.reachable
    assert as_code("torch.nn:Linear").thing.__name__ == "Linear"
    assert as_code("resnet18") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_of_the_kind\n", r"line 1 raises ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
        ("x = 1\ny = x +\n", r"line 2 raises SyntaxError: invalid syntax"),
        ("\n\nraise RuntimeError('no')\n", r"line 3 raises RuntimeError: no"),
    ],
)
def test_code_that_fails_is_one_sentence_with_its_line(tmp_path, text, words):
    file = written(tmp_path, text)
    with pytest.raises(StriateError, match=rf"mine\.py cannot be loaded: {words}"):
        load_code(f"{file}:net")


def test_names_that_are_not_there(tmp_path):
    file = written(tmp_path, "def net(): ...\n")
    with pytest.raises(StriateError, match=r"unknown name in .*mine\.py 'nett'; did you mean 'net'"):
        load_code(f"{file}:nett")
    with pytest.raises(StriateError, match=r"none\.py cannot be read .*name a file as my_net\.py:Net"):
        load_code(str(tmp_path / "none.py") + ":net")
    with pytest.raises(StriateError, match="no module 'no_such_module' to import"):
        load_code("no_such_module:net")
