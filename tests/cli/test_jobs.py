"""Several captures in some processes: who decodes what."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import Future

import pytest

from lmdecode.cli.jobs import _begins, _decode_meanwhile, _Task, _work
from lmdecode.cli.parts import new_mark
from lmdecode.cli.reading import Outcome, Settings
from lmdecode.cli.writers import Format, Style
from tests.cli.test_decode import PCAP
from tests.cli.test_decode_choices import is_there, wait_for

START = """
import os, pathlib, signal, sys, time
import lmdecode.cli.jobs as jobs
here = os.getpid()
def tell(name):
    pathlib.Path(name).touch()
def wait_for(name):
    while not pathlib.Path(name).exists():
        time.sleep(0.005)
"""
RUN = "\nfrom lmdecode.__main__ import run\nrun()\n"


@pytest.fixture
def start(command, config):
    """Start `decode --jobs 2` with another way to decode a capture."""

    def start(decode_into, captures, format_="jsonl"):
        script = f"{START}{decode_into}{RUN}"
        line = [sys.executable, "-c", script, "decode", *captures, "--config", config, "--jobs", "2", "-f", format_]
        return subprocess.Popen(
            [*line, "--output", "out"],
            cwd=command.folder,
            env=command.environment | {"TMPDIR": str(command.folder)},
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )

    return start


def test_each_process_has_its_share_of_the_captures(start, command):
    slow = """
def decode_into(*args, decode_into=jobs.decode_into, **rest):
    decode_into(*args, **rest)
    time.sleep(0.2)
    with open("who", "a") as file:
        file.write(f"{os.getpid()}\\n")
jobs.decode_into = decode_into
"""
    with start(slow, [PCAP] * 6) as process:
        assert process.wait() == 0, process.stderr.read()
    shares = (command.folder / "who").read_text(encoding="ascii").split()
    assert len(shares) == 6
    assert sorted(map(shares.count, set(shares))) in ([2, 4], [3, 3])
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
    """A stand-in for the kernel, which does this when memory runs out; this process decodes what the other did not."""
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
