"""What serving costs: clients that ask without a pause against `striate serve`, and the engine's own rate beside it.

    python benchmarks/serving.py [NETWORK ...] [--seconds 60] [--clients 16] [--requests 10000] [--json]

NETWORK: "embedded", a name of the zoo (weights drawn), or what `striate serve` takes. Everything stays on 127.0.0.1.
Each client sends photographs of 500 x 375 px as JPEG, one per request, and asks again when it is answered. The engine's
own rate is that of batches of 32 in a process of its own, before and after the load, the machine else idle: pictures
that are decoded already. Memory is the server's, after 1,000 requests and after all; last of all SIGTERM comes under
load.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image, ImageFilter

BATCH = 32
RATE = """
import json, sys, time
import numpy as np
from striate.deploy.opened import load
opened = load(sys.argv[1], sys.argv[2])
shape = (32, *opened.preprocess.resize, opened.preprocess.channels)
pictures = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
with opened.computing():
    opened.answer(pictures, [""] * 32, 3)
    seconds, end = [], time.perf_counter() + float(sys.argv[3])
    while time.perf_counter() < end or len(seconds) < 3:
        start = time.perf_counter()
        opened.answer(pictures, [""] * 32, 3)
        seconds.append(time.perf_counter() - start)
print(json.dumps(sorted(32 / each for each in seconds)))
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

    from striate.deploy.bundle import save_config, save_weights
    from striate.models import ZOO, create_model

    if name not in ZOO:
        return name
    network = create_model(name)
    save_weights(folder, network)
    save_config(folder, network, tuple(f"class {number}" for number in range(network.classes)), {})
    return str(folder)


def engine_rate(weights: str, precision: str, seconds: float) -> float:
    """Pictures per second of batches, the median."""
    command = [sys.executable, "-c", RATE, weights, precision, str(seconds)]
    return statistics.median(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


class Load:
    """Clients that ask until they are stopped."""

    def __init__(self, url: str, clients: int) -> None:
        self.address = urlsplit(url).netloc
        self.seconds: list[float] = []
        self.statuses: Counter[object] = Counter()
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.ask, args=(number,)) for number in range(clients)]
        self.bodies = photographs()
        for thread in self.threads:
            thread.start()

    def ask(self, number: int) -> None:
        connection = http.client.HTTPConnection(self.address, timeout=60)
        while not self.stopped.is_set():
            number += 1
            start = time.perf_counter()
            try:
                body = self.bodies[number % len(self.bodies)]
                connection.request("POST", "/predict", body, {"content-type": "image/jpeg"})
                answer = connection.getresponse()
                answer.read()
                self.statuses[answer.status] += 1
                if answer.status == 200:
                    self.seconds.append(time.perf_counter() - start)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self.statuses["refused" if isinstance(error, ConnectionRefusedError) else type(error).__name__] += 1
                if isinstance(error, ConnectionRefusedError):
                    return

    def stop(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()


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
    with tempfile.TemporaryDirectory() as folder:
        weights = weights_of(name, Path(folder))
        before = engine_rate(weights, arguments.precision, arguments.seconds / 6)
        command = ["serve", weights, "--port", "0", "--precision", arguments.precision, "--json"]
        server = subprocess.Popen([sys.executable, "-m", "striate", *command], stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        ready = json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")
        load = Load(ready["url"], arguments.clients)
        wait_for(load, min(100, arguments.requests // 10))
        load.seconds, start = [], time.perf_counter()
        time.sleep(arguments.seconds)
        seconds, elapsed = list(load.seconds), time.perf_counter() - start
        load.stop()
        after = engine_rate(weights, arguments.precision, arguments.seconds / 6)
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
    own = statistics.mean([before, after])
    return {
        "network": name,
        "engine": ready["engine"],
        "clients": arguments.clients,
        "p50_ms": round(1000 * statistics.median(seconds), 1),
        "p95_ms": round(1000 * statistics.quantiles(seconds, n=20)[-1], 1),
        "images_per_s": round(len(seconds) / elapsed, 1),
        "engine_images_per_s": round(own, 1),
        "ratio": round(len(seconds) / elapsed / own, 3),
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
