"""A live machine, for code without asyncio."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from lmdecode.api.arguments import Word
from lmdecode.api.background import Background
from lmdecode.api.keys import AnyKey, PathLike
from lmdecode.api.live import AsyncMachine
from lmdecode.api.memory import MemoryImage
from lmdecode.api.status import Status
from lmdecode.codec.record import Record
from lmdecode.codec.v1.values import Value
from lmdecode.device.client import ANSWER_TIMEOUT
from lmdecode.device.settings import Outcome

__all__ = ["Machine"]


class Machine:
    """A live machine. Made, it is not connected yet; `with`, or the first request, connects.

    All is as in `AsyncMachine`, which see for arguments and errors; here each call waits until it is done. It works in
    notebooks too, and from one thread at a time.

    Example: on a simulated machine; yours is `lmdecode.Machine("192.168.1.215", config="config.json")`.

    >>> import lmdecode
    >>> with lmdecode.simulate("GS3 AV") as simulated, simulated.connect() as machine:
    ...     machine.set("dose", 2, 121)
    ...     machine.get("dose_k2")
    Outcome(dose_k2: 118 → 121, done)
    121
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        key: AnyKey | None = None,
        config: PathLike | None = None,
        machine: str | None = None,
        model: str | None = None,
        timeout: float = ANSWER_TIMEOUT,
        show_secrets: bool = False,
    ) -> None:
        self._machine = AsyncMachine(
            host,
            port,
            key=key,
            config=config,
            machine=machine,
            model=model,
            timeout=timeout,
            show_secrets=show_secrets,
        )
        self._background = Background(f"lmdecode {self._machine.host}")

    @property
    def host(self) -> str:
        """Its address."""
        return self._machine.host

    @property
    def port(self) -> int:
        """Its TCP port."""
        return self._machine.port

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.host}:{self.port}>"

    def __enter__(self) -> Self:
        try:
            self.connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def connect(self) -> None:
        """Connect; see `AsyncMachine.connect`."""
        self._background.run(self._machine.connect())

    def close(self) -> None:
        """Disconnect. The next request would connect again."""
        self._background.run(self._machine.close())
        self._background.stop()

    def status(self) -> Status:
        """All that the machine says of itself; see `AsyncMachine.status`."""
        return self._background.run(self._machine.status())

    def get(self, name: str) -> Value:
        """One value, read now; see `AsyncMachine.get`."""
        return self._background.run(self._machine.get(name))

    def read(self, address: int, length: int) -> bytes:
        """Some bytes of the machine's memory; see `AsyncMachine.read`."""
        return self._background.run(self._machine.read(address, length))

    def set(self, name: str, *words: Word, yes: bool = False, **options: Word | None) -> Outcome:
        """Change a setting; see `AsyncMachine.set`."""
        with self._telling_of_writes():
            return self._background.run(self._machine.set(name, *words, yes=yes, **options))

    def write(self, address: int, data: bytes, *, yes: bool = False) -> None:
        """Write bytes into the machine's memory; see `AsyncMachine.write`."""
        with self._telling_of_writes():
            self._background.run(self._machine.write(address, data, yes=yes))

    def memory(self) -> MemoryImage:
        """The machine's memory as an image; see `AsyncMachine.memory`."""
        return self._background.run(self._machine.memory())

    def records(self, *, seconds: float | None = None, every: float | None = None) -> Iterator[Record]:
        """Every message as it comes; see `AsyncMachine.records`."""
        return self._background.iterate(self._machine.records(seconds=seconds, every=every))

    @contextmanager
    def _telling_of_writes(self) -> Iterator[None]:
        """Have an interruption, as by Ctrl-C, tell of a write of which nobody waits for the answer any more."""
        self._machine.last_write = None
        try:
            yield
        except KeyboardInterrupt as interruption:
            if self._machine.last_write is not None:
                interruption.add_note(
                    f"interrupted after {self._machine.last_write} was sent: whether the machine took it is not known"
                )
            raise
