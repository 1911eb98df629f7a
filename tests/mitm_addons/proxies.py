"""mitmproxy in a process of its own, in reverse mode, and the two ends that talk through it: an app and a machine."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.codec.v1.samples import KEY_TEXT

ROOT = Path(__file__).resolve().parents[2]
TRAFFIC = ROOT / "mitm_addons" / "lm_traffic.py"
PATIENCE = 20.0  # seconds for what takes one on a machine that has nothing else to do

_HAS_MITMPROXY = importlib.util.find_spec("mitmproxy") is not None
_OTHER = os.environ.get("LMDECODE_PYTHON312") or str(ROOT / ".venv-3.12" / "bin" / "python")
_THIS_WILL_DO = _HAS_MITMPROXY and sys.version_info >= (3, 12) and not Path(_OTHER).is_file()

THIS_PYTHON = pytest.param(
    sys.executable,
    id="this-python",
    marks=pytest.mark.skipif(not _HAS_MITMPROXY, reason="mitmproxy is not installed beside lmdecode"),
)
PYTHON_312 = pytest.param(
    sys.executable if _THIS_WILL_DO else _OTHER,
    id="python-3.12",
    marks=pytest.mark.skipif(
        not _THIS_WILL_DO and not Path(_OTHER).is_file(),
        reason="no Python 3.12 with lmdecode and mitmproxy 12, neither .venv-3.12 nor LMDECODE_PYTHON312",
    ),
)
PYTHONS = [THIS_PYTHON] if _THIS_WILL_DO else [THIS_PYTHON, PYTHON_312]

T = TypeVar("T")


def wait_for(look: Callable[[], T | None], what: Callable[[], str]) -> T:
    """What `look` gives as soon as it gives anything."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, what()
        time.sleep(0.01)
    return found


def receive(end: socket.socket, size: int) -> bytes:
    """Exactly so many bytes."""
    received = b""
    while len(received) < size:
        more = end.recv(size - len(received))
        assert more, f"the connection ended after {received!r}"
        received += more
    return received


@dataclass
class Line:
    """A connection through the proxy, held at both ends."""

    app: socket.socket
    machine: socket.socket

    @property
    def app_address(self) -> str:
        """As the log has it."""
        host, port = self.app.getsockname()
        return f"{host}:{port}"

    def say(self, sender: str, data: bytes) -> None:
        """Send bytes from one end, and see that they come out at the other, unchanged, before any more are sent."""
        here, there = (self.app, self.machine) if sender == "app" else (self.machine, self.app)
        here.sendall(data)
        assert receive(there, len(data)) == data

    def close(self) -> None:
        self.app.close()
        self.machine.close()


class Proxy:
    """A running mitmproxy.

    Args:
        process: Its own.
        folder: Where it runs, and what it prints goes to `output`.
        listener: The stand-in machine's.
    """

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, listener: socket.socket) -> None:
        self.process = process
        self.folder = folder
        self.log = folder / "log.jsonl"
        self._listener = listener
        found = self.wait_for_output(r"listening at .*?:(\d+)\.?\s")
        self.port = int(found[1])
        self.machine_port: int = listener.getsockname()[1]

    @property
    def output(self) -> str:
        """All that it has printed."""
        return (self.folder / "output").read_text(encoding="utf-8", errors="replace")

    def wait_for_output(self, pattern: str) -> re.Match[str]:
        return wait_for(lambda: re.search(pattern, self.output), lambda: f"no {pattern!r} in:\n{self.output}")

    @contextmanager
    def line(self) -> Iterator[Line]:
        """A connection of an app to the machine."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as app:
            try:
                machine, _ = self._listener.accept()
            except TimeoutError:
                pytest.fail(
                    f"the machine was not called; mitmproxy's exit code is {self.process.poll()}:\n{self.output}"
                )
            with machine:
                for end in (app, machine):
                    end.settimeout(PATIENCE)
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                yield Line(app, machine)

    def machine_is_off(self) -> None:
        """Let nobody answer on the machine's port any more."""
        self._listener.close()

    def logged(self, app: str, count: int) -> list[dict[str, Any]]:
        """What the log says of the connection of the app with this address: at least so many lines."""

        def look() -> list[dict[str, Any]] | None:
            text = self.log.read_text(encoding="utf-8")
            lines = [json.loads(line) for line in text.splitlines()] if text.endswith("\n") else []
            lines = [line for line in lines if app in {line.get("source"), line.get("destination")}]
            return lines if len(lines) >= count else None

        return wait_for(look, lambda: f"not {count} lines of {app} in the log:\n{self.output}")


def command(python: str, tool: str, folder: Path, *options: str) -> list[str]:
    """The command line of one of mitmproxy's tools, with the addon."""
    start = f"from mitmproxy.tools.main import {tool}; {tool}()"
    quiet = ["--set", f"confdir={folder / 'confdir'}"]
    return [python, "-c", start, *quiet, "-s", str(TRAFFIC), *options]


def environment(folder: Path, *, has_key: bool = True, **more: str) -> dict[str, str]:
    """What a process of mitmproxy gets to know: nothing of this computer's user."""
    if has_key:
        (folder / "config.json").write_text(json.dumps({"key": KEY_TEXT}))
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "TMPDIR", "LANG") if name in os.environ}
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / ".config")}
    return kept | home | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "TERM": "xterm", "COLUMNS": "200"} | more


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A port on which a machine waits for its app."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        yield listener


def reverse_mode(listener: socket.socket, lm_port: int | None = None) -> list[str]:
    """The options with which mitmproxy stands before a machine."""
    port = listener.getsockname()[1]
    where = ["--listen-host", "127.0.0.1", "--listen-port", "0", "--set", f"lm_port={lm_port or port}"]
    return ["--mode", f"reverse:tcp://127.0.0.1:{port}", *where]


@contextmanager
def running(
    python: str,
    folder: Path,
    *options: str,
    tool: str = "mitmdump",
    lm_port: int | None = None,
    has_key: bool = True,
) -> Iterator[Proxy]:
    """mitmdump, or mitmweb, before a stand-in machine."""
    known = environment(folder, has_key=has_key)
    with listening() as listener, (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            command(python, tool, folder, *reverse_mode(listener, lm_port), *options),
            cwd=folder, env=known, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
        try:
            yield Proxy(process, folder, listener)
        finally:
            stop(process)


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process in the way of Ctrl-C, so that it can tidy up."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def finished(python: str, folder: Path, options: Sequence[str], **env: str) -> tuple[int, str]:
    """The exit code and the output of a mitmdump that ends by itself."""
    run = subprocess.run(
        command(python, "mitmdump", folder, *options),
        cwd=folder, env=environment(folder) | env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return run.returncode, run.stdout.decode("utf-8")
