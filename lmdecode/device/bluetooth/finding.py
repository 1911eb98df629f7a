"""Which of the devices that are heard is the machine that is meant."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from lmdecode.codec.printable import printable
from lmdecode.device.bluetooth.radio import Radio, Sighting
from lmdecode.device.errors import NotNearError, RadioError

SEARCH_TIME: Final = 10.0
"""Seconds to look for a machine. Machines advertise several times a second, but a radio listens to one of three
channels at a time, and shares that time with other connections."""
_OTHERS_TIME: Final = 2.0  # s to go on listening after the first machine, if it is not known which one is meant
_MOST_LISTED: Final = 8
_LONGEST_NAME: Final = 40

_HELD: Final = (
    "a machine that the maker's app or another program is connected to does not advertise: close it, or switch off "
    "Bluetooth on the telephone"
)


async def find_machines(radio: Radio, seconds: float = SEARCH_TIME) -> list[Sighting]:
    """Looks for all machines that are near.

    Args:
        radio: The radio.
        seconds: How long.

    Returns:
        The machines, the strongest signal first.

    Raises:
        RadioError: The radio cannot be used.
    """
    return [each for each in await radio.find(seconds) if each.is_machine]


async def find_machine(radio: Radio, wanted: str, seconds: float = SEARCH_TIME) -> Sighting:
    """Looks for one machine.

    Args:
        radio: The radio.
        wanted: Its name, its serial number or its address; "" for the only one that is near.
        seconds: How long at most.

    Raises:
        NotNearError: The machine is not near.
        RadioError: The radio cannot be used; or none was named, and several are near.
    """
    if wanted:
        heard = await radio.find(seconds, _is_wanted(wanted))
        found = [each for each in heard if matches(each, wanted)]
        if found:
            return found[0]
        raise NotNearError(_not_near(wanted, heard))
    heard = await radio.find(seconds, lambda each: each.is_machine, after=_OTHERS_TIME)
    machines = [each for each in heard if each.is_machine]
    if len(machines) == 1:
        return machines[0]
    if machines:
        raise RadioError(f"several machines are near: {_listed(machines)}: name one, {_named(machines[0])}")
    raise NotNearError(_none_near(heard))


def _is_wanted(wanted: str) -> Callable[[Sighting], bool]:
    return lambda each: matches(each, wanted)


def matches(sighting: Sighting, wanted: str) -> bool:
    """Returns whether a device is meant by a name, a serial number or an address.

    >>> [matches(Sighting("F0:12:34:56:78:9A", "MICRA_MR012345"), each) for each in ("mr012345", "f0-12-34-56-78-9a")]
    [True, True]
    """
    word = wanted.strip().casefold()
    if word in {sighting.name.casefold(), (sighting.serial or "").casefold()} - {""}:
        return True
    return word.replace("-", ":") == sighting.address.casefold().replace("-", ":")


def _not_near(wanted: str, heard: Sequence[Sighting]) -> str:
    machines = [each for each in heard if each.is_machine]
    near = _counted(heard)
    if machines:
        verb, one = ("are", "the first") if len(machines) > 1 else ("is", "it")
        near = f"near {verb} {_listed(machines)}: if you mean {one}, {_named(machines[0])}"
    return f"{_shown(wanted)} is not near: {near}. {_HELD[0].upper()}{_HELD[1:]}"


def _none_near(heard: Sequence[Sighting]) -> str:
    return (
        f"no machine is near: {_counted(heard)}. Is it on, and within some metres? {_HELD[0].upper()}{_HELD[1:]}. One "
        "with a name of its own must be named, with --bluetooth NAME or its address"
    )


def _counted(heard: Sequence[Sighting]) -> str:
    if not heard:
        return "nothing at all was heard"
    named = [each for each in heard if each.name]
    count = f"{len(heard)} other device{'s were' if len(heard) > 1 else ' was'} heard"
    return f"{count}: {_listed(named)}" if named else count


def _listed(sightings: Iterable[Sighting]) -> str:
    found = list(sightings)
    shown = ", ".join(
        _shown(each.label) + (f" ({each.rssi} dBm)" if each.rssi is not None else "") for each in found[:_MOST_LISTED]
    )
    return shown + (f" and {len(found) - _MOST_LISTED} more" if len(found) > _MOST_LISTED else "")


def _named(machine: Sighting) -> str:
    """Returns the option that names a machine, as it can be pasted into a shell."""
    return f"`--bluetooth={shlex.quote(_shown(machine.label))}`"


def _shown(name: str) -> str:
    """Returns a name that anybody near may have sent, as it may be shown."""
    return printable(name[:_LONGEST_NAME])
