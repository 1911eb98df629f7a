"""`lmdecode simulate` as a process: its first line, its console, its end, and what it complains about."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import time

import pytest

from lmdecode.codec.dialect import MDNS_SERVICE
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.framing import Deframer, unwrap
from lmdecode.codec.v1.image import MemoryImage, image_text
from lmdecode.codec.v1.key import Key, decrypt
from lmdecode.codec.v1.message import Message, parse
from lmdecode.simulator.faults import frame
from lmdecode.simulator.machine import default_memory
from tests.cli.conftest import CAPTURES
from tests.cli.simulator_process import own_serial, write_image

KEY = Key.parse("12345678901234567890123456789012")


@pytest.fixture
def simulate(command):
    """Starts the simulator; its process and its port."""

    @contextlib.contextmanager
    def start(*arguments, mdns=False):
        line = ["simulate", "--port", "0", *([] if mdns else ["--no-mdns"]), *map(str, arguments)]
        with subprocess.Popen(
            [*command.line, *line],
            cwd=command.folder,
            env=command.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        ) as process:
            try:
                first = process.stdout.readline()
                assert first.startswith("listening on 127.0.0.1:"), process.stderr.read()
                yield process, int(first.rpartition(":")[2])
            finally:
                process.kill()

    return start


def ask(port, *requests, seconds=5.0):
    """The answers to some requests; TimeoutError if they do not come."""
    deadline = time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        client.sendall(b"".join(frame(KEY, request) for request in requests))
        deframer, answers = Deframer(), []
        while len(answers) < len(requests):
            client.settimeout(max(deadline - time.monotonic(), 0.01))
            for event in deframer.feed(client.recv(4096)):
                message = parse(decrypt(KEY, unwrap(event.body)))
                if any(message[:3] == request[:3] for request in requests):
                    answers.append(message)
    return answers


def end(process, text=None):
    """End it by a command or by SIGTERM; what it said on both outputs."""
    if text is None:
        process.send_signal(signal.SIGTERM)
    said = process.communicate(text, timeout=10)
    assert process.returncode == 0, said[1]
    assert "Traceback" not in said[1]
    return said


def test_a_session(simulate):
    with simulate("--model", "gs3-mp") as (process, port):
        off, on = ask(port, Message(Kind.READ, 0x0000, 1), Message(Kind.WRITE, 0x0000, 1, b"\x01"))
        assert (off.data, on.ok) == (b"\0", True)
        said, log = end(process, "get power\nnonsense\nquit\n")
    assert said.splitlines()[0] == "power True"
    assert "no command 'nonsense'" in said
    assert "a GS3 MP; the key is that of the sample captures, 12345678901234567890123456789012" in log
    assert "app write power: power yes" in log
    assert "machine took power" in log


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_cleanly(simulate, number):
    with simulate("--quiet") as (process, port):
        client = socket.create_connection(("127.0.0.1", port), timeout=5)
        process.send_signal(number)
        assert process.communicate(timeout=10) == ("", "")
        assert process.returncode == 0
        client.close()


def test_memory_from_a_capture(simulate, config):
    capture = CAPTURES / "gs3mp-standby.pcapng"  # in which nothing tells the model
    with simulate("--capture", capture, "--model", "GS3 MP", "--config", config) as (process, port):
        (status,) = ask(port, Message(Kind.READ, 0x0000, 0x1F))
        assert status.data.hex().startswith("00003c026e3230")
        assert "a GS3 MP; the key is from" in end(process)[1]


def test_memory_from_an_image(simulate, command):
    memory = default_memory("Linea Mini")
    memory.write(0x0007, b"\x03\x9f")
    (command.folder / "image.json").write_text(image_text(MemoryImage(memory, "Linea Mini")))
    with simulate("--image", "image.json") as (process, port):
        (answer,) = ask(port, Message(Kind.READ, 0x0007, 2))
        assert answer.data == b"\x03\x9f"
        assert "a Linea Mini" in end(process)[1]


def test_a_script_and_faults(simulate, command):
    (command.folder / "script").write_text("0.1s shot 1 3\n")
    with simulate("--script", "script", "--speed", "60", "--fault", "drop:1", "--fault", "random=0") as (process, port):
        with pytest.raises(TimeoutError):
            ask(port, Message(Kind.READ, 0x0000, 1), seconds=0.5)
        assert ask(port, Message(Kind.READ, 0x0000, 1))[0].data == b"\x01"
        log = end(process)[1]
    assert "fault drop" in log
    assert "coffee ends after 3.0 s" in log


def test_it_is_announced(simulate, command):
    zeroconf = pytest.importorskip("zeroconf")
    name = own_serial()
    write_image(command.folder / "image.json", serial=name)
    with simulate("--image", "image.json", mdns=True) as (process, port):
        line = ""
        while "announced" not in line:
            line = process.stderr.readline()
        if "not announced" in line:
            pytest.skip(line)
        with contextlib.closing(zeroconf.Zeroconf(interfaces=["127.0.0.1"])) as listener:
            info = listener.get_service_info(MDNS_SERVICE, f"{name}.{MDNS_SERVICE}", timeout=20_000)
        assert info is not None
        assert info.port == port
        end(process)


def test_complaints(command, simulate):
    with simulate() as (_, port):
        assert f"port {port} is in use" in command.fails("simulate", "--port", port, "--no-mdns")
    complaint = command.fails("simulate", "--port", "0", "--no-mdns", "--model", "GS4", code=2)
    assert complaint == "lmdecode: no model 'GS4': give GS3 AV, GS3 MP, Linea Mini\n"
    (command.folder / "bad.json").write_text(json.dumps({"format": "lmdecode-memory", "version": 9}))
    for arguments, reason in (
        (["--image", "none.json"], "there is no file none.json"),
        (["--image", "bad.json"], "bad.json is not a memory image: it is of version 9"),
        (["--image", "a", "--capture", "b"], "give one of them"),
        (["--capture", "none.pcap"], "none.pcap"),
        (["--capture", CAPTURES / "gs3av-settings.pcap", "--key", "x" * 32], "wrong key?"),
        (["--fault", "explode"], "no fault 'explode'"),
        (["--script", "none"], "none cannot be read"),
        (["--key", "short"], "the key has 5 bytes"),
        (["--config", "none.json"], "there is no file none.json"),
        (["--host", "203.0.113.1"], "cannot listen on 203.0.113.1"),
    ):
        usage = (
            ["--key", "short"],
            ["--config", "none.json"],
            ["--image", "a", "--capture", "b"],
            ["--fault", "explode"],
        )
        code = 2 if arguments in usage else 1
        complaint = command.fails("simulate", "--port", "0", "--no-mdns", "--quiet", *arguments, code=code)
        assert reason in complaint
        assert len(complaint.splitlines()) == 1
    listed = command("simulate", "--fault", "help").stdout
    assert "wrong-preamble" in listed
    assert "random         one of the above now and then: random=0.3" in listed


@pytest.fixture
def two_machines(command):
    """A config.json with two machines, on ports that are free."""
    machines = []
    for name, key in (("kitchen", "1" * 32), ("office", KEY.secret.decode())):
        with socket.create_server(("127.0.0.1", 0)) as free:
            machines.append({"machine_name": name, "key": key, "port": str(free.getsockname()[1])})
    path = command.folder / "config.json"
    path.write_text(json.dumps({"machines": machines}))
    path.chmod(0o600)
    return [int(each["port"]) for each in machines]


@pytest.mark.parametrize("how", ["--machine", "the config"])
def test_the_port_and_the_key_of_a_machine_of_the_config(command, two_machines, how):
    if how == "the config":
        assert command("config", "set", "machine", "office").returncode == 0
    options = ["--machine", "OFFICE"] if how == "--machine" else []
    with subprocess.Popen(
        [*command.line, "simulate", "--no-mdns", *options],
        cwd=command.folder, env=command.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, encoding="utf-8",
    ) as process:  # fmt: skip
        try:
            assert process.stdout.readline() == f"listening on 127.0.0.1:{two_machines[1]}\n"
            assert len(ask(two_machines[1], Message(Kind.READ, 0, 1))) == 1  # in its key
            assert command("config", "check", "--machine", "office", "--offline").returncode == 1  # it has no host yet
        finally:
            process.kill()


@pytest.mark.usefixtures("two_machines")
def test_a_machine_or_a_port_that_there_is_not(command):
    assert "did you mean office?" in command.fails("simulate", "--machine", "offise", code=2)
    (command.folder / "config.json").write_text('{"port": "x"}')
    assert 'config.json, line 1: "port" is not a port' in command.fails("simulate")
