"""Where things are in a dataset: names only, nothing is read or written here.

    DATASET/generation=v1/machine=kitchen/date=2026-11-21/<content>[-e<edition>][-s<share>][-<number>].parquet
    DATASET/_lmdecode/dataset.json              what makes the folder a dataset, and of which version
    DATASET/_lmdecode/captures/<content>.json   an entry for each capture
    DATASET/_lmdecode/failed/<name's hash>.json why a capture failed
    DATASET/_lmdecode/writing/                  files that are not whole yet
    DATASET/_lmdecode/lock                      who exports into the dataset

The folders' names are Hive's, which all engines know. What begins with `_` they pass over.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

VERSION: Final = 1
"""Of the layout, of the entries and of the columns. A dataset of another version is neither read nor written."""

OWN: Final = "_lmdecode"
"""The folder that makes a folder a dataset, with all of it that is not Parquet."""
ABOUT: Final = f"{OWN}/dataset.json"
CAPTURES: Final = f"{OWN}/captures"
FAILED: Final = f"{OWN}/failed"
WRITING: Final = f"{OWN}/writing"
LOCK: Final = f"{OWN}/lock"

_NULL: Final = "__HIVE_DEFAULT_PARTITION__"
_PLACE: Final = re.compile(r"generation=([^/]+)/machine=([^/]+)/date=([^/]+)/[^/]+\Z").match
_TABLE: Final = re.compile(r"generation=[^/]+/machine=[^/]+/date=[^/]+/[0-9a-f]{32}[-es0-9]*\.parquet\Z").match
_LONGEST: Final = 180  # characters of a folder's name after `machine=`; file systems allow 255 bytes


class Partition(NamedTuple):
    """What all rows of a file have in common."""

    generation: str | None
    machine: str | None
    date: str | None
    """The day in UTC, `2026-11-21`; None if the capture's time is none that a timestamp can hold."""

    @property
    def folder(self) -> str:
        """Its folder in the dataset.

        >>> Partition("v1", "the café/bar", None).folder
        'generation=v1/machine=the%20caf%C3%A9%2Fbar/date=__HIVE_DEFAULT_PARTITION__'
        """
        return "/".join(f"{name}={_written(value)}" for name, value in zip(self._fields, self, strict=True))


def partition_of(path: str) -> Partition:
    """Returns the partition of a file, by its path in the dataset.

    Raises:
        ValueError: No file of a dataset has such a path.

    >>> partition_of("generation=v1/machine=the%20caf%C3%A9/date=2026-11-21/0a.parquet")
    Partition(generation='v1', machine='the café', date='2026-11-21')
    """
    found = _PLACE(path)
    if found is None:
        raise ValueError(f"no file of a dataset: {path[:80]}")
    return Partition(*(None if text == _NULL else unquote(text) for text in found.groups()))


def is_table(path: str) -> bool:
    """Returns whether a path in a dataset is one that an export gives to its files; all others are left alone.

    >>> name = 32 * "0" + "-e2-s1-3.parquet"
    >>> is_table(f"generation=v1/machine=a/date=2026-11-21/{name}"), is_table("generation=v1/mine.parquet")
    (True, False)
    """
    return _TABLE(path) is not None


def stem(content: str, *, edition: int = 1, share: int | None = None) -> str:
    """Returns the beginning of the names of a capture's files.

    Args:
        content: Of the capture.
        edition: How often it was read anew. Files of another edition have other names, so that those of the edition
            before are whole until the entry has changed.
        share: The number of a share of a huge capture.
    """
    return content + (f"-e{edition}" if edition > 1 else "") + ("" if share is None else f"-s{share}")


def table(partition: Partition, stem: str, number: int) -> str:
    """Returns the path of a capture's file in a partition; the first has the number 1."""
    return f"{partition.folder}/{stem}{'' if number == 1 else f'-{number}'}.parquet"


def entry(content: str) -> str:
    """Returns the path of the entry of a content."""
    return f"{CAPTURES}/{content}.json"


def failure(name: str) -> str:
    """Returns the path of what is said of a capture that failed, by the capture's name."""
    return f"{FAILED}/{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}.json"


def _written(value: str | None) -> str:
    """Returns a value as it stands in a folder's name; a very long one is cut, for names of folders have an end."""
    if not value:
        return _NULL
    written = quote(value.encode("utf-8", "replace"), safe="")
    if written == _NULL:  # nobody calls a machine so, unless to confuse
        return quote(_NULL.lower())
    return written if len(written) <= _LONGEST else re.sub(r"%.?\Z", "", written[:_LONGEST])
