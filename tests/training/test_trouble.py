"""What goes wrong around a run: full and read-only disks, jumping clocks, lost terminals, two runs at once."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import platform
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer

import numpy as np
import pytest
from PIL import Image

import striate
from striate.core.errors import Interrupted, StorageError, StriateError
from striate.core.files import remove_parts
from striate.runtime.signals import stop_requested
from striate.training import clock, loop, prepared
from striate.training.folder.layout import locked, read_metrics
from striate.training.folder.state import Counters
from striate.training.monitor.reporter import Reporter

posix = pytest.mark.skipif(os.name != "posix", reason="signals and pseudo-terminals as POSIX has them")
FIELDS = {"model": "lenet5", "epochs": 2, "batch_size": 8, "autotune": False}
WORDS = ("--model", "lenet5", "--epochs", "40", "--set", "batch_size=8", "--no-autotune")
NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


def weights(run: Path) -> str:
    return hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def noise(tmp_path_factory) -> Path:
    """Two classes of 20 pictures."""
    root, random = tmp_path_factory.mktemp("noise"), np.random.default_rng(0)
    for name, mean in (("dark", 80), ("light", 160)):
        (root / name).mkdir()
        for number in range(20):
            pixels = random.normal(mean, 40, (24, 24)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def whole(noise, tmp_path_factory) -> str:
    """The weights of the short run that nothing happened to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIATE_CACHE", str(tmp_path_factory.mktemp("cache")))
        return weights(striate.train(noise, run=tmp_path_factory.mktemp("runs") / "whole", **FIELDS).path)


def go_on(data: Path, run: Path) -> Path:
    """What a person does next: resume, or begin again where nothing had begun."""
    return (striate.resume(run) if (run / "recipe.json").exists() else striate.train(data, run=run, **FIELDS)).path


class Disk:
    """Refuses the system calls that write below a folder, whoever makes them, after some that succeed."""

    def __init__(self) -> None:
        self.below, self.left, self.reason = "", 0, 0
        sys.addaudithook(self.asked)  # for the rest of the process: it cannot be taken off

    def asked(self, event: str, arguments: tuple) -> None:
        if not self.below or event not in ("open", "os.mkdir", "os.rename") or isinstance(arguments[0], int):
            return
        writes = event != "open" or arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes and os.fsdecode(arguments[0]).startswith(self.below):
            self.left -= 1
            if self.left < 0:
                raise OSError(self.reason, os.strerror(self.reason), arguments[0])

    @contextmanager
    def with_room_for(self, writes: int, folder: Path, reason: int = errno.ENOSPC):
        self.below, self.left, self.reason = str(folder), writes, reason
        try:
            yield
        finally:
            self.below = ""


@pytest.fixture(scope="module")
def disk() -> Disk:
    return Disk()


def one_line(error: Exception, run: Path) -> bool:
    return str(run) in str(error) and "\n" not in str(error)


def test_a_disk_that_is_full_at_any_write_loses_nothing(noise, whole, disk, tmp_path):
    """At every one of the writes of a run, and again at one of those of its continuation."""
    with disk.with_room_for(10**6, tmp_path):
        striate.train(noise, run=tmp_path / "counted", **FIELDS)
        writes = 10**6 - disk.left
    assert 40 < writes < 80
    for room in range(writes):
        run = tmp_path / f"run-{room}"
        with disk.with_room_for(room, run), pytest.raises(StorageError, match="no space left on the disk") as full:
            striate.train(noise, run=run, **FIELDS)
        assert one_line(full.value, run)
        assert "free some space and run the command again" in str(full.value)
        if (run / "config.json").exists():
            striate.load(run)  # the best weights so far
        with disk.with_room_for(room % 17, run), suppress(StorageError):
            go_on(noise, run)
        assert weights(go_on(noise, run)) == whole, f"room for {room} writes"
        assert not list(run.rglob("*.part"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # of TensorBoard's writer
@pytest.mark.parametrize("room", [0, 1, 2, 4])
def test_events_for_tensorboard_find_no_room(noise, whole, disk, tmp_path, room):
    pytest.importorskip("tensorboard")
    with disk.with_room_for(room, tmp_path / "run" / "tensorboard"), pytest.raises(StorageError) as full:
        striate.train(noise, run=tmp_path / "run", tensorboard=True, **FIELDS)
    assert one_line(full.value, tmp_path / "run" / "tensorboard")
    assert weights(go_on(noise, tmp_path / "run")) == whole


@pytest.mark.parametrize("room", [0, 1, 3, 5])
def test_a_cache_without_room_is_done_without(noise, whole, disk, tmp_path, monkeypatch, caplog, room):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    with disk.with_room_for(room, tmp_path / "cache"):
        run = striate.train(noise, run=tmp_path / "run", **FIELDS)
    assert weights(run.path) == whole
    assert "decoded pictures are not kept, each epoch decodes them anew: no space left on the disk" in caplog.text


@pytest.mark.parametrize("again", [False, True], ids=["start", "resume"])
def test_a_read_only_folder_is_refused_before_anything_is_read(noise, disk, tmp_path, monkeypatch, again):
    run = tmp_path / "run"
    if again:
        striate.train(noise, run=run, **FIELDS)
        (run / "evaluation.json").unlink()
    monkeypatch.setattr(prepared, "open_data", lambda *_: pytest.fail("the data was opened"))
    with disk.with_room_for(0, run, errno.EROFS), pytest.raises(StorageError) as refused:
        striate.resume(run) if again else striate.train(noise, run=run, **FIELDS)
    assert str(refused.value).startswith(f"may not write {run}")
    assert refused.value.in_flags.endswith("goes on with --resume), or choose another folder")


REAL_DISK = """
import subprocess, sys
from pathlib import Path
from threading import Timer
import torch
import striate
from striate.training import run as run_module
torch.set_num_threads(1)
noise, disk = Path(sys.argv[1]), Path(sys.argv[2])
fields = {"model": "lenet5", "epochs": 2, "batch_size": 8, "autotune": False}
mount = lambda options: subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], check=True)
fit = run_module.fit
for kilobytes in (16, 200, 500, 800, 1000):
    mount(f"size={kilobytes}k")
    run = disk / "run"
    try:
        striate.train(noise, run=run, **fields)
    except striate.StriateError as error:
        print("stopped:", error)
    mount("remount,size=64m")
    if (run / "recipe.json").exists():
        striate.resume(run)
    else:
        striate.train(noise, run=run, **fields)
    import hashlib
    print("weights:", hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest())
    (run / "evaluation.json").unlink()
    mount("remount,ro")
    run_module.fit = None
    for call in (lambda: striate.resume(run), lambda: striate.train(noise, run=disk / "other", **fields)):
        try:
            call()
        except striate.StriateError as error:
            print("refused:", error)
    run_module.fit = fit
    subprocess.run(["umount", disk], check=True)
"""


def test_real_disks_that_are_small_and_then_read_only(noise, whole, tmp_path):
    """File systems of a few hundred kB, in a mount namespace that ends with the process."""
    with suppress(FileNotFoundError):
        allowed = subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0
    if sys.platform != "linux" or not allowed:
        pytest.skip("may not make a namespace of mounts")
    command = [*NAMESPACE, sys.executable, "-c", REAL_DISK, noise, tmp_path]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()
    stopped, ended, refused = (
        [line.removeprefix(word) for line in lines if line.startswith(word)]
        for word in ("stopped: ", "weights: ", "refused: ")
    )
    assert len(stopped) == len(ended) == len(refused) // 2 == 5
    assert all(line.startswith(f"no space left on the disk while writing {tmp_path}/run") for line in stopped)
    assert set(ended) == {whole}
    assert all(re.match(rf"may not write {tmp_path}/(run|other).*: Read-only file system", line) for line in refused)


@posix
def test_a_limit_on_the_size_of_files(noise, whole, tmp_path):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))  # room for the weights, not for a state
    try:
        with pytest.raises(StorageError, match=r"a limit on the size of files \(ulimit -f\) was reached while writing"):
            striate.train(noise, run=tmp_path / "run", **FIELDS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert weights(striate.resume(tmp_path / "run").path) == whole


@pytest.mark.parametrize("days", [-400.0, 3.0, 400.0])
def test_a_clock_that_jumps_changes_nothing(noise, whole, tmp_path, monkeypatch, days):
    """By days at every look at it, killed and resumed on the way."""
    now, looks = time.time, iter(range(10**6))
    monkeypatch.setattr(time, "time", lambda: now() + days * 24 * 3600 * next(looks))
    monkeypatch.setattr(clock, "SAVE_EVERY_SECONDS", 0.0)
    step, left = loop.fitting_step, iter([1] * 5)
    monkeypatch.setattr(loop, "fitting_step", lambda *arguments: next(left) and step(*arguments))
    with pytest.raises(StopIteration):
        striate.train(noise, run=tmp_path / "run", **FIELDS)
    (tmp_path / "run" / ".config.json.x.part").touch()
    monkeypatch.setattr(loop, "fitting_step", step)
    run = striate.resume(tmp_path / "run")
    assert weights(run.path) == whole
    assert not list(run.path.rglob("*.part"))
    seconds = [line["seconds"] for line in read_metrics(run.path)]
    assert 0 < seconds[0] < seconds[1] < 600
    assert all(line["images_per_second"] > 0 for line in read_metrics(run.path))
    assert 0 < run.metrics["seconds"] < 600


def test_what_a_killed_process_left_goes_whatever_the_clock_says(tmp_path):
    for name, days in ((".now.part", 0), (".past.part", -2), (".future.part", 2)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() + days * 24 * 3600,) * 2)
    remove_parts(tmp_path, older_than_s=24 * 3600)
    assert [path.name for path in tmp_path.iterdir()] == [".now.part"]
    remove_parts(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_cache_entry_that_somebody_removes_meanwhile(noise, whole, tmp_path, monkeypatch, caplog):
    """As a process does whose clock is days ahead, and takes an entry under way for one that was left."""
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    rename = Path.replace

    def swept(self, target):
        if self.is_relative_to(tmp_path / "cache"):
            remove_parts(self.parent)
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", swept)
    assert weights(striate.train(noise, run=tmp_path / "run", **FIELDS).path) == whole
    assert "decoded pictures are not kept" in caplog.text


def begun(run: Path, process: subprocess.Popen) -> None:
    """Wait until a run in another process has saved its first state."""
    while not list((run / "state").glob("step-*")):
        assert process.poll() is None
        time.sleep(0.02)


@pytest.fixture(scope="module")
def long(noise, tmp_path_factory) -> str:
    """The weights of the run of 40 epochs that the processes make."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIATE_CACHE", str(tmp_path_factory.mktemp("cache")))
        fields = {**FIELDS, "epochs": 40}
        return weights(striate.train(noise, run=tmp_path_factory.mktemp("runs") / "long", **fields).path)


@contextmanager
def terminal(noise: Path, run: Path, columns: int, ignored: int | None = None):
    """Training in a session and a terminal of its own: the process and our end of the terminal."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def prepare():
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
        if ignored is not None:
            signal.signal(ignored, signal.SIG_IGN)

    command = [sys.executable, "-m", "striate", "train", noise, "--run", run, *WORDS]
    own = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=prepare,
        env={**own, "TERM": "xterm"},
    )  # fmt: skip
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()


@posix
@pytest.mark.usefixtures("signals_of_a_terminal")
def test_a_terminal_that_hangs_up_leaves_a_run_to_go_on_with(noise, long, tmp_path):
    with terminal(noise, tmp_path / "run", columns=30) as (process, ours):
        begun(tmp_path / "run", process)
        said = os.read(ours, 10**6).decode()
        os.close(ours)  # as a window that is closed, or a connection that is cut
        assert process.wait(60) == 128 + signal.SIGHUP
    assert "\x1b[1A" not in said.split("training")[1]  # the bar stays on one line
    assert re.search(r"stopped at step \d+ of \d+; everything is saved", (tmp_path / "run" / "log.txt").read_text())
    assert weights(striate.resume(tmp_path / "run").path) == long


@posix
def test_under_nohup_a_run_goes_on_without_its_terminal(noise, long, tmp_path):
    with terminal(noise, tmp_path / "run", columns=80, ignored=signal.SIGHUP) as (process, ours):
        begun(tmp_path / "run", process)
        os.close(ours)
        process.wait(120)
    assert weights(tmp_path / "run") == long
    assert (tmp_path / "run" / "evaluation.json").exists()


@posix
def test_a_pipe_that_nobody_reads_any_more(noise, long, tmp_path):
    command = [sys.executable, "-m", "striate", "train", noise, "--run", tmp_path / "run", *WORDS, "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        process.stderr.readline()
        process.stderr.close()
    assert process.returncode == 0
    assert weights(tmp_path / "run") == long


class Gone(io.StringIO):
    def isatty(self):
        return True

    def write(self, text):
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("stream", [Gone(), None], ids=["gone", "none"])
def test_telling_nobody(tmp_path, stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    reporter = Reporter(stream)
    reporter.log = tmp_path
    reporter.begin(10, (0, 1))
    reporter.step(Counters(step=1, seen=1), 0.1)
    reporter.say("hello")
    reporter.close()
    assert (tmp_path / "log.txt").read_text() == "hello\n"


@posix
def test_which_signals_ask_to_stop():
    seen = []
    before = signal.signal(signal.SIGHUP, lambda *_: seen.append("own"))
    try:
        with stop_requested() as request:
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGHUP)  # the kernel and the shell send one each
        assert (request.signal, seen) == (signal.SIGHUP, [])
        os.kill(os.getpid(), signal.SIGHUP)
        assert seen == ["own"]
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with stop_requested() as request:
            os.kill(os.getpid(), signal.SIGHUP)
        assert not request
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_request_is_in_the_log(noise, whole, tmp_path, monkeypatch):
    step = loop.fitting_step
    monkeypatch.setattr(loop, "fitting_step", lambda *some: (signal.raise_signal(signal.SIGTERM), step(*some))[1])
    with pytest.raises(Interrupted):
        striate.train(noise, run=tmp_path / "run", **FIELDS)
    last = (tmp_path / "run" / "log.txt").read_text().splitlines()[-1]
    assert last.startswith("stopped: stopped at step 1 of ")
    monkeypatch.undo()
    assert weights(striate.resume(tmp_path / "run").path) == whole


def test_two_runs_at_once_in_one_folder(noise, long, tmp_path):
    """Started together: one trains, the other is refused and changes nothing."""
    command = [sys.executable, "-m", "striate", "train", noise, "--run", tmp_path / "run", *WORDS]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    second = [process.returncode for process in both].index(2)
    assert both[1 - second].returncode == 0, said[1 - second]
    who = f"process {both[1 - second].pid} on {platform.node()}"
    refusal = f"striate: {who} is training in {tmp_path}/run; wait for it or choose another --run\n"
    if "holds a run already" not in said[second][1]:  # it came too late to meet the other one
        assert said[second] == ("", refusal)
    assert weights(tmp_path / "run") == long


def test_a_holder_that_has_not_written_its_name_yet(tmp_path):
    """Between taking the lock and writing the name there is a moment; who looks then, looks again."""
    with locked(tmp_path):
        name = (tmp_path / ".lock").read_text()
        (tmp_path / ".lock").write_text("")
        Timer(0.1, (tmp_path / ".lock").write_text, [name]).start()
        with pytest.raises(StriateError, match=rf"^process {os.getpid()} on \S+ is training in"), locked(tmp_path):
            pass
        (tmp_path / ".lock").write_text("")
        with pytest.raises(StriateError, match="^another process is training in"), locked(tmp_path):
            pass
    assert (tmp_path / ".lock").read_text() == ""


def test_a_folder_that_a_run_is_in(noise, tmp_path):
    run, who = tmp_path / "run", rf"process {os.getpid()} on \S+ is training in .*run; wait for it or choose another"
    striate.train(noise, run=run, **FIELDS)
    (run / "evaluation.json").unlink()
    with locked(run):
        for call in (lambda: striate.train(noise, run=run, **FIELDS), lambda: striate.resume(run)):
            with pytest.raises(StriateError, match=who):
                call()
    striate.resume(run)


def test_a_start_that_is_refused_leaves_no_folder(noise, tmp_path):
    with pytest.raises(StriateError):
        striate.train(tmp_path / "nothing", run=tmp_path / "run", **FIELDS)
    assert not (tmp_path / "run").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(StriateError):
        striate.train(tmp_path / "nothing", run=tmp_path / "mine", **FIELDS)
    assert (tmp_path / "mine").exists()


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("columns", [1, 5, 20, 30, 40, 50, 60, 80, 200])
def test_the_bar_fits_into_any_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    reporter = Reporter(stream := Terminal())
    reporter.begin(240_000, [epoch / 100 for epoch in range(101)])
    for step in (120, 239_990):
        reporter.step(Counters(step=step, seen=80 * step, loss_sum=40.0, sums={"accuracy": 70}), 0.1)
        reporter._screen._bar.refresh()
    shown = stream.getvalue()
    reporter.close()
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown))
    assert max(map(len, lines)) <= columns
    assert "\x1b[1A" not in shown  # nothing is ever a second line, to be climbed over
    if columns >= 30:
        assert "239990/240000" in lines[-1]
