"""The machine that a command talks to: its address, its key, and its model if that is known."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.register import MODELS, model_named
from lmdecode.config import ENVIRONMENT_VARIABLE, HOST_VARIABLE
from lmdecode.config.file import Config, ConfigError, find_config, load_config, parse_key, port_of
from lmdecode.config.keys import MissingKeyError, find_keys, ways_to_a_key
from lmdecode.config.machines import Machine, TargetError, chosen_machine, machines_of
from lmdecode.config.names import NO_ADDRESS, is_address

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
    generation: str = "v1"
    """The dialect that it speaks: "v1" or "v3"."""


@dataclass(frozen=True, slots=True, repr=False)
class BluetoothTarget:
    """A machine to talk to over Bluetooth."""

    device: str = ""
    """The name that it advertises, its serial number or its address; "" for the only one that is near."""
    token: str = ""
    """Its `bleAuthToken`; "" if it is not known. A secret."""
    model: str | None = None
    """None if it is not known."""
    name: str | None = None
    """What its owner calls it."""
    radio: str = ""
    """The radio as bumble names it, such as `usb:0` or `tcp-client:127.0.0.1:6402`; "" for this computer's own."""

    @property
    def generation(self) -> str:
        """The dialect that it speaks."""
        return "bluetooth"


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
    loaded = load_config(path) if path else None
    chosen = chosen_machine(loaded, machine, host=host) if loaded else None
    entry = chosen.entry if chosen else {}
    if machine is not None and path is None:
        raise TargetError(f"--machine {machine[:40]}: there is no config.json to look it up in; see --config")
    given = key is not None or (config is None and bool(os.environ.get(ENVIRONMENT_VARIABLE)))
    found_key = find_keys([] if key is None else [key], None)[0][0].key if given else _key(loaded, chosen, config)
    found_host = host or entry.get("host") or ""
    if not isinstance(found_host, str):
        raise ConfigError(f'{_where(loaded, chosen, "host")}: "host" is not text: put it in double quotes')
    if not is_address(found_host):  # it may hold a password, so it is not quoted
        if host:
            raise TargetError(f"--host is not an address: {NO_ADDRESS}")
        raise ConfigError(f'{_where(loaded, chosen, "host")}: "host" is not an address: {NO_ADDRESS}')
    if connecting and not found_host:
        raise TargetError(
            "no address: give --host, or set it once, `lmdecode config set host ADDRESS"
            f"{_options(loaded, chosen, config)}`; `lmdecode discover` looks for machines"
        )
    found_port = port if port is not None else port_of(entry)
    if found_port is None:
        raise ConfigError(f'{_where(loaded, chosen, "port")}: "port" is not a port: it should be {PORT}')
    known = model_named(model) if model is not None else entry.get("model_name")
    name = chosen.name if chosen else None
    if host is not None and entry.get("host") not in (None, "", host):  # --host says another address than the file
        known = known if model is not None or machine is not None else None
        name = name if machine is not None and name != entry.get("host") else None
    return Target(found_host, found_port, found_key, str(known) if known in [*MODELS] else None, name)


def _key(config: Config | None, machine: Machine | None, named: Path | None) -> Key:
    text = machine.entry.get("key") if machine else None
    if text is None or text == "":
        if config is None:
            raise MissingKeyError(f"no key: {ways_to_a_key()}")
        options = _options(config, machine, named)
        raise MissingKeyError(  # the ways to a file would lead in a circle: it is there
            f'no key: {config.path} has no "key": `lmdecode harvest` finds it; if you know it, '
            f"`lmdecode config set key{options}`"
        )
    return parse_key(text, f'{_where(config, machine, "key")}: "key"')


def _where(config: Config | None, machine: Machine | None, name: str) -> str:
    """Returns where an entry of a machine stands, for messages."""
    places = [config.at(*place, name) for place in (machine.places if machine else [()])] if config else []
    return next((place for place in places if ", line " in place), next(iter(places), "the config"))


def _options(config: Config | None, machine: Machine | None, named: Path | None) -> str:
    """Returns the options with which a command finds the same file and machine."""
    several = config is not None and machine is not None and len(machines_of(config)) > 1
    which = f" --machine {shlex.quote(machine.name)}" if several and machine and machine.name else ""
    return f"{which} --config {shlex.quote(str(named))}" if named else which


def _parted(host: str | None, port: int | None) -> tuple[str | None, int | None]:
    """Returns host and port of an address as people copy it: with a port behind it, an IPv6 host in brackets."""
    match = _WITH_PORT(host or "")
    if host is None or match is None:
        return host, port
    number = int(match["port"] or match["port6"]) if match["port"] or match["port6"] else None
    if number is not None and not 0 < number < 0x10000:
        raise TargetError(f"--host {host[:60]}: {number} is not a port")
    return match["six"] or match["four"], number if port is None else port
