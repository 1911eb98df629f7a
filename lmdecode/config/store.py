"""Changes of `config.json`: what is there stays, and only the owner can read it.

A file is read again just before it is written, under a lock on its folder, so two programs that add to it do not undo
each other's work; and it is replaced as a whole, so that no crash leaves half of one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from lmdecode.atomic_file import behind_links, replacing
from lmdecode.config.file import ConfigError, load_config

_MODE: Final = 0o600
_FOR_OTHERS: Final = 0o077


def check_writable(path: Path) -> None:
    """Checks early whether a configuration can be written.

    Raises:
        ConfigError: The file is not a configuration, or its folder does not exist; one line.
    """
    _entries(_target(path))


def change(path: Path, edit: Callable[[dict[str, object]], object]) -> bool:
    """Changes the entries of a configuration file, or makes a new one; its mode is always 0600.

    Args:
        path: The file. Of a link, the target is replaced.
        edit: Takes the entries, and changes them in place.

    Returns:
        Whether others could read the file before.

    Raises:
        ConfigError: The file cannot be written, or is not a configuration; it stays as it is.
    """
    target = _target(path)
    try:
        with _locked(target.parent):
            entries, indent = _entries(target)
            before = json.dumps(entries)
            edit(entries)
            was_open = target.exists() and bool(stat.S_IMODE(target.stat().st_mode) & _FOR_OTHERS)
            if json.dumps(entries) != before:
                with replacing(target, private=True) as file:
                    file.write(f"{json.dumps(entries, indent=indent)}\n".encode())
            elif was_open:
                target.chmod(_MODE)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}; nothing in it was changed") from None
    return was_open


def _target(path: Path) -> Path:
    """Returns the file that a path stands for, through links."""
    target = behind_links(path)
    if target is None:
        raise ConfigError(f"{path} is a link that leads back to itself: name another file")
    return target


def _entries(path: Path) -> tuple[dict[str, object], int | str | None]:
    """Returns the entries of a file, in its order, and its indentation."""
    if not path.parent.is_dir():
        raise ConfigError(f"{path} cannot be written: there is no folder {path.parent}")
    if not path.exists():
        return {}, 2
    if not path.is_file() and not path.is_dir():
        raise ConfigError(f"{path} is not an ordinary file, so no secrets are written to it")
    try:
        config = load_config(path)
        text = path.read_text(encoding="utf-8-sig")
        json.loads(text, object_pairs_hook=_without_repeats)
    except ConfigError as error:
        raise ConfigError(f"{error}; it is left as it is: mend it, or name another file") from None
    except KeyError as error:
        raise ConfigError(f"{path} has {error} twice; it is left as it is: take one of them out") from None
    return dict(config.entries), _indent(text)


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuses an object with a name that occurs twice, because one value would be lost."""
    entries: dict[str, object] = {}
    for name, value in pairs:
        if name in entries:
            raise KeyError(name)
        entries[name] = value
    return entries


def _indent(text: str) -> int | str | None:
    """Returns the indentation of a file; None if it is all on one line."""
    match = re.search(r"^\s*\{[^\n]*\n([ \t]*)", text)
    return (match.group(1) or 0) if match else None


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps other lmdecode processes from writing in a folder, where the system can lock it."""
    try:
        import fcntl  # noqa: PLC0415 -- Windows does not have it
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
