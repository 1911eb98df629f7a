"""A dataset that is opened: its entries, its files, what failed, and the lock under which it is written.

dataset = open_dataset("years")
for file in dataset.files():
    print(file.path, file.machine, file.date)
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lmdecode import __version__
from lmdecode.app.dataset import layout, lock
from lmdecode.app.dataset.entries import Entry, Failure, Index, parsed, states, valid
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.places import shown
from lmdecode.app.dataset.storage import Storage, storage_at
from lmdecode.app.dataset.unit import Job, Unit


class DataFile(NamedTuple):
    """A Parquet file that counts, and what all of its rows have in common."""

    path: str
    """What a reader opens: a path, or a URL, which may hold a password."""
    rows: int
    bytes: int
    generation: str | None
    machine: str | None
    date: str | None

    def __repr__(self) -> str:
        return f"<file {shown(self.path)}, {self.rows} rows>"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset of a version that this lmdecode knows.

    All of its functions raise `DatasetError` if the storage fails.
    """

    storage: Storage
    salt: str = ""
    """Of `tag`."""

    @property
    def name(self) -> str:
        """What it is called in messages: its path, or its URL without a password."""
        return self.storage.name

    def all_entries(self) -> Iterator[Entry]:
        """Yields the entries, also those that others replace."""
        paths = (f"{layout.CAPTURES}/{name}" for name in self.storage.names(layout.CAPTURES) if name.endswith(".json"))
        yield from parsed(self.storage.read_many(paths), Entry, self.name)

    def entries(self) -> list[Entry]:
        """Returns the entries of the captures that are in it."""
        return valid(self.all_entries())

    def entry(self, content: str) -> Entry | None:
        """Returns the entry of a content; None if it is not there."""
        path = layout.entry(content)
        data = self.storage.read(path)
        return None if data is None else Entry.from_json(data, f"{self.name}/{path}")

    def failures(self) -> list[Failure]:
        """Returns the captures that failed when they were last tried, in no order."""
        paths = (f"{layout.FAILED}/{name}" for name in self.storage.names(layout.FAILED) if name.endswith(".json"))
        return list(parsed(self.storage.read_many(paths), Failure, self.name))

    def index(self, job: Job) -> Index:
        """Returns the entries and failures by what an export asks of them."""
        return Index(self.entries(), self.failures(), self.tag(job))

    def files(self) -> list[DataFile]:
        """Returns the files of all captures that are in it, those of a partition together.

        Either all files of a capture are among them or none. When an export begins or ends it removes what was
        replaced: a reader that misses a file then asks again.
        """
        found = [
            DataFile(self.storage.url(each.path), each.rows, each.bytes, *layout.partition_of(each.path))
            for entry in self.entries()
            for each in entry.tables
        ]
        return sorted(found, key=lambda file: (file.date or "", file.path))

    def tag(self, job: Job) -> str:
        """Returns what changes with the keys, and tells nothing about them.

        It is six digits of a hash of the keys and of the dataset's own salt. The keys have 256 bits, which nobody
        tries out, and six digits fit one key in sixteen million.
        """
        digest = hashlib.blake2b(bytes.fromhex(self.salt), digest_size=3)
        for secret in sorted(each.key.secret for each in job.keys):
            digest.update(secret)
        return digest.hexdigest()

    def record_failure(self, unit: Unit, job: Job, reason: str, *, passing: bool = False) -> Failure:
        """Writes down why a capture is not in it, for its list and for the next export.

        Args:
            unit: The capture.
            job: What it was tried with.
            reason: One line.
            passing: Whether the reason may be gone by itself.
        """
        failure = Failure(unit.name, states(unit), reason, self.tag(job), now(), __version__, passing)
        self.storage.write(layout.failure(unit.name), failure.to_json())
        return failure

    def forget_failure(self, name: str) -> None:
        """Removes what was written down of a capture that failed before, if there is something."""
        self.storage.remove(layout.failure(name))

    @contextlib.contextmanager
    def locked(self) -> Iterator[str]:
        """Holds its lock, and removes what nobody needs when it has it and before it lets it go.

        Yields:
            The lock's token, for `Job.lock`.

        Raises:
            DatasetError: Another export has the lock: who, since when, and what to do.
        """
        with lock.held(self.storage) as held:
            self._tidy()
            try:
                yield held.token
            except DatasetError:
                held.end()
                with contextlib.suppress(DatasetError):  # a full disk has room again, perhaps
                    self._tidy()
                raise
            held.end()
            self._tidy()

    def _tidy(self) -> None:
        """Removes what an interrupted export left, and what was replaced. Only for who holds the lock.

        The entries are listed before the files. A worker of an export that is over may still commit: it then sees
        that the lock is not its export's, and takes its entry back.
        """
        for name in self.storage.names(layout.WRITING):
            self.storage.remove(f"{layout.WRITING}/{name}")
        entries = list(self.all_entries())
        there = dict(self.storage.tables())
        # A file that is gone, or was cut off by a disk that is failing: its capture is read again.
        kept = [entry for entry in valid(entries) if all(there.get(each.path) == each.bytes for each in entry.tables)]
        contents = {entry.content for entry in kept}
        for entry in entries:
            if entry.content not in contents:
                self.storage.remove(layout.entry(entry.content))
        for path in there.keys() - {each.path for entry in kept for each in entry.tables}:
            self.storage.remove(path)


def open_dataset(url: str, *, create: bool = False) -> Dataset:
    """Opens a dataset.

    Args:
        url: A path or a URL as fsspec takes it.
        create: Whether to make one, in a folder that is empty or not there.

    Raises:
        DatasetError: There is none, it is of another version, or the storage fails: one line that says what to do.
    """
    storage = storage_at(url)
    data = storage.read(layout.ABOUT)
    if data is None:
        others = [name for name in storage.names() if name not in {layout.OWN, ".DS_Store", "lost+found"}]
        if others:
            to_do = "name an empty folder or a new one" if create else "name what `lmdecode export --to` made"
            raise DatasetError(f"{storage.name} is no dataset, and {others[0]} is in it: {to_do}")
        if not create:
            raise DatasetError(
                f"there is no dataset at {storage.name}: make one with `lmdecode export CAPTURE --to {storage.name}`"
            )
        about = {"format": "lmdecode dataset", "version": layout.VERSION, "salt": secrets.token_hex(16)}
        storage.write(layout.ABOUT, json.dumps({**about, "by": __version__}, indent=1).encode() + b"\n")
        data = storage.read(layout.ABOUT)  # another export may have been quicker or slower: this one counts
    return Dataset(storage, _salt_of(storage.name, data or b""))


def now() -> str:
    """Returns the time, in UTC as ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _salt_of(name: str, data: bytes) -> str:
    """Returns the salt of a dataset, by its `dataset.json`.

    Raises:
        DatasetError: It is of another version, or the file is damaged.
    """
    try:
        about: Any = json.loads(data)
        version, salt = about["version"], about["salt"]
        bytes.fromhex(salt)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DatasetError(
            f"{name}/{layout.ABOUT} is damaged, so nobody knows whether this is a dataset: export into another folder"
        ) from None
    if version != layout.VERSION:
        raise DatasetError(
            f"{name} is a dataset of version {str(version)[:20]}, and this lmdecode knows version {layout.VERSION}: "
            "install the lmdecode that made it, or export the captures into another folder"
        )
    return str(salt)
