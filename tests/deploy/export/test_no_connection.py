"""No exporter and no engine opens a connection or begins another program, whatever it would like to report."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys

SENDS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "subprocess.Popen", "os.posix_spawn")
seen, listening = [], False

def note(event, arguments):
    if event in SENDS and listening:
        seen.append((event, str(arguments)[:100]))

sys.addaudithook(note)

import socket
listening = True
try:
    socket.create_connection(("127.0.0.1", 9), 0.1)
except OSError:
    pass
assert seen, "the hook sees nothing"
seen.clear()

import numpy as np
import torch
from striate.deploy.bundle import Bundle
from striate.deploy.engines import open_engine
from striate.deploy.export.exporting import Audience, Trials, Wanted, export
from striate.deploy.export.pictures import drawn
from striate.models import create_model

network = create_model("(conv8-relu)-gap", classes=2, size=(16, 16)).eval()
for name in ("net.xml", "net.onnx", "net.pt2"):
    bundle = Bundle(network, network.preprocess, ("a", "b"), {})
    found = export(bundle, Wanted.of(name, None, ""), Trials(drawn(network.preprocess)), Audience())
    engine = open_engine(found.path)
    engine(np.zeros((1, 3, 16, 16), np.float32))
listening = False
assert sys.modules.get("openvino") is not None
assert sys.modules.get("openvino_telemetry") is None
print(seen)
"""


def test_nothing_is_sent(tmp_path):
    sent_in_ci = ("CI", "TF_BUILD", "JENKINS_URL")  # by which OpenVINO would keep still of itself
    given = {name: value for name, value in os.environ.items() if name not in sent_in_ci}
    source = Path(__file__).parents[3] / "src"
    environment = {**given, "HOME": str(tmp_path), "PYTHONPATH": str(source)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"
