"""`lmdecode decode` of a large capture: the process that reads ahead changes nothing, and ends with the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from lmdecode.capture import prefetch
from tests.cli.test_decode_choices import is_there, large_capture, wait_for


def _children(process):
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, encoding="utf-8", check=True).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if line.split()[1] == str(process)]


@pytest.fixture
def reading(command, config):
    """A large capture being decoded, in processes of their own group, when the one that reads it is at work.

    Neither of them comes to an end by itself, because nobody takes what they write.
    """
    if not hasattr(os, "fork") or sys.platform == "darwin" or prefetch._cores() < 2:
        pytest.skip("one core, or a system without fork: there is no such process")
    large_capture(command.folder)
    with subprocess.Popen(
        [*command.line, "decode", "large.pcap", "--config", config],
        cwd=command.folder,
        env=command.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        wait_for(lambda: _children(process.pid))
        yield process


def test_ctrl_c_ends_the_process_that_reads_ahead(reading):
    os.killpg(reading.pid, signal.SIGINT)
    complaint = reading.communicate()[1].decode()
    assert (complaint, reading.returncode) == ("lmdecode: interrupted\n", 130)
    assert not is_there(reading.pid)


def test_the_process_that_reads_ahead_ends_with_the_other(reading):
    reading.kill()
    wait_for(lambda: not is_there(reading.pid))


def test_a_process_that_reads_ahead_and_is_killed_is_an_error(reading):
    os.kill(_children(reading.pid)[0], signal.SIGKILL)
    complaint = reading.communicate()[1].decode()
    assert reading.returncode == 1
    assert "lmdecode: large.pcap: the process that read it was killed" in complaint
    assert "try again with --jobs 1" in complaint
    assert not is_there(reading.pid)


def test_a_large_capture_gives_the_same_in_one_process_and_in_two(command, config):
    large = large_capture(command.folder, copies=600)
    assert prefetch.worth_reading_ahead(large) or threading.active_count() > 1
    one, two = (command("decode", large, "--config", config, *how) for how in (("--jobs", 1), ()))
    assert one.stdout == two.stdout
    assert one.stderr == two.stderr
    assert len(one.stdout.splitlines()) > 50_000


def test_who_reads_only_the_beginning_of_a_large_capture_ends_both_processes(command, config):
    large_capture(command.folder)
    with subprocess.Popen(
        [*command.line, "decode", "large.pcap", "--config", config],
        cwd=command.folder,
        env=command.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline().startswith(b'{"time"')
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
    assert not is_there(process.pid)
