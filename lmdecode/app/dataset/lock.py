"""One export at a time writes into a dataset. Who does is in the file `_lmdecode/lock`, for whoever comes second.

On a disk the file is locked by the system, which frees it when the process ends, however it ends. In a bucket or on a
server the file itself is the lock: it is created only if it is not there, and removed at the end. If the export was
killed it stays. The next export on the same computer sees that the process is gone and takes it over; on another one
nobody can know, so the message says what to remove.

The lock keeps exports from doing work twice and from removing each other's files. It is not what makes a dataset whole:
a capture is in it when its entry is, whoever wrote that.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Self

from lmdecode.app.dataset import layout
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.storage import Storage, telling


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that has a lock."""

    host: str
    pid: int
    since: str
    """UTC, ISO 8601 to the second."""
    token: str
    """Made anew for each lock."""
    space: str = ""
    """Where the process's number means this process: the computer since its start, or the container on it."""

    @classmethod
    def here(cls) -> Self:
        """Returns this process."""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return cls(socket.gethostname(), os.getpid(), now, secrets.token_hex(8), _space())

    @classmethod
    def parse(cls, data: bytes | None) -> Self | None:
        """Returns the process that a lock's file names; None if it names none."""
        try:
            found = json.loads(data or b"")
            host, since, token, space = (str(found[name]) for name in ("host", "since", "token", "space"))
            return cls(host, int(found["pid"]), since, token, space)
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def to_json(self) -> bytes:
        """Returns it as the lock's file holds it."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @property
    def is_gone(self) -> bool:
        """Whether it is known that the process has ended: it was one of this computer, and there is no such one."""
        if not self.space or self.space != _space() or self.pid <= 0:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False


@dataclass(frozen=True, slots=True)
class Held:
    """A lock that this process has."""

    token: str
    """By it a worker sees that its export still has the lock; see `has`."""
    end: Callable[[], None]
    """Makes the token one of the past, while the lock is still held: from now on no worker commits anything."""


@contextlib.contextmanager
def held(storage: Storage) -> Iterator[Held]:
    """Holds a dataset's lock.

    Raises:
        DatasetError: Another export has it: who, since when, and what to do. Or the file cannot be written.
    """
    owner = Owner.here()
    with _on_disk(storage.local, storage, owner) if storage.local is not None else _elsewhere(storage, owner) as end:
        yield Held(owner.token, end)


def has(storage: Storage, token: str) -> bool:
    """Returns whether a lock is still the one that has this token."""
    owner = Owner.parse(storage.read(layout.LOCK))
    return owner is not None and owner.token == token


@contextlib.contextmanager
def _on_disk(folder: Path, storage: Storage, owner: Owner) -> Iterator[Callable[[], None]]:
    path = folder / layout.LOCK
    with contextlib.ExitStack() as stack:
        with telling("written", storage.name):
            path.parent.mkdir(parents=True, exist_ok=True)
            file: IO[bytes] = stack.enter_context(path.open("a+b", buffering=0))
            if not _lock(file):
                raise _refused(storage, Owner.parse(storage.read(layout.LOCK)), "end it")

        def say(data: bytes) -> None:
            """Writes who has the lock. Not under another name: the file that is locked must stay."""
            with telling("written", storage.name):
                file.truncate(0)
                file.write(data)

        say(owner.to_json())
        try:
            yield lambda: say(replace(owner, token="").to_json())
        finally:
            with contextlib.suppress(DatasetError):
                say(b"")  # to remove the file would let two exports lock two files


@contextlib.contextmanager
def _elsewhere(storage: Storage, owner: Owner) -> Iterator[Callable[[], None]]:
    way_out = f"remove {storage.name}/{layout.LOCK}"
    if not storage.create(layout.LOCK, owner.to_json()):
        found = Owner.parse(storage.read(layout.LOCK))
        if found is None or not found.is_gone:
            raise _refused(storage, found, way_out)
        storage.write(layout.LOCK, owner.to_json())
        if not has(storage, owner.token):  # two have seen at once that it was free
            raise _refused(storage, Owner.parse(storage.read(layout.LOCK)), way_out)
    last = replace(owner, token=owner.token[::-1])
    try:
        yield lambda: storage.write(layout.LOCK, last.to_json())
    finally:
        with contextlib.suppress(DatasetError):  # what went wrong before matters more
            if has(storage, owner.token) or has(storage, last.token):
                storage.remove(layout.LOCK)


def _refused(storage: Storage, owner: Owner | None, way_out: str) -> DatasetError:
    who = "" if owner is None else f" by process {owner.pid} on {owner.host}, since {owner.since}"
    gone = "if it hangs" if storage.local is not None else "if that process is gone"
    return DatasetError(
        f"{storage.name} is being written by another export{who}: wait until it has ended; {gone}, {way_out}"
    )


def _space() -> str:
    """Returns what tells this computer, since it was started, and this container on it apart from all others."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except (OSError, ValueError):
        return ""


def _lock(file: IO[bytes]) -> bool:
    """Locks a file until it is closed, or until the process ends. Returns whether nobody else has it locked."""
    try:
        import fcntl
    except ImportError:
        return _lock_on_windows(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_on_windows(file: IO[bytes]) -> bool:
    import msvcrt

    file.seek(1 << 20)  # what is locked cannot be read there, so lock a byte far behind the text
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        return False
    finally:
        file.seek(0, os.SEEK_END)
    return True
