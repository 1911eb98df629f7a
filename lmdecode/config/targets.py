"""The machine that a command talks to, in which generation: its address, its secret, and its model if that is known."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.register import MODELS
from lmdecode.config import ENVIRONMENT_VARIABLE, HOST_VARIABLE, RADIO_VARIABLE
from lmdecode.config.file import Config, ConfigError, find_config, load_config, parse_key, port_of
from lmdecode.config.keys import MissingKeyError, find_keys, find_token, ways_to_a_key
from lmdecode.config.machines import (
    Machine,
    TargetError,
    chosen_machine,
    contradicts,
    machine_with_bluetooth,
    machines_of,
)
from lmdecode.config.names import ALL_MODELS, GENERATIONS, NO_ADDRESS, is_address

_WITH_PORT = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\](?::(?P<port6>[0-9]{1,9}))?|(?P<four>[^:\[\]]+):(?P<port>[0-9]{1,9}))\Z"
).match
PORTS: Final = {"v1": PORT, "v3": 8081}
"""The TCP port of each generation that has one."""
_WITHOUT_KEY: Final = "a machine with gateway v5 has none: give --bluetooth"
_OF_PORT: Final = {port: name for name, port in PORTS.items()}


@dataclass(frozen=True, slots=True)
class Target:
    """A machine to talk to over the network."""

    host: str
    port: int
    key: Key
    model: str | None = None
    """None if it is not known."""
    name: str | None = None
    generation: str = "v1"
    """The dialect that it speaks: "v1" or "v3"."""
    is_guess: bool = False
    """Whether nobody has said which generation it is, so that it may be the other one."""


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


AnyTarget: TypeAlias = Target | BluetoothTarget
"""A machine to talk to, in whichever generation."""


class NoAddressError(TargetError):
    """Nobody has said where the machine is. It may be found, because all else is known."""

    def __init__(self, text: str, target: Target, serial: str | None) -> None:
        super().__init__(text)
        self.target = target
        """The machine, without its address."""
        self.serial = serial
        """Its serial number, if it is known."""


def model_called(text: str) -> str:
    """Returns a model of any generation by its name as people write it.

    Raises:
        RegisterError: There is no such model.

    >>> model_called("linea-micra"), model_called("gs3av")
    ('Linea Micra', 'GS3 AV')
    """
    plain = text.casefold().replace(" ", "").replace("-", "").replace("_", "")
    found = next((each for each in ALL_MODELS if each.casefold().replace(" ", "") == plain), None)
    if found is None:
        raise RegisterError(f"no model {text[:40]!r}: give {', '.join(ALL_MODELS)}")
    return found


def find_target(
    *,
    host: str | None,
    port: int | None,
    key: str | None,
    config: Path | None,
    machine: str | None,
    model: str | None = None,
    bluetooth: str | None = None,
    radio: str | None = None,
    generation: str | None = None,
    connecting: bool = True,
) -> AnyTarget:
    """Returns the machine that a command line and a configuration name.

    Args:
        host: Its address; None: the one in the environment or in the configuration.
        port: Its TCP port; None: the one in the configuration, or the generation's.
        key: Its key, or over Bluetooth its token; None: the one in the environment or in the configuration. The
            environment has one variable for each.
        config: The configuration that the user named.
        machine: The one to choose of several in the configuration: its name, serial number or address; None: the one
            that the configuration's entry `machine` names.
        model: Its model as people write it, `gs3-av`; None: the one in the configuration.
        bluetooth: Its name, serial number or address, for Bluetooth; "": the one in the configuration, or the only one
            that is near. None: not over Bluetooth, unless the configuration says so.
        radio: The radio for Bluetooth, as bumble names it; None: the one in the environment, else this computer's own.
        generation: "v1" or "v3"; None: what the port or the configuration says, else v1 as a guess.
        connecting: Whether it needs an address; otherwise that may be "".

    Raises:
        NoAddressError: There is no address, but all else is known.
        TargetError: Several machines fit, or options contradict each other.
        MissingKeyError: There is no key, or it is not valid.
        ConfigError: The configuration cannot be used.
        RegisterError: There is no such model.
    """
    if (bluetooth, radio) != (None, None):
        for option, value in (("--host", host), ("--port", port), ("--generation", generation)):
            if value is not None:
                raise TargetError(f"--bluetooth and {option} are two ways to a machine: give one of them")
    elif host is None and config is None and machine is None:
        host = os.environ.get(HOST_VARIABLE) or None
    host, port = _parted(host, port)
    path = find_config(config)
    if machine is not None and path is None:
        raise TargetError(f"--machine {machine[:40]}: there is no config.json to look it up in; see --config")
    search = _Search(config, load_config(path) if path else None, machine, key, model)
    if (bluetooth, radio) != (None, None):
        return search.over_bluetooth(bluetooth or "", radio)
    return search.in_network(host, port, generation, connecting=connecting)


@dataclass(frozen=True, slots=True)
class _Search:
    """What is given of a machine, whichever way leads to it."""

    named: Path | None
    """The configuration that the user named."""
    config: Config | None
    """The one that was found."""
    machine: str | None
    key: str | None
    model: str | None

    def over_bluetooth(self, named: str, radio: str | None) -> BluetoothTarget:
        """Returns the machine of a name; "" is the one in the configuration."""
        config = self.config
        chosen = machine_with_bluetooth(config, self.machine, named) if config else None
        entry = chosen.entry if chosen else {}
        for name in ("bluetooth", "ble_token", "serial_number"):
            if not isinstance(entry.get(name, ""), str):
                raise ConfigError(f'{_where(config, chosen, name)}: "{name}" is not text: put it in double quotes')
        device = str(entry.get("bluetooth") or entry.get("serial_number") or "")
        if named and not (chosen and chosen.is_named(named)):
            if chosen and contradicts(entry, named):  # a token goes to its own machine only
                raise TargetError(
                    f"--bluetooth {named[:40]} is another machine than {(chosen.name or 'the one')[:40]} of "
                    f"{config.path if config else 'the config'}: name one of them"
                )
            device = named
        stored = str(entry.get("ble_token") or "")
        token, _ = find_token(
            self.key,
            stored,
            where=f'{_where(config, chosen, "ble_token")}: "ble_token"',
            only_stored=self.named is not None or (self.machine is not None and bool(stored)),
        )
        return BluetoothTarget(
            device,
            token,
            self._model(entry, ALL_MODELS),
            chosen.name if chosen and chosen.name != entry.get("host") else None,  # the address is another way to it
            radio if radio is not None else os.environ.get(RADIO_VARIABLE, ""),
        )

    def in_network(self, host: str | None, port: int | None, generation: str | None, *, connecting: bool) -> AnyTarget:
        """Returns the machine of an address; of the configuration it may be one that is reached over Bluetooth."""
        config = self.config
        chosen = chosen_machine(config, self.machine, host=host) if config else None
        entry = chosen.entry if chosen else {}
        is_other = host is not None and entry.get("host") not in (None, "", host)  # --host says another than the file
        spoken, is_guess = _generation(generation, port, {} if is_other else entry, config, chosen)
        given = self.key is not None or (self.named is None and bool(os.environ.get(ENVIRONMENT_VARIABLE)))
        if spoken == "bluetooth" and host is None and not given:
            return self.over_bluetooth("", None)
        if spoken == "bluetooth":  # whoever gives an address or a key means the network all the same
            spoken, is_guess = "v1", True
        key = (
            find_keys([] if self.key is None else [self.key], None)[0][0].key
            if given
            else _key(config, chosen, self.named)
        )
        found_host = self._host(host, entry, chosen)
        found_port = port if port is not None else _port(entry, spoken)
        if found_port is None:
            raise ConfigError(f'{_where(config, chosen, "port")}: "port" is not a port: it should be {PORTS[spoken]}')
        model = self._model(entry, MODELS if spoken == "v1" else ALL_MODELS)
        name = chosen.name if chosen else None
        if is_other:
            model = model if self.model is not None or self.machine is not None else None
            name = name if self.machine is not None and name != entry.get("host") else None
        target = Target(found_host, found_port, key, model, name, spoken, is_guess)
        if connecting and not found_host:
            raise NoAddressError(
                "no address: give --host, or set it once, `lmdecode config set host ADDRESS"
                f"{_options(config, chosen, self.named)}`; `lmdecode discover` looks for machines",
                target,
                serial if isinstance(serial := entry.get("serial_number"), str) and serial else None,
            )
        return target

    def _host(self, host: str | None, entry: Mapping[str, object], chosen: Machine | None) -> str:
        found = host or entry.get("host") or ""
        if not isinstance(found, str):
            raise ConfigError(f'{_where(self.config, chosen, "host")}: "host" is not text: put it in double quotes')
        if not is_address(found):  # it may hold a password, so it is not quoted
            if host:
                raise TargetError(f"--host is not an address: {NO_ADDRESS}")
            raise ConfigError(f'{_where(self.config, chosen, "host")}: "host" is not an address: {NO_ADDRESS}')
        return found

    def _model(self, entry: Mapping[str, object], known: Collection[str]) -> str | None:
        found = model_called(self.model) if self.model is not None else entry.get("model_name")
        return str(found) if found in known else None


def _generation(
    asked: str | None, port: int | None, entry: Mapping[str, object], config: Config | None, machine: Machine | None
) -> tuple[str, bool]:
    """Returns the generation that a machine speaks, and whether that is a guess.

    Args:
        asked: What the user says.
        port: The port that the user gives.
        entry: What the configuration says of the machine; nothing if the user names another one.
        config: The configuration, for messages.
        machine: The machine, for messages.
    """
    if asked is not None:
        if asked not in PORTS:
            raise TargetError(
                f"--generation {asked[:20]}: give {' or '.join(PORTS)}; machines with gateway v5 take --bluetooth"
            )
        return asked, False
    if port in _OF_PORT:
        return _OF_PORT[port], False
    said = entry.get("generation")
    if said not in (None, ""):
        if said not in GENERATIONS:
            raise ConfigError(
                f'{_where(config, machine, "generation")}: "generation" is none that machines have: '
                f"{', '.join(GENERATIONS)}"
            )
        return str(said), False
    if not entry.get("key") and (entry.get("bluetooth") or entry.get("ble_token")):
        return "bluetooth", False
    own = port if port is not None else port_of(entry)
    if own == PORTS["v3"]:
        return "v3", False
    return "v1", own == PORT  # which many have in their file since there was no other


def port_spoken(entry: Mapping[str, object]) -> int | None:
    """Returns the port of a machine of a configuration, for the generation that this names; None if it is not valid.

    >>> port_spoken({"generation": "v3", "port": "1774"}), port_spoken({}), port_spoken({"port": 8081})
    (8081, 1774, 8081)
    """
    return _port(entry, "v3") if entry.get("generation") == "v3" else port_of(entry)


def _port(entry: Mapping[str, object], generation: str) -> int | None:
    """Returns the port that a configuration says; where that is another generation's, or none, the generation's own."""
    port = port_of(entry)
    return PORTS[generation] if port in _OF_PORT else port


def _key(config: Config | None, machine: Machine | None, named: Path | None) -> Key:
    text = machine.entry.get("key") if machine else None
    if text is None or text == "":
        if config is None:
            raise MissingKeyError(f"no key: {ways_to_a_key()}; {_WITHOUT_KEY}")
        options = _options(config, machine, named)
        raise MissingKeyError(  # the ways to a file would lead in a circle: it is there
            f'no key: {config.path} has no "key": `lmdecode harvest` finds it; if you know it, '
            f"`lmdecode config set key{options}`; {_WITHOUT_KEY}"
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
