"""Files that one recording was cut into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lmdecode.app.dataset.unit import File, Unit


def units(files: Iterable[File], *, join: bool = False) -> Iterator[Unit]:
    """Yields what is decoded as one capture at a time.

    Args:
        files: The files.
        join: Whether files that one recording was cut into are one unit.
    """
    if not join:
        yield from (Unit((file,)) for file in files)
        return
    yield from (Unit((file,)) for file in files)
