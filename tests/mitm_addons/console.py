"""mitmproxy's console in a terminal of its own, with a user who presses keys and has an editor."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shlex
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from tests.mitm_addons.proxies import PATIENCE, Line, command, environment, reverse_mode, stop, wait_for

_EDITOR = """
import pathlib, sys
folder, name = map(pathlib.Path, sys.argv[1:])
old, new = (folder / "edit").read_text().split("\\n")
text = name.read_text()
assert old in text
name.write_text(text.replace(old, new))
print("the editor ends")
"""


class Console:
    """The console, before a stand-in machine; a context manager."""

    def __init__(self, python: str, folder: Path, listener: socket.socket, *options: str) -> None:
        self._folder = folder
        self._listener = listener
        self.screen = ""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        (folder / "editor.py").write_text(_EDITOR)
        editor = shlex.join([sys.executable, str(folder / "editor.py"), str(folder)])
        mode = reverse_mode(listener)
        mode[mode.index("--listen-port") + 1] = str(self._port)
        self._terminal, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        self._process = subprocess.Popen(
            command(python, "mitmproxy", folder, *mode, *options),
            cwd=folder, env=environment(folder, MITMPROXY_EDITOR=editor), stdin=other, stdout=other, stderr=other,
            start_new_session=True,
        )  # fmt: skip
        os.close(other)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        stop(self._process)
        os.close(self._terminal)

    @contextmanager
    def line(self) -> Iterator[Line]:
        """A connection of an app to the machine, as soon as there is a way."""

        def connect() -> socket.socket | None:
            self._look(0)
            try:
                return socket.create_connection(("127.0.0.1", self._port), PATIENCE)
            except ConnectionRefusedError:
                return None

        with wait_for(connect, lambda: self.screen) as app:
            machine, _ = self._listener.accept()
            with machine:
                app.settimeout(PATIENCE)
                machine.settimeout(PATIENCE)
                yield Line(app, machine)

    def press(self, keys: str) -> None:
        """Press keys; what was on the screen before does not count any more."""
        self._look(0)
        self.screen = ""
        os.write(self._terminal, keys.encode())

    def edit(self, old: str, new: str) -> None:
        """Edit the last message of the flow that is shown, and replace a text in it."""
        (self._folder / "edit").write_text(f"{old}\n{new}")
        self.press(':console.edit.focus "tcp-message (lamarzocco)"\r')
        self.wait_for("the editor ends")
        self.screen = self.screen.partition("the editor ends")[2]
        self.wait_for("Flow Details")  # all is drawn anew

    def wait_for(self, text: str, seconds: float = PATIENCE) -> None:
        """Wait until the screen has shown a text since the last key."""
        deadline = time.monotonic() + seconds
        while text not in self.screen:
            assert time.monotonic() < deadline, f"no {text!r} on the screen:\n{self.screen}"
            self._look(0.1)

    def open_flow(self, text: str) -> None:
        """Open the flow that has the focus. Right after it came in, a key may come too early."""
        for _ in range(5):
            self.press("\r")
            with contextlib.suppress(AssertionError):
                self.wait_for(text, PATIENCE / 5)
                return
        self.wait_for(text)

    def logged(self, log: Path, count: int) -> list[dict[str, Any]]:
        """The lines of the log, as soon as there are so many."""
        wait_for(lambda: log.read_bytes().count(b"\n") >= count, lambda: self.screen)
        return [json.loads(line) for line in log.read_text().splitlines()]

    def _look(self, seconds: float) -> None:
        """Read what was drawn; of escape sequences only what they enclose."""
        while select.select([self._terminal], [], [], seconds)[0]:
            drawn = os.read(self._terminal, 1 << 16).decode("utf-8", "replace")
            self.screen += re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])", "", drawn)
            seconds = 0
