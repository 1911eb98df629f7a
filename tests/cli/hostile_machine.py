"""A machine that does what it should not, in a thread: it says escapes, floods, or never answers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator

from lmdecode.codec.errors import FrameError
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.framing import Deframer, Frame, unwrap
from lmdecode.codec.v1.key import Key, decrypt
from lmdecode.codec.v1.message import parse_leniently
from tests.capture.building import message, seal
from tests.cli.conftest import KEY
from tests.cli.hostile import EVIL, PANEL

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

REPORT = seal(message("R401C000403BC04D8"))


async def _escapes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each read with escapes as its bytes, and says some more."""
    deframer = Deframer()
    writer.write(REPORT)
    while data := await reader.read(4096):
        for event in deframer.feed(data):
            if not isinstance(event, Frame):
                continue
            with contextlib.suppress(FrameError):
                asked, _, _ = parse_leniently(decrypt(Key.parse(KEY), unwrap(event.body)))
                if asked is None:
                    continue
                head = f"{'R' if asked.kind is Kind.READ else 'W'}{asked.address:04X}{asked.length:04X}"
                said = (PANEL * (asked.length // len(PANEL) + 1))[: asked.length].hex().upper()
                writer.write(seal(message(head + (said if asked.kind is Kind.READ else EVIL[:9]))))
        writer.write(EVIL.encode() + seal(EVIL[:30]))
        await writer.drain()


async def _slow(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Talks, and never answers."""
    while True:
        writer.write(b"@")
        await writer.drain()
        await asyncio.sleep(0.2)


def _flood(piece: bytes) -> Serve:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(piece)
            await writer.drain()

    return serve


WAYS: dict[str, Serve] = {
    "escapes": _escapes,
    "slow": _slow,
    "junk": _flood(b"A" * 65536),
    "ats": _flood(b"@" * 65536),
    "reports": _flood(REPORT * 500),
}


@contextlib.contextmanager
def hostile_machine(way: str) -> Iterator[int]:
    """Run one; its port."""
    ports: list[int] = []
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await WAYS[way](reader, writer)
        writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(welcome, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
