"""What every test has: a cache of its own, no network, pictures to work on, deaths at an exact point of a run."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

torch.set_num_threads(1)  # `pytest -n` runs one process per core


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Caches never leave the test, and never come from a person's home."""
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Anything that connects to another machine fails; loopback is allowed for servers that a test starts."""
    connect = socket.socket.connect

    def guarded(self, address):
        host = address[0] if isinstance(address, tuple) else ""
        if self.family in (socket.AF_INET, socket.AF_INET6) and host not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


def stripes(number: int, upright: bool, side_px: int = 24) -> np.ndarray:
    """A coloured picture of upright or level stripes, different for every number."""
    random = np.random.default_rng(number)
    wave = np.sin(np.arange(side_px) * random.uniform(0.6, 1.2) + random.uniform(0, 6))
    grid = np.tile(wave, (side_px, 1)) if upright else np.tile(wave[:, None], (1, side_px))
    colours = random.uniform(40, 100, 3)
    noise = random.normal(0, 8, (side_px, side_px, 3))
    return np.clip(128 + grid[:, :, None] * colours + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of two classes, 20 pictures each, that any small network can tell apart."""
    root = tmp_path / "photos"
    for upright, name in ((True, "upright"), (False, "level")):
        (root / name).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(stripes(number + 100 * upright, upright)).save(root / name / f"{number:02}.png")
    return root


class Died(BaseException):
    """Stands for kill -9: nothing catches it and nothing is tidied up."""


@pytest.fixture
def death_in_place_of():
    """A context in which a function of the training loop raises once it has been called so often, and must do so."""

    from striate.training import loop

    @contextmanager
    def context(name: str, calls_before: int = 0):
        function, calls = getattr(loop, name), []

        def mortal(*arguments):
            if len(calls) == calls_before:
                raise Died
            calls.append(1)
            return function(*arguments)

        with pytest.MonkeyPatch.context() as patch, pytest.raises(Died):
            patch.setattr(loop, name, mortal)
            yield

    return context


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch) -> Path:
    """Weights in the place of the packaged ones, as they are packaged: quick_regnet26, half precision, 200 names."""
    from striate.deploy.bundle import save_config, save_weights
    from striate.models import create_model, stored

    torch.manual_seed(0)
    network = create_model("quick_regnet26").half()
    save_weights(tmp_path / "embedded", network)
    save_config(tmp_path / "embedded", network, tuple(f"thing {number}" for number in range(200)), {})
    monkeypatch.setattr(stored, "EMBEDDED_FOLDER", tmp_path / "embedded")
    return tmp_path / "embedded"
