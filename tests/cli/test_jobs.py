"""Several captures in some processes: who decodes what."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import Future

import pytest

from lmdecode.app.decode import Outcome, Settings
from lmdecode.app.jobs import _begins, _decode_meanwhile, _Task, _work
from lmdecode.app.parts import new_mark
from lmdecode.app.writers import Format, Style
from tests.cli.test_decode import PCAP
from tests.cli.test_decode_choices import is_there, wait_for

# Workers are forked, so that they have what is put in place here.
START = """
import multiprocessing, os, pathlib, signal, sys, time
import lmdecode.app.jobs as jobs
multiprocessing.set_start_method("fork")
here = os.getpid()
def tell(name):
    pathlib.Path(name).touch()
def wait_for(name):
    until = time.monotonic() + 20
    while not pathlib.Path(name).exists():
        if time.monotonic() > until:
            sys.exit(f"{name} did not come about")
        time.sleep(0.005)
"""
RUN = "\nfrom lmdecode.__main__ import run\nrun()\n"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.fixture
def start(command, config):
    """Start `decode --jobs 2` with another way to decode a capture; nothing of it is left in the end."""

    @contextlib.contextmanager
    def start(decode_into, captures, format_="jsonl"):
        script = f"{START}{decode_into}{RUN}"
        line = [sys.executable, "-c", script, "decode", *captures, "--config", config, "--jobs", "2", "-f", format_]
        process = subprocess.Popen(
            [*line, "--output", "out"],
            cwd=command.folder,
            env=command.environment | {"TMPDIR": str(command.folder)},
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    return start


def test_while_one_capture_is_awaited_all_others_are_decoded_here(start, command):
    """Of six; and what was taken over takes no more room, though its file stays."""
    held = """
mine = 0
def decode_into(*args, decode_into=jobs.decode_into, **rest):
    global mine
    decode_into(*args, **rest)
    if os.getpid() != here:
        tell("begun")
        wait_for("all others")
        return
    mine += 1
    if mine == 1:
        wait_for("begun")
    if mine == 5:
        tell("all others")
def decode_in_processes(*args, decode_in_processes=jobs.decode_in_processes):
    for number, outcome in enumerate(decode_in_processes(*args)):
        (part,) = pathlib.Path().glob(f"lmdecode-*/{number}")
        assert part.stat().st_size == 0
        yield outcome
jobs.decode_into = decode_into
jobs.decode_in_processes = decode_in_processes
"""
    with start(held, [PCAP] * 6) as process:
        complaint = process.communicate(timeout=30)[1]
    assert complaint == "852 packets, 6 connections, 564 frames, 564 messages, 0 problems, 0 bytes skipped\n"
    lines = [json.loads(line) for line in (command.folder / "out").read_text(encoding="utf-8").splitlines()]
    assert [line["stream"] for line in lines] == [stream for stream in range(6) for _ in range(94)]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("format_", ["jsonl", "csv", "parquet"])
def test_what_this_process_decodes_meanwhile_can_be_interrupted(start, command, end, format_):
    """The first capture is over when the second is being decoded elsewhere; then the third is here."""
    slow = """
first = True
def decode_into(*args, decode_into=jobs.decode_into, **rest):
    global first
    decode_into(*args, **rest)
    if os.getpid() == here and first:
        first = False
        wait_for("elsewhere")
    else:
        tell("here" if os.getpid() == here else "elsewhere")
        time.sleep(60)
jobs.decode_into = decode_into
"""
    with start(slow, [PCAP] * 3, format_) as process:
        wait_for((command.folder / "here").exists)
        process.send_signal(end)
        complaint = process.communicate(timeout=20)[1]
    assert (process.returncode, complaint) == ((130, "lmdecode: interrupted\n") if end is signal.SIGINT else (143, ""))
    wait_for(lambda: not is_there(process.pid))
    assert sorted(path.name for path in command.folder.iterdir()) == ["elsewhere", "here"]


def test_a_worker_that_is_killed_is_an_error(start, command):
    """A stand-in for the kernel, which does this when memory runs out."""
    fatal = """
def decode_into(*args, decode_into=jobs.decode_into, **rest):
    decode_into(*args, **rest)
    if os.getpid() == here:
        wait_for("killed")
    else:
        tell("killed")
        os.kill(os.getpid(), signal.SIGKILL)
jobs.decode_into = decode_into
"""
    with start(fatal, [PCAP] * 4) as process:
        complaint = process.communicate(timeout=20)[1]
    assert process.returncode == 1
    assert complaint.startswith("lmdecode: a worker process was killed, perhaps for want of memory")
    assert complaint.count("\n") == 1
    assert [path.name for path in command.folder.iterdir()] == ["killed"]


def test_nobody_begins_with_what_another_has_begun(tmp_path, config):
    settings = Settings((), config)
    tasks = [_Task(PCAP, tmp_path / str(index), Format.JSONL, Style(), settings, new_mark()) for index in range(5)]
    futures = [Future() for _ in tasks]
    assert all(map(_begins, tasks[1:3]))
    assert _work(tasks[2]) is None
    _decode_meanwhile(tasks, futures, 1, settings.decoder()[0])
    assert [future.done() for future in futures] == [False, False, False, True, True]
    assert futures[4].result().tally.messages == 94
    assert not _begins(tasks[4])
    assert _work(tasks[0]).tally.messages == 94
    futures[1].set_result(Outcome(PCAP))
    tasks.append(_Task(PCAP, tmp_path / "5", Format.JSONL, Style(), settings, new_mark()))
    futures.append(Future())
    _decode_meanwhile(tasks, futures, 1, settings.decoder()[0])
    assert not futures[5].done()
