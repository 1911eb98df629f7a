"""What is to be known of workers while they work: how many there are, and whether they can do what they are given."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final

from lmdecode.app.dataset.cluster_start import WORKER_MEMORY
from lmdecode.app.dataset.errors import DatasetError

_EVERY: Final = 5.0  # s between two looks at the workers
_NO_WORKER: Final = 10.0  # s without any, after which it is said
_NEEDED: Final = ("lmdecode", "pyarrow", "fsspec")
_ALIKE: Final = ("dask", "distributed", "cloudpickle", "msgpack")
"""Packages whose versions must be about the same for client and workers to understand each other."""


class Health:
    """Looks after the workers of a scheduler.

    Args:
        client: Of Dask.
        address: What the user calls the scheduler.
        memory: Bytes of memory that the decode of one capture may take.
        tell: Is called with what is good to know, in one line.

    Raises:
        DatasetError: The workers cannot do it.
    """

    def __init__(self, client: Any, address: str, memory: int, tell: Callable[[str], None]) -> None:  # noqa: ANN401 -- distributed has no types
        self._client = client
        self._address = address
        self._memory = memory
        self._tell = tell
        self._known: frozenset[str] = frozenset()
        self._told: set[str] = set()
        self._seen = monotonic()
        self._next = 0.0
        self.threads = 0
        """Units that the workers can convert at a time."""
        self.workers = 0
        """Processes: a thread of one waits for the others of it."""
        self.check()

    def check(self) -> None:
        """Looks at the workers, if it has not for some seconds.

        Raises:
            DatasetError: The workers cannot do it.
        """
        now = monotonic()
        if now < self._next:
            return
        workers: Mapping[str, int] = {}
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):  # it is gone, and the futures say so
            workers = self._client.nthreads()
        self._next = now + _EVERY
        self.threads = sum(workers.values())
        self.workers = len(workers)
        if workers:
            self._seen = now
        elif now - self._seen > _NO_WORKER:
            link = self._client.dashboard_link
            self._once(
                f"the scheduler {self._address} has no worker, and waits for one: start some with "
                f"`dask worker {self._address}`" + (f"; its dashboard is {link}" if link else "")
            )
        if not self._known.issuperset(workers):
            self._known = frozenset(workers)
            self._look_at_versions()
            self._look_at_memory()

    def _once(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._tell(line)

    def _look_at_versions(self) -> None:
        """Compares what is installed here and there.

        Raises:
            DatasetError: Something is missing there, or another lmdecode is there.
        """
        found = self._client.get_versions(packages=list(_NEEDED))
        ours = _versions(found["client"])
        theirs = {
            f"the worker {address}": _versions(each)
            for address, each in found["workers"].items()
            if isinstance(each, Mapping)  # not one that went meanwhile
        }
        everybody = {f"the scheduler {self._address}": _versions(found["scheduler"]), **theirs}
        for package in _NEEDED:
            # The scheduler reads what it hands on, and so it knows lmdecode; it opens no file.
            sides = everybody if package == "lmdecode" else theirs
            without = [name for name, versions in sides.items() if not versions.get(package)]
            if without:
                raise DatasetError(
                    f"{_named(without)} without {package}: install lmdecode {ours['lmdecode']} with its extra dask "
                    "where scheduler and workers run"
                )
        for package in ("lmdecode", "python", *_ALIKE):
            other = [name for name, versions in everybody.items() if versions.get(package) != ours.get(package)]
            if not other:
                continue
            differs = (
                f"{_named(other)} with {package} {everybody[other[0]].get(package)}, and here is {ours.get(package)}"
            )
            if package == "lmdecode":
                raise DatasetError(f"{differs}: install the same version on both sides")
            self._once(f"{differs}: if captures fail, install the same version on both sides")

    def _look_at_memory(self) -> None:
        for address, worker in self._client.scheduler_info()["workers"].items():
            limit, threads = worker.get("memory_limit") or 0, worker.get("nthreads") or 1
            needed = WORKER_MEMORY + threads * self._memory
            if 0 < limit < needed:
                self._once(
                    f"the worker {address} may take {limit / 1e6:,.0f} MB for {threads} captures at a time, which may "
                    f"need {needed / 1e6:,.0f} MB: start workers with --nthreads 1 and a --memory-limit above that"
                )
                return


def _versions(system: Mapping[str, Any]) -> dict[str, str | None]:
    """Returns the versions of one side, with that of Python as far as its second number."""
    versions: dict[str, str | None] = dict(system["packages"])
    versions["python"] = ".".join((versions.get("python") or "").split(".")[:2])
    return versions


def _named(names: list[str]) -> str:
    """Returns how those who lack something are spoken of, at the begin of a line."""
    return f"{names[0]} is" if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more are"
