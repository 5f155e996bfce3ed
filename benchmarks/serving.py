"""What serving costs: clients that ask without a pause against `striate serve`, and the engine's own rate beside it.

    python benchmarks/serving.py [NETWORK ...] [--seconds 60] [--clients 16] [--requests 10000] [--json]

NETWORK: "embedded", a name of the zoo (weights drawn), or what `striate serve` takes. Everything stays on 127.0.0.1.
Each client sends photographs of 500 x 375 px as JPEG, one per request, and asks again when it is answered; clients are
sockets of one thread that sends bytes made before, and take the same cores. The engine's own rate is that of batches of
32, as many at once as it answers best, in a process of its own, before and after the load, the machine else idle: the
same photographs, decoded already. Decoding alone, on every core, is measured there too; one after the other they would
do `possible_images_per_s`, which no server on these cores exceeds. Of drawn weights one class is made the likeliest by
far: where two are nearly equal, 16 bits are answered again in 32, and what is compared is another network. CPU time is
per request, of the server and of the clients. Memory is the server's, after 1,000 requests and after all; last of all
SIGTERM comes under load.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image, ImageFilter

DECIDED = 100.0  # added to a logit
RATE = """
import itertools, json, sys, time
from functools import partial
from pathlib import Path
import numpy as np
from striate.data.decode import decode_picture
from striate.data.threads import in_threads
from striate.data.working_size import read_working
from striate.deploy.opened import load
opened = load(sys.argv[1], sys.argv[2])
files = [path.read_bytes() for path in sorted(Path(sys.argv[4]).glob("*.jpg"))]
def decoded(number):
    content = files[number % len(files)]
    decode = lambda *asked: decode_picture(content, "photograph", *asked)
    return read_working("photograph", decode, opened.preprocess)
pictures = np.stack([decoded(number) for number in range(32)])
def rate(work, seconds):
    def timed(number):
        work(number)
        return time.perf_counter()
    list(in_threads(timed, range(4), opened.at_once))
    start = time.perf_counter()
    end = start + seconds
    numbers = itertools.takewhile(lambda _: time.perf_counter() < end, itertools.count())
    count = len(list(in_threads(timed, numbers, opened.at_once)))
    return count / (time.perf_counter() - start)
with opened.computing():
    engine = 32 * rate(lambda _: opened.answer(pictures, [""] * 32, 3), float(sys.argv[3]))
    print(json.dumps([engine, rate(decoded, float(sys.argv[3]) / 4)]))
"""


def photographs(count: int = 16) -> list[bytes]:
    """JPEG files of 500 x 375 px, about 40 kB each."""
    files = []
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (375, 500, 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(2)).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files


def weights_of(name: str, folder: Path) -> str:
    """What `striate serve` takes for a network of the zoo, or the name itself."""

    import torch

    from striate.deploy.bundle import save_config, save_weights
    from striate.models import ZOO, create_model

    if name not in ZOO:
        return name
    torch.manual_seed(0)
    network = create_model(name)
    with torch.no_grad():
        network.get_submodule(network.classifier_name).bias[0] += DECIDED
    save_weights(folder, network)
    save_config(folder, network, tuple(f"class {number}" for number in range(network.classes)), {})
    return str(folder)


def rates(weights: str, precision: str, seconds: float, folder: str) -> tuple[float, float]:
    """Pictures per second of batches, and of decoding."""
    for number, content in enumerate(photographs()):
        (Path(folder) / f"{number:02}.jpg").write_bytes(content)
    command = [sys.executable, "-c", RATE, weights, precision, str(seconds), folder]
    engine, decoding = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return engine, decoding


def cpu_seconds(process: int) -> float:
    """Seconds that a process has computed."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def request_of(body: bytes) -> bytes:
    """All bytes of a request."""
    head = (
        f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(eq=False)
class Client:
    """One connection, the number of its request, when that was sent, and what has come of the answer."""

    number: int
    connection: socket.socket
    begun: float = 0.0
    answer: bytes = b""


class Load:
    """Clients that ask until they are stopped: sockets of one thread, so that they take little of the cores."""

    def __init__(self, url: str, clients: int) -> None:
        host, port = urlsplit(url).netloc.split(":")
        self.address = (host, int(port))
        self.seconds: list[float] = []
        self.statuses: Counter[object] = Counter()
        self.cpu_s = 0.0
        self.stopped = threading.Event()
        self.requests = [request_of(body) for body in photographs()]
        self.sockets = selectors.DefaultSelector()
        for number in range(clients):
            self.connect(number)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def connect(self, number: int) -> None:
        """One more client; when nobody listens any more, none."""
        try:
            connection = socket.create_connection(self.address, timeout=60)
        except ConnectionRefusedError:
            self.statuses["refused"] += 1
            return
        client = Client(number, connection)
        self.sockets.register(connection, selectors.EVENT_READ, client)
        self.ask(client)

    def ask(self, client: Client) -> None:
        client.number += 1
        client.begun, client.answer = time.perf_counter(), b""
        try:
            client.connection.sendall(self.requests[client.number % len(self.requests)])
        except OSError as error:
            self.again(client, type(error).__name__)

    def run(self) -> None:
        while not self.stopped.is_set() and self.sockets.get_map():
            for key, _ in self.sockets.select(0.1):
                self.read(key.data)
            self.cpu_s = time.thread_time()

    def read(self, client: Client) -> None:
        """What has come of an answer; when it is whole, the next question."""
        try:
            part = client.connection.recv(65536)
        except OSError as error:
            self.again(client, type(error).__name__)
            return
        client.answer += part
        head, end, body = client.answer.partition(b"\r\n\r\n")
        if not part:
            self.again(client, "closed")
        elif end and len(body) >= int(head.lower().split(b"content-length:")[1].split()[0]):
            status = int(head.split()[1])
            self.statuses[status] += 1
            if status == 200:
                self.seconds.append(time.perf_counter() - client.begun)
            if b"connection: close" in head.lower():
                self.again(client, None)
            else:
                self.ask(client)

    def again(self, client: Client, why: str | None) -> None:
        """A new connection in the place of one that is over."""
        if why:
            self.statuses[why] += 1
        self.sockets.unregister(client.connection)
        client.connection.close()
        self.connect(client.number)

    def stop(self) -> None:
        self.stopped.set()
        self.thread.join()
        for key in list(self.sockets.get_map().values()):
            key.data.connection.close()
        self.sockets.close()


def resident_mb(url: str) -> float:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return float(text.split("\nprocess_resident_memory_bytes ")[1].split()[0]) / 1e6


def wait_for(load: Load, count: int) -> None:
    while len(load.seconds) < count:
        time.sleep(0.05)


def measured(name: str, arguments: argparse.Namespace) -> dict[str, object]:
    """One row."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as pictures:
        weights = weights_of(name, Path(folder))
        before = rates(weights, arguments.precision, arguments.seconds / 6, pictures)
        command = ["serve", weights, "--port", "0", "--precision", arguments.precision, "--json"]
        server = subprocess.Popen([sys.executable, "-m", "striate", *command], stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        ready = json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")
        load = Load(ready["url"], arguments.clients)
        wait_for(load, min(100, arguments.requests // 10))
        load.seconds, start = [], time.perf_counter()
        clients_cpu, server_cpu = load.cpu_s, cpu_seconds(server.pid)
        time.sleep(arguments.seconds)
        seconds, elapsed = list(load.seconds), time.perf_counter() - start
        clients_cpu, server_cpu = load.cpu_s - clients_cpu, cpu_seconds(server.pid) - server_cpu
        load.stop()
        after = rates(weights, arguments.precision, arguments.seconds / 6, pictures)
        load = Load(ready["url"], arguments.clients)
        wait_for(load, arguments.requests // 10)
        early = resident_mb(ready["url"])
        wait_for(load, arguments.requests)
        late = resident_mb(ready["url"])
        load.statuses.clear()
        server.send_signal(signal.SIGTERM)
        start = time.perf_counter()
        status = server.wait()
        gone = time.perf_counter() - start
        load.stop()
    own, decoding = map(statistics.mean, zip(before, after, strict=True))
    possible = 1 / (1 / own + 1 / decoding)
    return {
        "network": name,
        "engine": ready["engine"],
        "clients": arguments.clients,
        "p50_ms": round(1000 * statistics.median(seconds), 1),
        "p95_ms": round(1000 * statistics.quantiles(seconds, n=20)[-1], 1),
        "images_per_s": round(len(seconds) / elapsed, 1),
        "engine_images_per_s": round(own, 1),
        "decoding_images_per_s": round(decoding, 1),
        "possible_images_per_s": round(possible, 1),
        "ratio": round(len(seconds) / elapsed / own, 3),
        "possible_ratio": round(possible / own, 3),
        "server_cpu_ms": round(1000 * server_cpu / len(seconds), 2),
        "clients_cpu_ms": round(1000 * clients_cpu / len(seconds), 2),
        "mb_early": round(early),
        "mb_late": round(late),
        "requests": arguments.requests,
        "exit_status": status,
        "exit_s": round(gone, 2),
        "at_the_end": {str(key): count for key, count in load.statuses.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=["embedded", "resnet18", "resnet50"])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    for name in arguments.networks:
        rows.append(measured(name, arguments))
        if not arguments.json:
            print(rows[-1], flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
