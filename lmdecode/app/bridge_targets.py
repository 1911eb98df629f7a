"""Which machines a bridge publishes: those that are named, or all of the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lmdecode.app.errors import UsageError
from lmdecode.config.file import find_config, load_config
from lmdecode.config.machines import Machine, machines_of
from lmdecode.config.targets import AnyTarget, BluetoothTarget, NoAddressError, find_target


def find_targets(
    *,
    host: str | None,
    port: int | None,
    key: str | None,
    config: Path | None,
    machines: Sequence[str],
    bluetooth: str | None = None,
    radio: str | None = None,
    generation: str | None = None,
) -> list[AnyTarget]:
    """Returns the machines of a bridge.

    Args:
        host: The address of the only one; None: those in the configuration.
        port: Its port.
        key: Its key.
        config: The configuration that the user named.
        machines: The names of some in the configuration; empty: all that can be reached.
        bluetooth: The name, serial number or address of the only one, over Bluetooth; "": over Bluetooth, whichever
            they are. None: as the configuration says.
        radio: The radio for all that are reached over Bluetooth; None: the one in the environment, or the computer's.
        generation: What the only one speaks; None: what its port or the configuration says, or what it shows.

    Raises:
        UsageError: What one machine alone can have is given for several machines.
        TargetError, ConfigError, MissingKeyError: As `find_target`.
    """
    of_one = (host, port, key, generation, bluetooth or None)
    if len(machines) > 1 and any(each is not None for each in of_one):
        raise UsageError(
            "--host, --port, --key, --generation and a name after --bluetooth are for one machine: give one --machine, "
            "or none of them"
        )
    names: list[str | None] = [*machines]
    path = find_config(config)
    if not names and all(each is None for each in of_one) and path is not None:
        known = [each for each in machines_of(load_config(path)) if _is_complete(each, near=bluetooth is not None)]
        if len(known) > 1:
            names = [each.name for each in known]
    found: list[AnyTarget] = []
    for name in names or [None]:
        way = bluetooth
        if way is None and radio is not None and not names and host is None:
            way = ""  # who names a radio for one machine means Bluetooth
        try:
            target = find_target(
                host=host, port=port, key=key, config=config, machine=name, bluetooth=way, generation=generation
            )
        except NoAddressError:  # it has a key, from when it was on the network; what it has of Bluetooth leads to it
            target = find_target(host=None, port=None, key=None, config=config, machine=name, bluetooth="")
            if host is not None or not (isinstance(target, BluetoothTarget) and target.token):
                raise
        found.append(replace(target, radio=radio) if isinstance(target, BluetoothTarget) and radio else target)
    return list({_place(each): each for each in found}.values())


def _is_complete(machine: Machine, *, near: bool) -> bool:
    """Whether the configuration says how a machine is reached.

    Args:
        machine: The machine.
        near: Whether it is to be reached over Bluetooth.
    """
    entry = machine.entry
    has_bluetooth = bool(entry.get("ble_token") or entry.get("bluetooth"))
    return has_bluetooth or (not near and bool(entry.get("host") and entry.get("key")))


def _place(target: AnyTarget) -> tuple[str, int]:
    return (target.device, 0) if isinstance(target, BluetoothTarget) else (target.host, target.port)
