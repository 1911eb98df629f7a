"""A run of the simulator: its server, its log on stderr, its console on standard input, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Record
from lmdecode.render.sentence import sentences

if TYPE_CHECKING:
    from lmdecode.simulator.console import Console
    from lmdecode.simulator.server import Server


class Session:
    """Runs a simulated machine until it is told to stop.

    Args:
        quiet: Whether only what needs attention is told.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._stop = asyncio.Event()

    def tell(self, text: str) -> None:
        """Tell of something that happened."""
        if not self._quiet:
            self._say(text)

    def tell_record(self, record: Record) -> None:
        """Tell of a message: a line for it, and one for each of its problems."""
        for line in sentences(record):
            self._say(line)

    async def run(self, server: Server, console: Console, *, mdns: bool) -> None:
        """Serve until Ctrl-C, SIGTERM or `quit`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt
                loop.add_signal_handler(number, self._stop.set)
        async with server:
            host = f"[{server.host}]" if ":" in server.host else server.host
            sys.stdout.write(f"listening on {host}:{server.port}\n")
            sys.stdout.flush()
            if _may_read_input():
                threading.Thread(target=self._read_input, args=(loop, console), daemon=True).start()
            tasks = [asyncio.create_task(self._stop.wait()), asyncio.create_task(server.run())]
            if mdns:
                tasks.append(asyncio.create_task(self._announce(server)))
            try:
                done, _ = await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                task.result()  # an error in the machine must not go unseen

    async def _announce(self, server: Server) -> None:
        """Announce the machine until cancelled. This takes a second, so nothing waits for it."""
        from lmdecode.simulator.announcement import Announcement

        serial = server.machine.registers.get("machine_ser_num")
        announcement = Announcement(str(serial or "simulated"), server.host, server.port)
        try:
            why_not = await announcement.make()
            self.tell(f"not announced by mDNS: {why_not}" if why_not else "announced by mDNS")
            await asyncio.Event().wait()
        finally:
            await announcement.withdraw()

    def _read_input(self, loop: asyncio.AbstractEventLoop, console: Console) -> None:
        """Hand on the lines of standard input. Runs in a thread, which nobody waits for when the machine ends."""
        rest = b""
        while piece := os.read(sys.stdin.fileno(), 4096):  # not sys.stdin, whose lock would be held at the end
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._do, console, line.decode("utf-8", "replace"))

    def _do(self, console: Console, line: str) -> None:
        try:
            answer = console.run(line)
        except LmdecodeError as error:
            answer = str(error)
        if answer:
            sys.stdout.write(f"{answer}\n")
            sys.stdout.flush()
        if console.done:
            self._stop.set()

    def _say(self, text: str) -> None:
        now = time.time()
        try:
            sys.stderr.write(f"{time.strftime('%H:%M:%S', time.localtime(now))}.{int(now % 1 * 1000):03} {text}\n")
            sys.stderr.flush()
        except OSError:  # whoever read the log has seen enough; the machine goes on
            self._quiet = True


def _may_read_input() -> bool:
    """Whether there is standard input to be read; a job in the background would be stopped if it read the terminal."""
    try:
        descriptor = sys.stdin.fileno()
        return not os.isatty(descriptor) or os.tcgetpgrp(descriptor) == os.getpgrp()
    except (AttributeError, OSError, ValueError):  # closed, or none
        return False
