"""A machine of which something is left open: it is looked for, or tried out."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from lmdecode.app.targets import chosen_of, memory_target, settled
from lmdecode.codec.v1.key import Key
from lmdecode.config.machines import TargetError
from lmdecode.config.targets import BluetoothTarget, NoAddressError, Target
from lmdecode.device import probing
from lmdecode.device.discovery import Found, generation_on
from lmdecode.device.errors import UnsupportedError

GUESS = Target("", 1774, Key.parse("1" * 32), is_guess=True)
MISSING = NoAddressError("no address", GUESS, None)


def test_the_only_machine_that_announces_itself():
    target, found = chosen_of([Found("GS1", addresses=("10.0.0.7",), port=1774, generation="v1")], MISSING)
    assert (target.host, target.port, target.generation, target.is_guess) == ("10.0.0.7", 1774, "v1", False)
    assert found == "found GS1 at 10.0.0.7:1774"


def test_a_gateway_is_sent_the_key_only_if_its_serial_number_is_the_owners():
    machine = Found("MR012345", addresses=("10.0.0.7",), port=8081, generation="v3")
    with pytest.raises(TargetError, match=r"give --host 10\.0\.0\.7:8081, or set its serial number") as refused:
        chosen_of([machine], MISSING)
    assert "1" * 32 not in str(refused.value)
    known = replace(GUESS, generation="v3", is_guess=False)
    with pytest.raises(TargetError, match="may be anybody's"):
        chosen_of([replace(machine, port=1774, generation="v1")], NoAddressError("", known, None))
    with pytest.raises(NoAddressError, match=r"as MR999999, which .* there is MR012345 at 10\.0\.0\.7: give --host"):
        chosen_of([machine], NoAddressError("", GUESS, "MR999999"))

    target, found = chosen_of([machine], NoAddressError("", GUESS, "MR012345"))
    assert (target.host, target.port, target.generation, target.is_guess) == ("10.0.0.7", 8081, "v3", False)
    assert found == "found MR012345 at 10.0.0.7:8081"


def test_a_machine_that_nobody_knows_is_not_tried_as_a_gateway():
    target, _ = chosen_of([Found("odd", addresses=("10.0.0.7",), port=7)], MISSING)
    assert (target.port, target.generation, target.is_guess) == (7, "v1", False)


def test_the_machine_with_the_serial_number():
    machines = [
        Found("a", addresses=("10.0.0.7",), port=1774, properties={"sn": "GS1"}),
        Found("b", addresses=("10.0.0.8",), port=1774, properties={"sn": "GS2"}),
    ]
    assert chosen_of(machines, NoAddressError("", GUESS, "GS2"))[0].host == "10.0.0.8"
    with pytest.raises(NoAddressError):
        chosen_of(machines, NoAddressError("no address", GUESS, "GS3"))
    with pytest.raises(TargetError, match=r"a at 10\.0\.0\.7, b at 10\.0\.0\.8: choose with --host"):
        chosen_of(machines, MISSING)


def test_nothing_announces_itself():
    with pytest.raises(NoAddressError, match="no address"):
        chosen_of([Found("without an address")], MISSING)


@pytest.mark.parametrize(
    ("open_ports", "expected", "tried"),
    [
        ((), ("v1", 1774), [8081]),
        ((1774,), ("v1", 1774), [8081]),
        ((8081,), ("v3", 8081), [8081, 1774]),
        ((1774, 8081), ("v1", 1774), [8081, 1774]),
    ],
)
def test_the_port_that_is_open_decides(monkeypatch, open_ports, expected, tried):
    asked = []

    async def generation_at(host, port):
        asked.append(port)
        return generation_on(port) if (host, port) in {("10.0.0.7", each) for each in open_ports} else ""

    monkeypatch.setattr(probing, "generation_at", generation_at)
    target = asyncio.run(settled(replace(GUESS, host="10.0.0.7")))
    assert (target.generation, target.port) == expected
    assert not target.is_guess
    assert asked == tried, "a machine of v1 takes one connection, which is not to be used up"


def test_what_is_known_is_not_tried():
    known = replace(GUESS, host="no such host", is_guess=False)
    assert asyncio.run(settled(known)) is known
    assert isinstance(asyncio.run(settled(BluetoothTarget())), BluetoothTarget)


@pytest.mark.parametrize("target", [BluetoothTarget(), replace(GUESS, generation="v3")])
def test_only_machines_of_v1_have_a_memory(target):
    with pytest.raises(UnsupportedError, match="scan reads a machine's memory, which only machines of v1 have"):
        memory_target(target, "scan reads a machine's memory")
    assert memory_target(GUESS, "") is GUESS
