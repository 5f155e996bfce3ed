"""OpenVINO leaves a thread the stack on which Python answers Ctrl-C."""

from __future__ import annotations

import gc
import signal
import sys

import numpy as np
import pytest

import striate
from striate.deploy.bundle import Bundle
from striate.deploy.engines import open_engine
from striate.deploy.engines.quiet_openvino import openvino
from striate.deploy.engines.signal_stack import signal_stack, signal_stack_kept
from striate.deploy.export.exporting import Audience, Trials, Wanted, export
from striate.deploy.export.pictures import drawn

pytest.importorskip("openvino")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="stacks for signals are looked at on Linux")


def place() -> tuple[int, int]:
    """Where the stack begins, and its size."""
    stack = signal_stack()
    return stack.start or 0, stack.size_bytes


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A small network as OpenVINO's file."""
    network = striate.create_model("(conv8-relu)-gap", classes=2, size=(16, 16)).eval()
    path = tmp_path_factory.mktemp("stack") / "net.xml"
    bundle = Bundle(network, network.preprocess, ("a", "b"), {})
    export(bundle, Wanted(path, "openvino"), Trials(drawn(network.preprocess)), Audience())
    return path


def test_the_stack_is_the_same_behind_an_engine(file):
    before = place()
    engine = open_engine(file, "openvino")
    engine(np.zeros((1, 3, 16, 16), np.float32))
    assert place() == before
    del engine
    gc.collect()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_openvino_by_itself_gives_the_thread_another_one(file):
    """If it does so no more, this can go, and `signal_stack_kept` with it."""
    before, core = place(), openvino().Core()
    with signal_stack_kept():
        core.compile_model(core.read_model(file), "CPU")
        inside = place()
    assert place() == before != inside
