"""The machine that is meant, found where nobody has said all of it: its address, or which generation it speaks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from lmdecode.codec.printable import printable
from lmdecode.config.machines import TargetError
from lmdecode.config.targets import PORTS, AnyTarget, BluetoothTarget, NoAddressError, Target
from lmdecode.device.errors import UnsupportedError, joined

if TYPE_CHECKING:
    from lmdecode.device.discovery import Found

SEARCH: Final = 3.0
"""Seconds to look for a machine that announces itself."""
_LISTED: Final = 8  # machines; a house has one or two
_SHOWN: Final = 40  # characters of a name of strangers


def memory_target(target: AnyTarget, what: str) -> Target:
    """Returns a machine whose memory can be read, as only those of v1 let it.

    Args:
        target: The machine.
        what: What is to be done with its memory, with a verb: "scan reads the memory".

    Raises:
        UnsupportedError: It speaks another generation.
    """
    if isinstance(target, Target) and target.generation == "v1":
        return target
    way, option = ("Bluetooth", " --bluetooth") if isinstance(target, BluetoothTarget) else ("gateway v3", "")
    raise UnsupportedError(
        f"{what}, which only machines of v1 have; `lmdecode status{option}` shows what {way} tells of a machine"
    )


async def search(missing: NoAddressError, seconds: float = SEARCH) -> tuple[Target, str]:
    """Looks for the machine whose address nobody has said.

    Args:
        missing: What is known of it.
        seconds: How long.

    Returns:
        The machine, and what was found, for people.

    Raises:
        NoAddressError: No machine announces itself, or zeroconf is not installed.
        TargetError: Several machines announce themselves; or one does that would be sent the key in clear text, and
            nothing says that it is the owner's.
    """
    from lmdecode.device.discovery import DiscoveryError, discover
    from lmdecode.device.probing import with_generations

    try:
        found = await with_generations(await discover(seconds))  # which are not sent the key
    except DiscoveryError:
        raise missing from None
    return chosen_of(found, missing)


def chosen_of(found: list[Found], missing: NoAddressError) -> tuple[Target, str]:
    """Returns the machine that is meant of those that announce themselves; see `search`."""
    here = [each for each in found if each.addresses]
    named = [each for each in here if missing.serial and missing.serial in {each.name, *each.properties.values()}]
    listed = ", ".join(f"{printable(each.name)[:_SHOWN]} at {each.addresses[0]}" for each in here[:_LISTED])
    if here and missing.serial and not named:  # another machine must not be sent this one's key
        raise NoAddressError(
            f"no machine announces itself as {printable(missing.serial)[:_SHOWN]}, which is the serial number in the "
            f"config, but there is {listed}: give --host, or correct the serial_number",
            missing.target,
            missing.serial,
        )
    here = named or here
    if not here:
        raise missing
    if len(here) > 1:
        listed = ", ".join(f"{printable(each.name)[:_SHOWN]} at {each.addresses[0]}" for each in here[:_LISTED])
        raise TargetError(f"no address, and several machines announce themselves: {listed}: choose with --host")
    (one,) = here
    target, host = missing.target, one.addresses[0]
    if missing.serial is None:  # anybody may announce anything
        if "v3" in {one.generation, target.generation}:
            place = joined(host, one.port or PORTS["v3"])
            raise TargetError(
                f"{printable(one.name)[:_SHOWN]} at {place} announces itself, and may be anybody's: gateway v3 is sent "
                f"the key in clear text. If it is yours, give --host {place}, or set its serial number once, "
                "`lmdecode config set serial_number NUMBER`"
            )
        target = replace(target, is_guess=False)  # v1, whose key is never sent; what else it speaks is not tried
    if one.generation in PORTS and target.is_guess:
        target = replace(target, generation=one.generation, is_guess=False)
    target = replace(target, host=host, port=one.port or target.port)
    return target, f"found {printable(one.name)[:_SHOWN]} at {joined(host, target.port)}"


async def settled(target: AnyTarget) -> AnyTarget:
    """Finds out which generation a machine speaks, if nobody has said it: the one whose port is open.

    1774 comes first. But a machine of v1 takes one connection at a time, and one that is made to try it out could keep
    the real one out. So 8081 is tried, which machines of v1 refuse at once, and 1774 only if that is open. The key is
    not sent: what is no gateway of v3 must not learn it.

    Args:
        target: The machine.

    Returns:
        The machine, as v1 unless only 8081 is open.
    """
    if isinstance(target, BluetoothTarget) or not target.is_guess:
        return target
    from lmdecode.device.probing import generation_at

    target, newer = replace(target, is_guess=False), PORTS["v3"]
    if await generation_at(target.host, newer) == "v3" and await generation_at(target.host, target.port) != "v1":
        return replace(target, port=newer, generation="v3")
    return target
