"""What a simulated machine is made of: its memory, key, token and port, out of the user's options and config.json."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from lmdecode.app.errors import CommandError
from lmdecode.app.simulation import Generation
from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.v1 import PORT, speakers_with
from lmdecode.codec.v1.decoder import decoder_for
from lmdecode.codec.v1.image import MemoryImage
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.memory import model_of
from lmdecode.codec.v1.register import DEFAULT_MODEL, model_named
from lmdecode.codec.v3 import PORT as WEB_PORT
from lmdecode.config import ENVIRONMENT_VARIABLE, SAMPLE_KEY, SAMPLE_TOKEN
from lmdecode.config.file import ConfigError, default_paths, find_config, load_config, parse_key, port_of
from lmdecode.config.keys import find_keys, find_token
from lmdecode.config.known import known_machines
from lmdecode.config.machines import Machine as FoundMachine
from lmdecode.config.machines import TargetError, chosen_machine, machines_of
from lmdecode.config.names import CHOICE
from lmdecode.simulator import RADIO_PORT
from lmdecode.simulator.machine import Machine, default_memory


def simulated_machine(
    known: MemoryImage | None = None, *, model: str | None = None, now: datetime | None = None
) -> Machine:
    """Returns a machine made of software.

    Args:
        known: What its memory holds, laid over what its model starts with.
        model: Its model; None: the one that the memory shows, else the default.
        now: The time that its clock shows, without a zone; None: the local time.

    Raises:
        RegisterError: There is no such model.
    """
    known = MemoryImage() if known is None else known
    chosen = model_named(model or known.model or model_of(known.memory) or DEFAULT_MODEL)
    memory = default_memory(chosen)
    memory.overlay(known.memory)
    moment = datetime.now() if now is None else now  # noqa: DTZ005 -- the machine's clock is local and has no zone
    return Machine(chosen, memory, now=moment)


def image_of(capture: Path, key: MachineKey, config: Path | None = None) -> MemoryImage:
    """Returns the memory that a capture shows.

    Args:
        capture: The capture.
        key: The machine's.
        config: The configuration that the user named, which has the ports of the machines.

    Raises:
        CommandError: It shows nothing of a machine's memory.
    """
    from lmdecode.analysis.memory_history import memory_of
    from lmdecode.app.asked import Opened
    from lmdecode.app.captures import Captures

    opened = Opened([key], "see --key and --config", config)
    speakers = speakers_with(decoder_for([key]), origin=opened.origin, also=opened.known.ports)
    captures = Captures([capture], opened.reading(speakers))
    image = MemoryImage(memory_of(captures.by_time()), source=str(capture))
    verdict = captures.verdict()
    if verdict.nothing or not any(image.memory.runs()):
        why = [verdict.nothing, *verdict.complaints, f"{capture} shows nothing of a machine's memory"]
        raise CommandError(next(filter(None, why)))
    return image


def simulation_key(keys: Sequence[str], config: Path | None, machine: str | None = None) -> tuple[MachineKey, str]:
    """Returns the key for a simulated machine and where it is from: the sample captures' if there is none anywhere.

    Args:
        keys: The keys that the user gave.
        config: The configuration that the user named.
        machine: The machine of the configuration to simulate; None: the one that its entry `machine` names, or the
            first.

    Raises:
        TargetError: There is no such machine.
        MissingKeyError, ConfigError: There is no key where the user says that one is, or it is not valid.
    """
    by_environment = bool(os.environ.get(ENVIRONMENT_VARIABLE)) and config is None and machine is None
    named = None if keys or by_environment else _machine(config, machine)
    if named is not None and named.entry.get("key"):
        key = parse_key(named.entry["key"], f"the key of {named.name}")
        return MachineKey(named.name or "machine", key), f"that of {named.name}"
    given = keys or config or os.environ.get(ENVIRONMENT_VARIABLE)
    if not given and not any(load_config(path).machines() for path in default_paths() if path.is_file()):
        return MachineKey("sample", Key.parse(SAMPLE_KEY)), f"that of the sample captures, {SAMPLE_KEY}"
    machines, origin = find_keys(keys, config)
    which = f"of {machines[0].name}, the first of {len(machines)}, " if len(machines) > 1 else ""
    return machines[0], f"{which}from {origin}"


def simulation_token(tokens: Sequence[str], config: Path | None, machine: str | None = None) -> tuple[str, str]:
    """Returns the Bluetooth token for a simulated machine and where it is from: the sample's if there is none anywhere.

    The arguments and the errors are those of `simulation_key`.
    """
    given, origin = find_token(next(iter(tokens), None), only_stored=config is not None or machine is not None)
    if given:
        return given, f"from {origin}"
    named = _machine(config, machine)
    if named is None and (path := find_config(config)) is not None:
        named = next((each for each in machines_of(load_config(path)) if each.entry.get("ble_token")), None)
    token = None if named is None else named.entry.get("ble_token")
    if named is not None and isinstance(token, str) and token:
        return find_token(None, token, where=f"the token of {named.name}", only_stored=True)[0], f"that of {named.name}"
    return SAMPLE_TOKEN, f"that of the sample recording, {SAMPLE_TOKEN}"


def port_for(
    key: MachineKey | None, config: Path | None, machine: str | None = None, generation: Generation = "v1"
) -> int:
    """Returns the port that a simulated machine listens on: that of the machine with this key, else the usual one.

    Args:
        key: The simulated machine's.
        config: The configuration that the user named.
        machine: The machine of the configuration to simulate; None: as for the key.
        generation: The generation; over Bluetooth the configuration does not count, and there is no key.

    Raises:
        ConfigError: The port in the configuration is not one.
    """
    if generation == "bluetooth" or key is None:
        return RADIO_PORT
    port = _port_for(key, config, machine)
    usual, others = (WEB_PORT, PORT) if generation == "v3" else (PORT, WEB_PORT)
    return usual if port == others else port  # which would be taken for the other generation


def _port_for(key: MachineKey, config: Path | None, machine: str | None) -> int:
    by_key = [each.port for each in known_machines(config).machines if each.key == key.key and each.port is not None]
    path = find_config(config)
    if by_key or path is None:
        return by_key[0] if by_key else PORT
    loaded = load_config(path)
    meant = _machine(config, machine) or next(iter(machines_of(loaded)), None)
    port = port_of(meant.entry if meant else loaded.entries)
    if port is None:
        raise ConfigError(f'{loaded.at("port")}: "port" is not a port: it should be {PORT}')
    return port


def _machine(config: Path | None, name: str | None) -> FoundMachine | None:
    """Returns the machine that is named, on the command line or in the configuration; None if none is."""
    path = find_config(config)
    if path is None:
        if name is not None:
            raise TargetError(f"--machine {name[:40]}: there is no config.json to look it up in; see --config")
        return None
    loaded = load_config(path)
    return chosen_machine(loaded, name) if name is not None or loaded.entries.get(CHOICE) else None
