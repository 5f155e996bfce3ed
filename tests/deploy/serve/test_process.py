"""`striate serve` as a process: its lines, its end under load, and what it says when it cannot begin."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import torch

import striate
from striate.cli.app import app
from striate.core.errors import StriateError
from striate.deploy.serve import running
from striate.deploy.serve.running import open_socket

START = f"import torch; torch.set_num_threads({torch.get_num_threads()}); from striate.cli import main; main()"


@contextmanager
def process(*words: Any, start: str = START) -> Iterator[tuple[subprocess.Popen, dict]]:
    """The server as a process, and what it says when it is ready."""
    command = [sys.executable, "-c", start, "serve", *map(str, words), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        try:
            said = ""
            while not said.endswith("}\n"):
                line = started.stdout.readline()
                assert line, started.stderr.read()
                said += line
            yield started, json.loads(said)
        finally:
            started.kill()


def test_sigterm_under_load_answers_what_was_accepted_and_refuses_the_rest(digits_run, scan):
    outcomes: list[Any] = []

    def ask_on(url: str) -> None:
        with httpx.Client(base_url=url, timeout=20, trust_env=False) as client:
            while not outcomes or not isinstance(outcomes[-1], Exception):
                try:
                    outcomes.append(client.post("/predict", files=[("x", scan)] * 4).status_code)
                except (httpx.NetworkError, httpx.RemoteProtocolError) as gone:  # of a connection that was not taken
                    outcomes.append(gone)

    with process(digits_run, "--port", 0) as (server, ready):
        askers = [threading.Thread(target=ask_on, args=(ready["url"],)) for _ in range(8)]
        for asker in askers:
            asker.start()
        while outcomes.count(200) < 50:
            time.sleep(0.01)
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
        for asker in askers:
            asker.join(20)
        assert server.stderr.read() == "striate: stopped\n"
    statuses = [each for each in outcomes if isinstance(each, int)]
    assert set(statuses) == {200, 503}


def test_a_file_of_another_engine_is_served_without_torch(digits_run, scans, tmp_path):
    pytest.importorskip("onnxruntime")
    file = striate.load(digits_run).export(tmp_path / "digits.onnx", data=scans[0].parent).path
    start = "import sys; sys.modules['torch'] = None; from striate.cli import main; main()"
    with process(file, "--port", 0, start=start) as (_, ready):
        assert httpx.get(ready["url"], trust_env=False).status_code == 200
        with scans[0].open("rb") as scan:
            answer = httpx.post(f"{ready['url']}predict", files={"x": scan}, trust_env=False)
        assert answer.status_code == 200


def test_a_broken_form_is_told_to_its_sender_alone(digits_run):
    with process(digits_run, "--port", 0) as (server, ready):
        form = {"content-type": "multipart/form-data; boundary="}
        assert httpx.post(f"{ready['url']}predict", content=b"xx", headers=form, trust_env=False).status_code == 400
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
        assert server.stderr.read() == "striate: stopped\n"


def test_ctrl_c_is_one_line(digits_run):
    with process(digits_run, "--port", 0) as (server, _):
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 130
        assert server.stderr.read() == "striate: stopped\n"


def test_another_address_needs_a_token_and_one_is_made(digits_run, scan):
    with process(digits_run, "--port", 0, "--host", "0.0.0.0") as (_, ready):
        assert "0.0.0.0" not in ready["url"]  # but an address that a browser opens
        url = f"http://127.0.0.1:{urlsplit(ready['url']).port}"
        assert len(ready["token"]) >= 32
        with httpx.Client(base_url=url, trust_env=False) as client:
            assert client.post("/predict", files={"x": scan}).status_code == 401
            token = {"authorization": f"Bearer {ready['token']}"}
            assert client.post("/predict", files={"x": scan}, headers=token).status_code == 200


@pytest.fixture
def mistake(monkeypatch):
    """What the command line says of a mistake."""

    def call(*words: Any) -> str:
        with pytest.raises(StriateError) as error:
            app(["serve", "embedded", *map(str, words)], standalone_mode=False)
        assert "\n" not in error.value.in_flags
        return error.value.in_flags

    return call


def test_what_cannot_be_listened_on_is_one_sentence(mistake, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert mistake("--port", port) == f"port {port} of 127.0.0.1 is taken by another program; choose another --port"
    assert mistake("--port", 65536).startswith("--port must be between 0 (any that is free) and 65535, got 65536")
    assert mistake("--host", "no such host").startswith("--host 'no such host' is no address of this machine")
    assert mistake("--host", "203.0.113.7", "--port", 0).startswith("cannot listen on 203.0.113.7 port 0")
    assert mistake("--token", "short").startswith("--token must have at least 16 letters")
    assert mistake("--max-megapixels", 0).startswith("--max-megapixels must be a number above 0")

    def not_allowed(*given, **more):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(running.socket, "create_server", not_allowed)
    assert mistake("--port", 80) == "port 80 is only for administrators; choose a --port from 1024 on"


def test_a_missing_package_is_one_sentence(mistake, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "uvicorn" else True)
    assert mistake() == (
        "serve needs the package uvicorn, which is not installed; install it with: pip install 'striate[serve]'"
    )


def test_sockets_of_either_kind_know_where_they_are():
    with open_socket("localhost", 0) as here:
        assert running.is_loopback(here)
        assert running.url_of(here).startswith("http://")
    with open_socket("0.0.0.0", 0) as everywhere:
        assert not running.is_loopback(everywhere)
