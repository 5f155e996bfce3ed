"""The program as a process of its own: both ways to start it, pipes, full and closed outputs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = [sys.executable, "-m", "striate"]
posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")


def run(*words: str, command=MODULE, **more):
    return subprocess.run([*command, *words], capture_output=True, text=True, timeout=120, **more)


def test_as_a_module_and_as_a_script():
    script = Path(sys.executable).with_name("striate")
    commands = [MODULE, *([[str(script)]] if script.exists() else [])]
    for command in commands:
        answer = run("--version", command=command)
        assert (answer.returncode, answer.stdout, answer.stderr) == (0, "striate 0.1.0\n", "")
        wrong = run("summary", "lenet55", command=command)
        assert (wrong.returncode, wrong.stdout) == (2, "")
        assert wrong.stderr.startswith("striate: unknown model 'lenet55'; did you mean 'lenet5'")
        assert wrong.stderr.count("\n") == 1


@posix
@pytest.mark.parametrize("words", [("summary", "resnet110", "--json"), ("models", "vgg11*")])
def test_a_reader_that_goes_away_is_no_error(words):
    process = subprocess.Popen([*MODULE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) in (0, 1)


@posix
def test_nobody_listens_at_all():
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run([*MODULE, "--help"], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert process.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_an_output_that_is_full():
    with Path("/dev/full").open("w") as full:
        process = subprocess.run([*MODULE, "--version"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (process.returncode, process.stderr) == (2, "striate: the output: No space left on device\n")


@posix
def test_an_output_that_is_closed():
    command = f"{sys.executable} -m striate summary lenet5 --json >&-"
    process = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stderr) == (0, "")


def test_an_output_that_is_not_unicode(tmp_path):
    (tmp_path / "日本").mkdir()
    (tmp_path / "日本" / "a.txt").write_text("x")
    answer = run("check", str(tmp_path), env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert answer.returncode == 2
    assert answer.stderr.startswith("striate: ")
    assert "Traceback" not in answer.stderr
