"""The machine that a command talks to: its address, its key, and its model if that is known."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.register import MODELS, model_named
from lmdecode.config import ENVIRONMENT_VARIABLE, HOST_VARIABLE
from lmdecode.config.file import ConfigError, find_config, load_config, parse_key, port_of
from lmdecode.config.keys import MissingKeyError, find_keys, ways_to_a_key
from lmdecode.config.machines import TargetError, chosen_machine

_WITH_PORT = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\](?::(?P<port6>[0-9]{1,9}))?|(?P<four>[^:\[\]]+):(?P<port>[0-9]{1,9}))\Z"
).match


@dataclass(frozen=True, slots=True)
class Target:
    """A machine to talk to."""

    host: str
    port: int
    key: Key
    model: str | None = None
    """None if it is not known."""
    name: str | None = None


def find_target(
    *,
    host: str | None,
    port: int | None,
    key: str | None,
    config: Path | None,
    machine: str | None,
    model: str | None = None,
    connecting: bool = True,
) -> Target:
    """Returns the machine that a command line and a configuration name.

    Args:
        host: Its address; None: the one in the environment or in the configuration.
        port: Its TCP port; None: the one in the configuration.
        key: Its key; None: the one in the environment or in the configuration.
        config: The configuration that the user named.
        machine: The one to choose of several in the configuration: its name, serial number or address; None: the one
            that the configuration's entry `machine` names.
        model: Its model as people write it, `gs3-av`; None: the one in the configuration.
        connecting: Whether it needs an address; otherwise that may be "".

    Raises:
        TargetError: There is no address, or several machines fit.
        MissingKeyError: There is no key, or it is not valid.
        ConfigError: The configuration cannot be used.
        RegisterError: There is no such model.
    """
    if host is None and config is None and machine is None:
        host = os.environ.get(HOST_VARIABLE) or None
    host, port = _parted(host, port)
    path = find_config(config)
    chosen = chosen_machine(load_config(path), machine, host=host) if path else None
    entry = chosen.entry if chosen else {}
    if machine is not None and path is None:
        raise TargetError(f"--machine {machine[:40]}: there is no config.json to look it up in; see --config")
    given = key is not None or (config is None and bool(os.environ.get(ENVIRONMENT_VARIABLE)))
    found_key = find_keys([] if key is None else [key], None)[0][0].key if given else _key(entry, path)
    found_host = host or entry.get("host") or ""
    if not isinstance(found_host, str):
        raise ConfigError(f'the "host" in {path} is not text: put it in double quotes')
    if connecting and not found_host:
        raise TargetError(
            f"no address: give --host, or set it once, `lmdecode config set host ADDRESS{_of(path)}`; "
            "`lmdecode discover` looks for machines"
        )
    found_port = port if port is not None else port_of(entry)
    if found_port is None:
        raise ConfigError(f"{path}: port is not a port: it should be {PORT}")
    known = model_named(model) if model is not None else entry.get("model_name")
    name = chosen.name if chosen else None
    if host is not None and entry.get("host") not in (None, "", host):  # --host says another address than the file
        known = known if model is not None or machine is not None else None
        name = name if machine is not None and name != entry.get("host") else None
    return Target(found_host, found_port, found_key, str(known) if known in [*MODELS] else None, name)


def _key(entry: Mapping[str, object], path: Path | None) -> Key:
    text = entry.get("key")
    if text is None or text == "":
        where = f'; {path} has no "key"' if path else ""
        raise MissingKeyError(f"no key{where}: {ways_to_a_key()}")
    return parse_key(text, f'the "key" in {path}')


def _parted(host: str | None, port: int | None) -> tuple[str | None, int | None]:
    """Returns host and port of an address as people copy it: with a port behind it, an IPv6 host in brackets."""
    match = _WITH_PORT(host or "")
    if host is None or match is None:
        return host, port
    number = int(match["port"] or match["port6"]) if match["port"] or match["port6"] else None
    if number is not None and not 0 < number < 0x10000:
        raise TargetError(f"--host {host[:60]}: {number} is not a port")
    return match["six"] or match["four"], number if port is None else port


def _of(path: Path | None) -> str:
    return f" --config {path}" if path else ""
