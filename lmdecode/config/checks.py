"""What is wrong with a configuration, told before it is needed. No network, and no secret in what is said."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from typing import Final

from lmdecode.codec.v1.memory_map import MODELS
from lmdecode.config.file import Config, ConfigError

__all__ = ["SECRET_ENTRIES", "is_secret", "machine_entries", "port_of", "problems"]

SECRET_ENTRIES: Final = frozenset(
    ("client_id", "client_secret", "username", "password", "key", "access_token", "refresh_token")
)
"""The entries that are not shown unless that is asked for."""

_TEXTS: Final = ("host", "client_id", "client_secret", "username", "password", "serial_number", "machine_name")
_FOR_OTHERS: Final = 0o077
_PORT = re.compile(r"[0-9]{1,9}", re.ASCII).fullmatch  # Python refuses to read numbers of thousands of digits


def is_secret(name: str) -> bool:
    """Whether an entry is not to be shown: those that are known, and whatever sounds like one."""
    lower = name.lower()
    return name in SECRET_ENTRIES or any(word in lower for word in ("secret", "password", "token", "key"))


def machine_entries(config: Config) -> list[tuple[str, Mapping[str, object]]]:
    """The machines of a configuration, each with what it is called in messages."""
    listed = config.entries.get("machines", [])
    machines: list[tuple[str, Mapping[str, object]]] = []
    if config.entries.get("key") or config.entries.get("host") or not listed:
        machines.append(("", config.entries))
    if isinstance(listed, list):
        machines += [
            (f"machine {number}: ", entry) for number, entry in enumerate(listed, 1) if isinstance(entry, Mapping)
        ]
    return machines


def problems(config: Config) -> list[str]:
    """What is wrong with a configuration, one line each with what to do."""
    found: list[str] = []
    mode = stat.S_IMODE(config.path.stat().st_mode)
    if mode & _FOR_OTHERS:
        found.append(f"others on this computer can read it (mode {mode:03o}): chmod 600 {config.path}")
    try:
        config.machines(needed=True)
    except ConfigError as error:
        found.append(str(error))
    for what, entry in machine_entries(config):
        found += [what + problem for problem in _of_an_entry(entry)]
    return found


def port_of(entry: Mapping[str, object]) -> int | None:
    """The machine's port, 1774 if none is given; None if what is given is none."""
    value = entry.get("port", "1774")
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if _PORT(text) and 0 < int(text) < 0x10000 else None


def _of_an_entry(entry: Mapping[str, object]) -> list[str]:
    found = [f"{name} is not text: put it in double quotes" for name in _TEXTS if not _is_text(entry.get(name, ""))]
    if port_of(entry) is None:
        found.append("port is no port: it should be 1774")
    model = entry.get("model_name")
    if model and model not in MODELS:
        found.append(f"model_name is none that is known: {', '.join(MODELS)}")
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str)
