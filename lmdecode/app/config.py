"""The configuration file: shown without its secrets, checked, changed."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lmdecode.app.errors import CommandError, UsageError
from lmdecode.codec.errors import KeyFormatError
from lmdecode.codec.record import MASK
from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.register import MODELS
from lmdecode.config import file
from lmdecode.config.file import (
    Config,
    change,
    default_paths,
    find_config,
    is_secret,
    load_config,
    machine_entries,
    port_of,
    problems,
)

_REACH_TIMEOUT: Final = 3.0  # s


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether a machine of the configuration answers at its address."""

    what: str
    """What messages call the machine; "" if it is the only one."""
    host: str
    port: int
    why_not: str
    """Why it cannot be connected to; "" if it can."""


def load(path: Path | None) -> Config:
    """Returns the configuration that the user named, or the one that is found.

    Raises:
        CommandError: There is none.
        ConfigError: It cannot be used.
    """
    found = find_config(path)
    if found is None:
        raise CommandError(
            f"there is no config.json here, nor at {default_paths()[-1]}: lmdecode harvest or lmdecode login makes one"
        )
    return load_config(found)


def path_to_change(path: Path | None) -> Path:
    """Returns the file to change: the one that the user named, the one that is found, or a new one of the user's.

    The folder of a new one is made.
    """
    found = file.path_to_change(path)
    if path is None:
        found.parent.mkdir(parents=True, exist_ok=True)
    return found


def masked(value: Any) -> Any:  # noqa: ANN401 -- whatever JSON holds
    """Returns entries of a configuration with their secrets masked."""
    if isinstance(value, Mapping):
        return {
            name: MASK if is_secret(name) and each not in (None, "", [], {}) else masked(each)
            for name, each in value.items()
        }
    return [masked(each) for each in value] if isinstance(value, list) else value


def check(config: Config) -> tuple[list[str], int]:
    """Returns the problems of a configuration, one line each, and the number of machines with a key."""
    wrong = problems(config)
    return wrong, 0 if wrong else len(config.machines())


def reach(config: Config) -> Iterator[Reach]:
    """Connects to each machine that has an address, and disconnects at once; sends nothing."""
    for what, entry in machine_entries(config):
        host, port = entry.get("host"), port_of(entry)
        if isinstance(host, str) and host and port is not None:
            yield Reach(what, host, port, _unreachable(host, port))


def set_entry(path: Path, name: str, value: str, *, machine: str | None = None) -> None:
    """Changes one entry of a configuration.

    Args:
        path: The file; it is made if it is not there.
        name: The entry's name.
        value: Its new value.
        machine: Of the machines in the list, the one to change; it is added if it is new. None: the file itself.

    Raises:
        UsageError: The value is not valid for this name.
        ConfigError: The file cannot be changed.
    """
    if name == "key":
        try:
            Key.parse(value)
        except KeyFormatError as error:
            raise UsageError(str(error)) from None
    elif name == "port" and port_of({"port": value}) is None:
        raise UsageError(f"{value!r} is not a port: give a number from 1 to 65535, usually {PORT}")
    elif name == "model_name" and value not in MODELS:
        raise UsageError(f"{value!r} is not a known model: {', '.join(MODELS)}")
    elif name == "machines":
        raise UsageError("machines is a list: change a machine with --machine NAME")
    change(path, lambda entries: _put(entries, name, value, machine))


def _put(entries: dict[str, Any], name: str, value: str, machine: str | None) -> None:
    if machine is None:
        entries[name] = value
        return
    listed = entries.setdefault("machines", [])
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and machine in (entry.get("machine_name"), entry.get("serial_number")):
            entry[name] = value
            return
    if not isinstance(listed, list):
        raise CommandError('"machines" is not a list: fix the file first')
    listed.append({"machine_name": machine, name: value})


def _unreachable(host: str, port: int) -> str:
    """Returns why a machine cannot be connected to; "" if it can."""
    try:
        with socket.create_connection((host, port), timeout=_REACH_TIMEOUT):
            return ""
    except TimeoutError:
        return "does not answer: is it on, and in this network?"
    except OSError as error:
        return f"cannot be reached ({error.strerror or error}): is it on, and the address right?"
    except ValueError:  # Python's error for a text that cannot be a host name
        return "is not an address: it should be one such as 192.168.1.215"
