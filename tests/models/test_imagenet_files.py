"""Fetching published weights, against a server of our own that can break, refuse to continue, or lie."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from striate.core.errors import StriateError
from striate.models import create_model, imagenet
from striate.models.imagenet import FILES, Published, fetch

CONTENT = bytes(range(256)) * 12_000  # 3 MB
NAME = f"net-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"


@dataclass
class Server:
    """content: what it serves. stop_after: bytes before it drops the connection. ranges: whether it continues."""

    address: str = ""
    content: bytes = CONTENT
    stop_after: int | None = None
    ranges: bool = True
    requests: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    state: ClassVar[Server]

    def do_GET(self) -> None:
        state = self.state
        wanted = self.headers.get("Range", "")
        state.requests.append(wanted)
        first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and state.ranges else 0
        if first >= len(state.content):
            self.send_error(416)
            return
        rest = state.content[first:]
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: state.stop_after])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()
    handler = type("OwnHandler", (Handler,), {"state": state})
    listening = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{listening.server_port}/models/"
    yield state
    listening.shutdown()
    listening.server_close()
    thread.join()


def test_fetches_once(server: Server, tmp_path: Path) -> None:
    path = fetch(server.address + NAME, tmp_path / "hub")
    assert path == tmp_path / "hub" / NAME and path.read_bytes() == CONTENT
    fetch(server.address + NAME, tmp_path / "hub")
    assert server.requests == [""]
    assert [file.name for file in path.parent.iterdir()] == [NAME]


def test_goes_on_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.stop_after = 2_000_000
    with pytest.raises(
        StriateError, match=r"connection broke while fetching .*, 2\.0 MB are kept in .*\.part; run the"
    ):
        fetch(server.address + NAME, tmp_path)
    assert not (tmp_path / NAME).exists()
    server.stop_after = None
    assert fetch(server.address + NAME, tmp_path).read_bytes() == CONTENT
    assert server.requests == ["", "bytes=2000000-"]


def test_starts_again_where_the_server_cannot_continue(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(b"some other bytes")
    server.ranges = False
    assert fetch(server.address + NAME, tmp_path).read_bytes() == CONTENT


def test_a_whole_part_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT)
    assert fetch(server.address + NAME, tmp_path).read_bytes() == CONTENT
    assert server.requests == [f"bytes={len(CONTENT)}-"]


def test_other_content_is_refused_and_removed(server: Server, tmp_path: Path) -> None:
    server.content = b"x" * 1000
    starts = hashlib.sha256(server.content).hexdigest()[:8]
    with pytest.raises(StriateError, match=rf"its SHA-256 starts with {starts}, not .*; it was removed"):
        fetch(server.address + NAME, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_in_the_folder_is_named_and_kept(server: Server, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"half")
    with pytest.raises(StriateError, match=r"is not what its name says: .* delete it and run the same again"):
        fetch(server.address + NAME, tmp_path)
    assert (tmp_path / NAME).exists() and server.requests == []


def test_without_a_network_one_error_names_everything(server: Server, tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9/models/"  # the discard port: nothing listens
    with pytest.raises(StriateError) as caught:
        fetch(nowhere + NAME, tmp_path / "checkpoints")
    text = str(caught.value)
    assert text.startswith(f"cannot fetch {nowhere}{NAME} (")
    assert text.endswith(f"put the file {NAME} into the folder {tmp_path / 'checkpoints'}")


def test_a_missing_page_is_an_error(server: Server, tmp_path: Path) -> None:
    server.content = b""
    with pytest.raises(StriateError, match=r"cannot fetch .* \(HTTP Error 416"):
        fetch(server.address + NAME, tmp_path)


@pytest.fixture
def own_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


def test_create_model_takes_what_is_in_the_hub_folder(own_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """resnext101_64x4d was measured at 232 px; here a small network stands for it."""
    torch.manual_seed(0)
    model = create_model("resnet20", classes=1000)
    own_hub.mkdir(parents=True)
    torch.save(model.state_dict(), own_hub / "raw.pth")
    content = (own_hub / "raw.pth").read_bytes()
    file = f"resnet20-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    (own_hub / "raw.pth").rename(own_hub / file)
    monkeypatch.setitem(FILES["imagenet"], "resnet20", Published(file, resize=232))
    monkeypatch.setattr(imagenet, "HOST", "http://127.0.0.1:9/")
    loaded = create_model("resnet20", weights="imagenet")
    assert torch.equal(loaded.fc.weight, model.fc.weight)
    assert (loaded.preprocess.size, loaded.preprocess.resize) == ((224, 224), (232, 232))
    small = create_model("resnet20", classes=5, size=(64, 64), weights="imagenet")
    assert small.fc.out_features == 5 and small.preprocess.size == (64, 64)
    assert torch.equal(small.conv1.weight, model.conv1.weight)


def test_names_without_published_weights(own_hub: Path) -> None:
    with pytest.raises(
        StriateError, match="there are no published 'imagenet' weights of googlenet; there are of alexnet"
    ):
        create_model("googlenet", weights="imagenet")
    with pytest.raises(StriateError, match="no published 'imagenet_v2' weights of resnet18; there are of resnet50, "):
        create_model("resnet18", weights="imagenet_v2")


def test_the_addresses_are_well_formed() -> None:
    for entries in FILES.values():
        for name, entry in entries.items():
            stem, _, start = entry.file.removesuffix(".pth").rpartition("-")
            assert len(start) == 8 and int(start, 16) >= 0
            assert stem.startswith(name.removesuffix("_tv"))
    assert imagenet.HOST.startswith("https://")
