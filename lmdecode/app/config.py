"""The configuration file: shown without its secrets, checked, changed."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from lmdecode.app.errors import CommandError, UsageError
from lmdecode.codec.errors import KeyFormatError
from lmdecode.codec.record import MASK
from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.key import Key
from lmdecode.config import file
from lmdecode.config.check import Problem, problems
from lmdecode.config.file import Config, change, default_paths, find_config, load_config, port_of
from lmdecode.config.json_lines import Steps
from lmdecode.config.machines import Machine, chosen_machine, machine_named, machines_of
from lmdecode.config.mqtt import ENTRIES
from lmdecode.config.names import (
    ALL_MODELS,
    AT_THE_TOP,
    BROKER,
    CHOICE,
    GENERATIONS,
    LIST,
    NO_ADDRESS,
    OF_A_MACHINE,
    OF_THE_ACCOUNT,
    is_address,
    is_secret,
    nearest,
    shortened,
    without_user,
)
from lmdecode.config.sample import is_sample, refuse_mixture, refuse_sample_key
from lmdecode.config.targets import port_spoken

REACH_TIMEOUT: Final = 3.0
"""Seconds to wait for a connection to a machine."""
_SHOWN: Final = 40  # characters of a name in a message


class Reach(NamedTuple):
    """Whether a machine of the configuration answers at its address."""

    name: str
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
            f"there is no config.json here, nor at {default_paths()[-1]}: lmdecode harvest makes one while you log in "
            "on your phone; with the key at hand, lmdecode config set key does, or over Bluetooth lmdecode config set "
            "ble_token; lmdecode login needs what harvest finds"
        )
    return load_config(found)


def path_to_change(path: Path | None) -> Path:
    """Returns the file to change: the one that the user named, the one that is found, or a new one of the user's.

    The folder of a new one is made.
    """
    found = file.path_to_change(path)
    if path is None:
        found.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return found


def next_step(path: Path, named: Path | None) -> str:
    """Returns the command to run next, when a configuration has got a key.

    Args:
        path: The configuration.
        named: The value of `--config`; None: the file is found without it.
    """
    config = load_config(path)
    machines = [each for each in machines_of(config) if not each.is_old]
    option = f" --config {shlex.quote(str(named))}" if named else ""
    if any(each.entry.get("host") for each in machines):
        which = " --machine NAME" if len(machines) > 1 and not config.entries.get(CHOICE) else ""
        return f"lmdecode status{which}{option}"
    return f"lmdecode discover{option}, which finds the machine's address"


def masked(value: Any, name: str = "") -> Any:  # noqa: ANN401 -- whatever JSON holds
    """Returns entries of a configuration with their secrets masked, those in a wrong place too.

    Args:
        value: The entries, or the value of one.
        name: The name of the entry; "" if it has none.
    """
    if is_secret(name) and value not in (None, "", [], {}):
        return MASK
    if isinstance(value, Mapping):
        inner = {each: LIST if name == LIST and isinstance(value[each], str) else each for each in value}
        return {each: masked(value[each], inner[each]) for each in value}
    if isinstance(value, list):
        return [masked(each, name if isinstance(each, str) else "") for each in value]
    if not isinstance(value, str):
        return value
    if name == LIST or (name not in AT_THE_TOP and _is_key(value)):  # a machine that is no object may be its key
        return MASK
    return without_user(value, is_host=name in {"host", BROKER})


def _is_key(text: str) -> bool:
    try:
        Key.parse(text)
    except KeyFormatError:
        return False
    return True


def check(config: Config, machine: str | None = None) -> tuple[list[Problem], int, int]:
    """Returns the problems of a configuration, the number of machines with a key, and of those with a Bluetooth token.

    Args:
        config: The configuration.
        machine: Only this machine, by its name, serial number or address; None: all.

    Raises:
        TargetError: There is no such machine, or several.
    """
    meant = _meant(config, machine)
    keys, tokens = (sum(bool(each.entry.get(name)) for each in meant) for name in ("key", "ble_token"))
    return problems(config, machine), keys, tokens


def reach(config: Config, machine: str | None = None, *, timeout: float = REACH_TIMEOUT) -> Iterator[Reach]:
    """Connects to each machine that has an address, and disconnects at once; sends nothing.

    Args:
        config: The configuration.
        machine: Only this machine, by its name, serial number or address; None: all.
        timeout: Seconds to wait for a connection.
    """
    machines = _meant(config, machine)
    for each in machines:
        host, port = each.entry.get("host"), port_spoken(each.entry)
        if isinstance(host, str) and host and port is not None:
            name = (each.name or "") if len(machines) > 1 and each.name != host else ""
            yield Reach(name, host, port, _unreachable(host, port, timeout))


def _meant(config: Config, machine: str | None) -> list[Machine]:
    if machine is not None:
        return [machine_named(config, machine, f"--machine {machine[:_SHOWN]}")]
    return machines_of(config) if isinstance(config.entries.get(LIST, []), list) else []


def get_entry(config: Config, name: str, machine: str | None = None) -> object:
    """Returns the value of one entry.

    Args:
        config: The configuration.
        name: The entry; hyphens are taken for underscores.
        machine: The machine whose entry it is; None: the file's own, or that of the machine that is meant.

    Raises:
        CommandError: There is no such entry.
        TargetError: It is not clear which machine is meant.
    """
    name = _spelled(name)
    entries = config.entries
    section, _, inner = name.partition(".")
    broker = entries.get(section)
    if section == BROKER and isinstance(broker, Mapping) and inner in broker:
        return broker[inner]
    if machine is not None or (name in OF_A_MACHINE and name not in entries):
        chosen = chosen_machine(config, machine)
        entries = chosen.entry if chosen else entries
    if name not in entries:
        hint = _hint(name) or f"; it has {_names(entries)}"
        raise CommandError(f'{config.path} has no "{name[:_SHOWN]}"{hint}')
    return entries[name]


def set_entry(path: Path, name: str, value: str, *, machine: str | None = None, force: bool = False) -> str:
    """Changes one entry of a configuration.

    Args:
        path: The file; it is made if it is not there.
        name: The entry's name; hyphens are taken for underscores.
        value: Its new value.
        machine: The machine to change, by its name, serial number or address; a new name adds one to the list. None:
            the machine that is meant, for the entries that a machine has, and else the file itself.
        force: Whether a name may be set that lmdecode does not know.

    Returns:
        Which machine was changed or added, for the message; "" if the file has one.

    Raises:
        UsageError: The name or the value is not valid.
        TargetError: It is not clear which machine is meant.
        ConfigError: The file cannot be changed, or the published key of the samples would be mixed with an owner's.
    """
    name = _spelled(name)
    _check_value(name, value)
    done: list[str] = []

    def edit(entries: dict[str, Any]) -> None:
        config = Config(path, entries)
        if name.startswith(f"{BROKER}."):
            _put_broker(entries, name.partition(".")[2], value, config)
            done.append("")
            return
        if name not in AT_THE_TOP and name not in entries and not force:
            hint = _hint(name) or f": it has {', '.join(AT_THE_TOP)}"
            raise UsageError(
                f'lmdecode knows no entry "{name[:_SHOWN]}"{hint}; --force sets it all the same, for another program'
            )
        if name == CHOICE:
            machine_named(config, value, f"machine {value[:_SHOWN]}")
        if name == "key" and is_sample(value):
            refuse_mixture(entries, [value], str(path))
            if any(entries.get(each) for each in OF_THE_ACCOUNT):
                refuse_sample_key(str(path))
        if name in OF_THE_ACCOUNT:
            refuse_mixture(entries, [], str(path))
        done.append(_put(config, entries, name, value, machine))
        if name == "key" and not is_sample(value):  # a published key that was replaced is no longer there
            refuse_mixture(entries, [value], str(path))

    change(path, edit)
    return done[0]


def _check_value(name: str, value: str) -> None:
    if name == "key":
        try:
            Key.parse(value)
        except KeyFormatError as error:
            raise UsageError(str(error)) from None
    elif name == "host" and not is_address(value):
        raise UsageError(f"the host is not an address: {NO_ADDRESS}")
    elif name == f"{BROKER}.host" and _has_password(value):
        raise UsageError(
            f"{name} has a password, and others can see a command line: give the address alone, then "
            f"lmdecode config set {BROKER}.username, and {BROKER}.password"
        )
    elif name in {"port", f"{BROKER}.port"} and port_of({"port": value}) is None:
        usual = f", usually {PORT}" if name == "port" else ""
        raise UsageError(f"{value!r} is not a port: give a number from 1 to 65535{usual}")
    elif name == "model_name" and value not in ALL_MODELS:
        raise UsageError(f"{value!r} is not a known model: {', '.join(ALL_MODELS)}")
    elif name == "generation" and value not in GENERATIONS:
        raise UsageError(f"{value[:_SHOWN]!r} is not a generation that a live machine speaks: {', '.join(GENERATIONS)}")
    elif name == LIST:
        raise UsageError("machines is a list: change a machine with --machine NAME")
    elif name == BROKER:
        raise UsageError(f"{BROKER} has entries of its own: lmdecode config set {BROKER}.host HOST")


def _has_password(address: str) -> bool:
    user, at, _ = address.rpartition("@")
    return bool(at) and ":" in user.rpartition("//")[2]


def _put(config: Config, entries: dict[str, Any], name: str, value: str, machine: str | None) -> str:
    """Sets an entry of the machine that is meant, or of the file; returns which machine it was, for the message."""
    listed = entries.get(LIST, [])
    if not isinstance(listed, list):
        raise CommandError(f'{config.at(LIST)}: "{LIST}" is not a list: fix the file first')
    found: Machine | None = None
    if machine is not None:
        if not any(each.is_named(machine) for each in machines_of(config)):
            entries[LIST] = [*listed, {"machine_name": machine, name: value}]
            return f"of {machine}, which is a new machine, "
        found = machine_named(config, machine, f"--machine {machine[:_SHOWN]}")
    elif name in OF_A_MACHINE and listed:
        found = chosen_machine(config)
    if found is None:
        entries[name] = value
        return ""
    for place in _own_places(found, entries):
        (entries[LIST][place[1]] if place else entries)[name] = value
    return f"of {found.name} " if found.name and len(machines_of(config)) > 1 else ""


def _put_broker(entries: dict[str, Any], name: str, value: str, config: Config) -> None:
    """Sets an entry of the MQTT broker."""
    if name not in ENTRIES:
        near = nearest(name, ENTRIES)
        hint = f"did you mean {BROKER}.{near}?" if near else f"it has {', '.join(ENTRIES)}"
        raise UsageError(f'"{BROKER}" has no entry "{name[:_SHOWN]}": {hint}')
    section = entries.setdefault(BROKER, {})
    if not isinstance(section, dict):
        raise CommandError(f'{config.path}: "{BROKER}" is not an object: fix the file first')
    if name == "tls" and value not in {"true", "false"}:
        raise UsageError(f"{BROKER}.tls is true or false")
    section[name] = value == "true" if name == "tls" else value


def _own_places(machine: Machine, entries: Mapping[str, Any]) -> list[Steps]:
    """Returns where a machine's entries are; the top only if it has the machine's key, or is its only place."""
    return [place for place in machine.places if place or entries.get("key")] or [*machine.places]


def _spelled(name: str) -> str:
    plain = name.replace("-", "_")
    return plain if plain in AT_THE_TOP else name


def _hint(name: str) -> str:
    near = nearest(name)
    return f": did you mean {near}?" if near is not None and near != name else ""


def _names(entries: Mapping[str, object]) -> str:
    return ", ".join(shortened(name) for name in [*entries][:20]) or "nothing"


def _unreachable(host: str, port: int, timeout: float) -> str:
    """Returns why a machine cannot be connected to; "" if it can."""
    try:
        with socket.create_connection((host, port), timeout=timeout):
            return ""
    except TimeoutError:
        return "does not answer: is it on, and in this network?"
    except OSError as error:
        return f"cannot be reached ({error.strerror or error}): is it on, and the address right?"
    except ValueError:  # Python's error for a text that cannot be a host name
        return "is not an address: it should be one such as 192.168.1.215"
