"""A real server on 127.0.0.1, in a thread of the test's process, that serves the small run of digits."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import numpy as np
import pytest

import striate
from factories import encoded, noise
from striate.deploy.serve.app import create_app
from striate.deploy.serve.running import open_socket, serve_until
from striate.deploy.serve.served import Served
from striate.deploy.serve.settings import Settings

SMALL = Settings(most_body_bytes=2**20, most_held_bytes=8 * 2**20, most_pixels=1_000_000, most_files=8)


@dataclass(frozen=True)
class Running:
    """A server that answers now."""

    port: int
    served: Served
    client: httpx.Client
    stop: Callable[[], None]

    def connect(self) -> socket.socket:
        """A plain connection, to say what no client says."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


@contextmanager
def running(predictor: Any, settings: Settings = SMALL) -> Iterator[Running]:
    """A server in a thread, with its own socket; it has ended when the context has."""
    app = create_app(predictor, settings)
    ready, ended = threading.Event(), threading.Event()
    with open_socket("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        main = serve_until(ended.is_set, app, listening, ready.set)
        thread = threading.Thread(target=asyncio.run, args=(main,))
        thread.start()
        assert ready.wait(30)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
                yield Running(port, app.state.served, client, ended.set)
        finally:
            ended.set()
            thread.join(30)  # what threads of the pool are at is waited for
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def serving():
    """`running`, for tests with settings of their own."""
    return running


@pytest.fixture(scope="session")
def small() -> Callable[..., Settings]:
    """The settings of the tests, some of them changed."""
    return lambda **changed: replace(SMALL, **changed)


@pytest.fixture(scope="session")
def digits(digits_run):
    """The run, open."""
    return striate.load(digits_run)


@pytest.fixture(scope="session")
def server(digits) -> Iterator[Running]:
    """One server that many tests ask."""
    with running(digits) as started:
        yield started


@pytest.fixture(scope="session")
def scan() -> bytes:
    """A picture that there is nothing wrong with."""
    return encoded(np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8))


@pytest.fixture(scope="session")
def scans(tmp_path_factory):
    """Some picture files, by name."""
    folder = tmp_path_factory.mktemp("scans")
    for number, pixels in enumerate(noise(12, 40, 1)):
        (folder / f"{number:02}.png").write_bytes(encoded(pixels[:, :, 0]))
    return sorted(folder.iterdir())
