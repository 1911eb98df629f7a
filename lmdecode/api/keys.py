"""Keys as programs give them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

from lmdecode.codec.errors import KeyFormatError
from lmdecode.codec.v1.decoded import Decoder
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.keyring import MachineKey
from lmdecode.config.keys import decoder_for, find_keys

_OPTION = re.compile(r"(?<!\S)--([a-z][a-z-]*)")

__all__ = ["AnyKey", "Keys", "PathLike", "as_key", "as_keyword", "decoder_with"]

AnyKey: TypeAlias = Key | str | bytes
"""A key: a `Key`, the 32 characters of the communicationKey, `hex:…` or `base64:…`, or the 32 bytes themselves."""
Keys: TypeAlias = AnyKey | Iterable[AnyKey] | Mapping[str, AnyKey]
"""One key; several; or several by the names of their machines, which the Records then have as `machine`."""
PathLike: TypeAlias = str | os.PathLike[str]


def as_key(key: AnyKey) -> Key:
    """A key.

    Raises:
        KeyFormatError: It is none.
    """
    if isinstance(key, Key):
        return key
    return Key(key) if isinstance(key, bytes) else Key.parse(key)


def decoder_with(key: Keys | None, config: PathLike | None, *, show_secrets: bool) -> Decoder:
    """What decodes with the keys given, or else with those that the configuration has.

    Raises:
        KeyFormatError: What was given is no key.
        MissingKeyError: There is none.
        ConfigError: The configuration cannot be used.
    """
    machines = [] if key is None else _machines(key)
    if not machines:
        path = None if config is None else Path(config)
        machines, _ = find_keys([], path, settings="give key= or config=")
    return decoder_for(machines, show_secrets=show_secrets)


def as_keyword(text: str) -> str:
    """A message that names options of the command line, for those who write Python.

    >>> as_keyword("no address: give --host, or a --config")
    'no address: give host=, or a config='
    """
    return _OPTION.sub(lambda option: f"{option[1].replace('-', '_')}=", text)


def _machines(key: Keys) -> list[MachineKey]:
    if isinstance(key, Mapping):
        return [MachineKey(name, as_key(each)) for name, each in key.items()]
    if isinstance(key, Key | str | bytes):
        return [MachineKey("key 1", as_key(key))]
    found = dict.fromkeys(as_key(each) for each in key)
    if not found:
        raise KeyFormatError("no key is in what was given as key=")
    return [MachineKey(f"key {number}", each) for number, each in enumerate(found, 1)]
