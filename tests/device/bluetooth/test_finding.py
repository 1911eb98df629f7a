"""Which device is meant, and what is said if it is not clear."""

from __future__ import annotations

import asyncio

import pytest

from lmdecode.device.bluetooth.finding import find_machine, find_machines, matches
from lmdecode.device.bluetooth.radio import Sighting, Sweep
from lmdecode.device.errors import RadioError

from .peripheral import Peripheral, RadioInMemory

SERVICE = "d30a7847-e12b-09a8-b04b-8e0922a9abab"
MICRA = Sighting("F0:12:34:56:78:9A", "MICRA_MR012345", -60)
MINI = Sighting("F0:12:34:56:78:9B", "MINI_LM012345", -80)
BULB = Sighting("C0:00:00:00:00:01", "\x1b[31mbulb", -30)
NAMELESS = Sighting("C0:00:00:00:00:02")


def radio(*sightings: Sighting) -> RadioInMemory:
    return RadioInMemory([(each, Peripheral() if each.is_machine else None) for each in sightings])


def found(wanted: str, *sightings: Sighting) -> Sighting:
    return asyncio.run(find_machine(radio(*sightings), wanted, 0.05))


def said(wanted: str, *sightings: Sighting) -> str:
    with pytest.raises(RadioError) as told:
        found(wanted, *sightings)
    assert told.value.exit_code == 3
    return str(told.value)


@pytest.mark.parametrize(
    "wanted", ["", "MICRA_MR012345", "mr012345", "F0:12:34:56:78:9A", "f0-12-34-56-78-9a", " MR012345 "]
)
def test_the_machine_is_found_by_any_of_its_names(wanted: str) -> None:
    assert found(wanted, BULB, MICRA) == MICRA


def test_the_named_one_of_several() -> None:
    assert found("LM012345", MICRA, MINI) == MINI


def test_a_machine_with_a_name_of_its_own_is_known_by_its_service() -> None:
    kitchen = Sighting("F0:12:34:56:78:9C", "kitchen", None, (SERVICE,))
    assert found("", BULB, kitchen) == kitchen


def test_an_empty_name_is_nobodys() -> None:
    assert not matches(NAMELESS, "MICRA")
    assert not matches(Sighting("C0:00:00:00:00:03", ""), "")


def test_several_are_near_and_none_is_named() -> None:
    text = said("", MICRA, MINI)
    assert text == (
        "several machines are near: MICRA_MR012345 (-60 dBm), MINI_LM012345 (-80 dBm): name one, "
        "`--bluetooth=MICRA_MR012345`"
    )


def test_the_named_one_is_not_near() -> None:
    assert said("GS012345", MINI, BULB).startswith(
        "GS012345 is not near: near is MINI_LM012345 (-80 dBm): if you mean it, `--bluetooth=MINI_LM012345`. A machine"
    )


def test_no_machine_is_near() -> None:
    text = said("", BULB, NAMELESS)
    assert "2 other devices were heard: \\x1b[31mbulb (-30 dBm)" in text
    assert "\x1b" not in text
    assert "nothing at all was heard" in said("")


def test_all_machines_the_nearest_first() -> None:
    assert asyncio.run(find_machines(radio(MINI, BULB, MICRA), 0.05)) == [MICRA, MINI]


def test_what_an_advertisement_leaves_out_is_kept_from_an_earlier_one() -> None:
    async def swept() -> list[Sighting]:
        sweep = Sweep()
        sweep.hear(Sighting("C0:00:00:00:00:02", "", -50, (SERVICE,)))
        sweep.hear(Sighting("C0:00:00:00:00:02", "MICRA_MR012345", None))
        for number in range(5000):
            sweep.hear(Sighting(f"made up {number}"))
        return sweep.sightings

    heard = asyncio.run(swept())
    assert heard[0] == Sighting("C0:00:00:00:00:02", "MICRA_MR012345", -50, (SERVICE,))
    assert len(heard) <= 2000
