"""Standard input: each message is shown as it comes in."""

from __future__ import annotations

import json
import os
import select
import shlex
import shutil
import socket
import subprocess
import threading
import time

import pytest

from lmdecode.codec.v1.framing import wrap
from lmdecode.codec.v1.key import Key, encrypt
from tests.cli.conftest import CAPTURES

KEY = Key.parse("12345678901234567890123456789012")
PCAP = CAPTURES / "gs3av-settings.pcap"
REQUEST = wrap(encrypt(KEY, b"R401C0004D7"))
TEMPERATURES = wrap(encrypt(KEY, b"R401C000403BC04D8B6"))


def start(command, *arguments, stdin=subprocess.PIPE):
    return subprocess.Popen(
        [*command.line, "decode", "-", *map(str, arguments)],
        cwd=command.folder,
        env=command.environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # so that `select` knows of every line
    )


def line_within(process, seconds):
    """The next line, if it comes in time."""
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if ready else b""


@pytest.mark.parametrize("name", ["gs3av-settings.pcap", "gs3mp-standby.pcapng", "gs3av-settings.tshark.json"])
def test_standard_input_is_as_good_as_a_file(command, config, name):
    with (CAPTURES / name).open("rb") as file, start(command, "--config", config, stdin=file) as process:
        shown, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints
    assert shown.decode() == command("decode", CAPTURES / name, "--config", config).stdout


def test_a_compressed_capture_through_a_pipe(command, config):
    line = f"gzip -c {shlex.quote(str(PCAP))} | {command.shell('decode', '-', '--config', config)}"
    result = subprocess.run(line, shell=True, env=command.environment, capture_output=True, check=True, timeout=60)
    assert len(result.stdout.splitlines()) == 94


def test_nothing_on_standard_input(command, config):
    assert "- is empty" in command.fails("decode", "-", "--config", config)


def test_each_message_comes_before_the_next_packet(command, config):
    data = PCAP.read_bytes()
    with start(command, "--config", config) as process:
        position, expected = 24, 0
        process.stdin.write(data[:position])
        while expected < 5:
            size = 16 + int.from_bytes(data[position + 8 : position + 12], "little")
            packet = data[position : position + size]
            process.stdin.write(packet)
            process.stdin.flush()
            position += size
            if b"@" in packet and b"%" in packet:
                expected += 1
                assert json.loads(line_within(process, 10))["sender"] == "app"
        process.stdin.close()
        assert b"5 messages" in process.stderr.read()
    assert process.returncode == 0


def answer(listener):
    """A machine that reports the temperatures when it is spoken to."""
    connection, _ = listener.accept()
    with connection:
        while connection.recv(100):
            connection.sendall(TEMPERATURES)


def exchanges(port, process):
    """Ask the machine some times; how long after its answer that is shown, in seconds."""
    with socket.create_connection(("127.0.0.1", port)) as app:
        for _ in range(6):
            app.sendall(REQUEST)
            assert app.recv(100) == TEMPERATURES
            sent = time.monotonic()
            lines = [json.loads(line_within(process, 10)) for _ in range(2)]
            yield time.monotonic() - sent
            assert lines[1]["fields"] == {"coffee_temp": 95.6, "steam_temp": 124.0}


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may capture")
def test_a_real_tcpdump_on_loopback(command, config):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        capture = ["tcpdump", "-i", "lo", "-U", "--immediate-mode", "-w", "-", "tcp", "port", str(port)]
        with (
            subprocess.Popen(capture, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tcpdump,
            start(command, "--config", config, "--port", port, stdin=tcpdump.stdout) as process,
        ):
            try:
                tcpdump.stderr.readline()  # that it listens
                times = list(exchanges(port, process))
            finally:
                tcpdump.kill()
                process.kill()
    assert min(times) < 0.1, times
