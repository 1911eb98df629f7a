"""Several captures in some processes: interrupted, killed, and how much room they take."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys

import pytest

from tests.cli.test_decode import PCAP, PCAPNG
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
    def start(replaced, captures, format_="jsonl"):
        script = f"{START}{replaced}{RUN}"
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


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("format_", ["jsonl", "csv", "parquet"])
def test_it_can_be_interrupted(start, command, end, format_):
    """The first capture has been decoded, and the second is being decoded."""
    slow = """
def decode_onto(writer, outcome, *args, decode_onto=jobs.decode_onto, **rest):
    decode_onto(writer, outcome, *args, **rest)
    if "mp" in str(outcome.path):
        tell("begun")
        time.sleep(60)
jobs.decode_onto = decode_onto
"""
    with start(slow, [PCAP, PCAPNG, PCAP], format_) as process:
        wait_for((command.folder / "begun").exists)
        process.send_signal(end)
        complaint = process.communicate(timeout=20)[1]
    assert (process.returncode, complaint) == ((130, "lmdecode: interrupted\n") if end is signal.SIGINT else (143, ""))
    wait_for(lambda: not is_there(process.pid))
    assert sorted(path.name for path in command.folder.iterdir()) == ["begun"]


def test_a_worker_that_is_killed_is_an_error(start, command):
    """A stand-in for the kernel, which does this when memory runs out."""
    fatal = """
def decode_onto(*args, **rest):
    tell("killed")
    os.kill(os.getpid(), signal.SIGKILL)
jobs.decode_onto = decode_onto
"""
    with start(fatal, [PCAP] * 4) as process:
        complaint = process.communicate(timeout=20)[1]
    assert process.returncode == 1
    assert complaint.startswith("lmdecode: a worker process was killed, perhaps because memory ran out")
    assert complaint.count("\n") == 1
    assert [path.name for path in command.folder.iterdir()] == ["killed"]


def test_what_was_taken_over_takes_no_more_room(start, command):
    watching = """
def decode_in_processes(*args, decode_in_processes=jobs.decode_in_processes):
    for number, outcome in enumerate(decode_in_processes(*args)):
        assert not list(pathlib.Path().glob(f"lmdecode-*/{number}"))
        yield outcome
jobs.decode_in_processes = decode_in_processes
"""
    with start(watching, [PCAP] * 6) as process:
        complaint = process.communicate(timeout=30)[1]
    assert complaint == "852 packets, 6 connections, 564 frames, 564 messages, 0 problems, 0 bytes skipped\n"
    lines = (command.folder / "out").read_text(encoding="utf-8").splitlines()
    assert [(json.loads(line)["stream"], json.loads(line)["capture"]) for line in lines] == [(0, str(PCAP))] * (6 * 94)
