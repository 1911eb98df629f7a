"""A simulated machine as a process, for the commands that talk to one."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator

from tests.cli.conftest import Command

KEY = "12345678901234567890123456789012"


@contextlib.contextmanager
def simulated(command: Command, *arguments: object) -> Iterator[list[str]]:
    """Starts one; the options that name it, for other commands. What it hears and says is in machine.log."""
    log = command.folder / "machine.log"
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [*command.line, "simulate", "--port", "0", "--no-mdns", "--key", KEY, *map(str, arguments)],
            cwd=command.folder,
            env=command.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            encoding="utf-8",
        ) as process,
    ):
        try:
            assert process.stdout
            first = process.stdout.readline()
            assert first.startswith("listening on 127.0.0.1:"), log.read_text()
            yield ["--host", "127.0.0.1", "--port", first.strip().rpartition(":")[2], "--key", KEY]
        finally:
            process.kill()


def wait_for_log(command: Command, text: str, seconds: float = 20.0) -> None:
    """Wait until the simulated machine has told of something."""
    deadline = time.monotonic() + seconds
    while text not in (command.folder / "machine.log").read_text():
        assert time.monotonic() < deadline, text
        time.sleep(0.02)
