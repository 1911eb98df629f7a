"""Which machines a bridge publishes: those that are named, or all of the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lmdecode.app.errors import UsageError
from lmdecode.app.targets import memory_target
from lmdecode.config.file import find_config, load_config
from lmdecode.config.machines import machines_of
from lmdecode.config.targets import Target, find_target


def find_targets(
    *, host: str | None, port: int | None, key: str | None, config: Path | None, machines: Sequence[str]
) -> list[Target]:
    """Returns the machines of a bridge.

    Args:
        host: The address of the only one; None: those in the configuration.
        port: Its port.
        key: Its key.
        config: The configuration that the user named.
        machines: The names of some in the configuration; empty: all that have an address and a key.

    Raises:
        UsageError: An address, a port or a key is given for several machines.
        TargetError, ConfigError, MissingKeyError: As `find_target`.
    """
    if len(machines) > 1 and any(each is not None for each in (host, port, key)):
        raise UsageError("--host, --port and --key are for one machine: give one --machine, or none of them")
    names: list[str | None] = [*machines]
    path = find_config(config)
    if not names and host is None and key is None and port is None and path is not None:
        complete = [each for each in machines_of(load_config(path)) if each.entry.get("host") and each.entry.get("key")]
        if len(complete) > 1:
            names = [each.name for each in complete]
    found = [
        memory_target(
            find_target(host=host, port=port, key=key, config=config, machine=each), "bridge reads a machine's memory"
        )
        for each in names or [None]
    ]
    return list({(each.host, each.port): each for each in found}.values())
