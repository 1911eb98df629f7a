"""A simulated machine in a process of its own, and commands that talk to it."""

from __future__ import annotations

import contextlib
import secrets
import socket
import subprocess
import time

from lmdecode.codec.v1.image import MemoryImage, image_text
from lmdecode.codec.v1.memory import Registers
from lmdecode.simulator.initial_memory import default_memory

KEY = "12345678901234567890123456789012"


@contextlib.contextmanager
def simulator(command, *arguments, port=0, stdin=subprocess.PIPE):
    """A simulator; its process and its port."""
    line = [*command.line, "simulate", "--port", str(port), "--no-mdns", "--quiet", *map(str, arguments)]
    with subprocess.Popen(
        line, cwd=command.folder, env=command.environment, stdin=stdin, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        try:
            first = process.stdout.readline()
            assert first.startswith("listening on 127.0.0.1:"), first
            yield process, int(first.rpartition(":")[2])
        finally:
            process.kill()


def own_serial():
    """A serial number that no other machine, real or simulated, has."""
    return f"GS{secrets.randbelow(10**10):010}"


def write_image(path, *, serial):
    """Write the memory of a GS3 AV that has a serial number of its own, under which it is announced."""
    memory = default_memory("GS3 AV")
    Registers(memory).put("machine_ser_num", serial)
    path.write_text(image_text(MemoryImage(memory, "GS3 AV")))


def tell(process, line):
    """Give the simulator a command."""
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def to(port, key=KEY):
    """The options that name the machine."""
    return ["--host", "127.0.0.1", "--port", str(port), "--key", key]


def free_port():
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_until(condition, seconds=20.0, what=""):
    """Wait until something is so; what it is then."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.05)
    return found
