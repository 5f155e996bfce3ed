"""`striate watch`: what it prints, and why it cannot begin."""

import importlib.util
import json
import socket

import pytest

from grown import begin, grow
from striate.core.errors import StriateError
from striate.deploy.serve import running
from striate.deploy.serve.running import first_free_socket


def test_how_runs_stand_is_printed_once(striate, tmp_path):
    grow(begin(tmp_path / "cats"), 1, 2)
    answer = striate("watch", tmp_path, "--json")
    (run,) = json.loads(answer.out)
    assert (run["run"], run["state"], run["epoch"], run["epochs"]) == ("cats", "stopped", 2, 8)
    assert striate("watch", tmp_path / "cats", "--json").out == answer.out


def test_a_folder_that_is_not_there_and_a_missing_extra_are_told(striate, tmp_path, monkeypatch):
    assert striate("watch", tmp_path / "x").mistake() == (
        f"striate: {tmp_path / 'x'}: no such folder; name a run folder, or the folder that holds the run folders"
    )
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else found(name))
    assert striate("watch", tmp_path).mistake() == (
        "striate: watch needs the package uvicorn, which is not installed; install it with: "
        "pip install 'striate[serve]'"
    )


def test_the_first_free_port_is_taken(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with first_free_socket(port) as found:
            assert port < found.getsockname()[1] < port + running.TRIED_PORTS
        monkeypatch.setattr(running, "TRIED_PORTS", 1)
        with pytest.raises(StriateError) as told:
            first_free_socket(port)
    assert told.value.in_flags == f"no port of {port} to {port} is free; choose another one by --port"
