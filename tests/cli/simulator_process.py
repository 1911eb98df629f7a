"""A simulated machine in a process of its own, and commands that talk to it."""

from __future__ import annotations

import contextlib
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from lmdecode.codec.v1.image import MemoryImage, image_text
from lmdecode.codec.v1.memory import NamedMemory
from lmdecode.simulator.machine import default_memory
from tests.cli.conftest import Command

KEY = "12345678901234567890123456789012"

T = TypeVar("T")


@contextlib.contextmanager
def simulator(
    command: Command, *arguments: object, port: int = 0, stdin: int = subprocess.PIPE
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A simulator; its process and its port."""
    line = [*command.line, "simulate", "--port", str(port), "--no-mdns", "--quiet", *map(str, arguments)]
    with subprocess.Popen(
        line, cwd=command.folder, env=command.environment, stdin=stdin, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        try:
            assert process.stdout
            first = process.stdout.readline()
            assert first.startswith("listening on 127.0.0.1:"), first
            yield process, int(first.rpartition(":")[2])
        finally:
            process.kill()


def own_serial() -> str:
    """A serial number that no other machine, real or simulated, has."""
    return f"GS{secrets.randbelow(10**10):010}"


def write_image(path: Path, *, serial: str) -> None:
    """Write the memory of a GS3 AV that has a serial number of its own, under which it is announced."""
    memory = default_memory("GS3 AV")
    NamedMemory(memory).put("machine_ser_num", serial)
    path.write_text(image_text(MemoryImage(memory, "GS3 AV")))


def tell(process: subprocess.Popen[str], line: str) -> None:
    """Give the simulator a command."""
    assert process.stdin
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def to(port: int, key: str = KEY) -> list[str]:
    """The options that name the machine."""
    return ["--host", "127.0.0.1", "--port", str(port), "--key", key]


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_until(condition: Callable[[], T], seconds: float = 20.0, what: str | Callable[[], str] = "") -> T:
    """Wait until something is so; what it is then."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.05)
    return found
