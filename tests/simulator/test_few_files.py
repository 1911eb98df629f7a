"""A simulator that may open few files: it takes as many clients as it can, refuses the others, and goes on."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import subprocess
import time

import pytest

from lmdecode.simulator import listening
from tests.cli.conftest import KEY, Command
from tests.simulator.client import server


@pytest.fixture
def command(tmp_path):
    return Command(tmp_path)


@contextlib.contextmanager
def simulated(command, files):
    line = [*command.line, "simulate", "--port", "0", "--no-mdns", "--key", KEY]
    with subprocess.Popen(
        line,
        env=command.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)),  # noqa: PLW1509
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_more_clients_than_files(command):
    with simulated(command, 24) as process:
        port = int(process.stdout.readline().rsplit(b":", 1)[1])
        clients = [socket.socket() for _ in range(60)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        time.sleep(0.5)
        for client in clients:
            client.close()
        for _ in range(20):  # those that are gone are taken and let go first
            result = command("status", "--host", "127.0.0.1", "--port", port, "--key", KEY)
            if result.returncode == 0:
                break
            time.sleep(0.3)
        assert result.returncode == 0, result.stderr
        process.terminate()
        said = process.stderr.read().decode()
    assert process.returncode == 0
    assert "Traceback" not in said
    assert "clients are waiting already" in said
    assert len(said.splitlines()) < 300


def test_no_file_for_any_client(command):
    with simulated(command, 9) as process:
        said = process.stderr.read().decode()
    assert process.returncode == 1
    assert "Traceback" not in said
    assert "ulimit -n 256" in said


def test_clients_in_excess_are_closed(monkeypatch):
    monkeypatch.setattr(listening, "room", lambda: (2, 1))
    notes = []

    async def scenario():
        async with server(on_note=notes.append) as machine:
            streams = [await asyncio.open_connection(machine.host, machine.port) for _ in range(4)]
            ended = [reader for reader, _ in streams if await _ends(reader)]
            for _, writer in streams:
                writer.close()
            return len(ended)

    assert asyncio.run(scenario()) == 2
    assert any("refused" in note for note in notes)


async def _ends(reader):
    try:
        async with asyncio.timeout(0.3):
            return await reader.read(1) == b""
    except TimeoutError:
        return False
