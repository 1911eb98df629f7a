"""A host's log: all kinds of events by which connections and names are known."""

from __future__ import annotations

import struct
from collections import Counter

import pytest

from lmdecode.capture.net.bluetooth import HCI_H4_WITH_PHDR, LINUX_MONITOR, Began, Ended, Heard, Lost, Pdu
from lmdecode.capture.net.bluetooth_advertising import advertised as said_by
from lmdecode.capture.net.bluetooth_hci import HostLog
from tests.capture.radio import MACHINE, PHONE, acl, advertised, connected, event, uuid

MACHINE_TEXT, PHONE_TEXT = "C8:2B:96:12:34:56", "DC:A6:32:0A:1B:2C"


def events(*packets, link_type=HCI_H4_WITH_PHDR):
    log = HostLog(link_type, Counter())
    found = []
    for each in packets:
        data, received = each if isinstance(each, tuple) else (each, True)
        found += log.read(0, struct.pack(">I", received) + data, 0)
    return found


def enhanced(kind=0x0A, private=bytes(6), role=0):
    return event(
        0x3E,
        struct.pack("<BBHBB6s6s6sHHHB", kind, 0, 0x40, role, 0, MACHINE, private, bytes(6), 24, 0, 500, 0),
    )


OWN = event(0x0E, struct.pack("<BHB", 1, 0x1009, 0) + PHONE)


@pytest.mark.parametrize("packet", [connected(), enhanced(), enhanced(0x29)])
def test_each_kind_of_connection_is_known_with_both_addresses(packet):
    (began,) = events(OWN, packet)
    assert began[1:] == (PHONE_TEXT, MACHINE_TEXT)
    assert events(packet)[0].central == ""


def test_a_private_address_of_the_host_stands_for_its_own():
    assert events(enhanced(private=PHONE))[0].central == PHONE_TEXT


def test_a_host_that_plays_the_machine_is_the_peripheral():
    packets = [(each, False) for each in acl(b"\x0b\1", sent=True)]
    began, pdu = events(OWN, connected(role=1, where=MACHINE), *packets)
    assert (began.central, began.peripheral) == (MACHINE_TEXT, PHONE_TEXT)
    assert (pdu.sender, pdu.data) == ("machine", b"\x0b\1")


def test_a_connection_that_failed_is_none_and_one_that_could_not_be_ended_goes_on():
    failed = bytearray(connected())
    failed[4] = 0x3E
    assert events(bytes(failed)) == []
    found = events(connected(), event(5, b"\x0c\x40\0\x13"), event(5, b"\0\x40\0\x13"))
    assert [type(each) for each in found] == [Began, Ended]


def test_a_handle_that_is_used_again_ends_the_connection_before():
    assert [type(each) for each in events(connected(), connected())] == [Began, Ended, Began]


def test_names_and_services_are_heard():
    extended = struct.pack("<BBHB6sBBBbbHB6sB", 0x0D, 1, 0, 0, MACHINE, 1, 0, 0, 0, -60, 0, 0, bytes(6), 18)
    assert events(advertised("MICRA_MR012345")) == [Heard(MACHINE_TEXT, "MICRA_MR012345", False)]
    assert events(event(0x3E, extended + b"\x11\x07" + uuid("d30a"))) == [Heard(MACHINE_TEXT, "", True)]
    assert said_by(b"\x05\x08MICR\x06\x09MICRA\0\0") == ("MICRA", False)
    assert said_by(b"\x30\x09cut off") == ("cut off", False)


def test_fragments_of_two_connections_and_both_directions_are_kept_apart():
    long = b"\x1b\x2f\0" + bytes(60)
    first, second = acl(long, sent=False), acl(long[::-1], sent=False, handle=0x41)
    sent = acl(long + b"x", sent=True)
    mixed = [each for three in zip(first, second, [(each, False) for each in sent], strict=True) for each in three]
    found = events(connected(), *mixed)
    assert [(each.sender, each.data) for each in found if isinstance(each, Pdu)] == [
        ("machine", long),
        ("machine", long[::-1]),
        ("app", long + b"x"),
    ]


def test_a_pdu_that_is_never_whole_is_lost_and_said():
    first, *_ = acl(bytes(60), sent=False)
    found = events(connected(), first, *acl(b"\x0b", sent=False))
    assert [type(each) for each in found[1:]] == [Lost, Pdu]
    assert found[1].size == 60 + 4 - 27


def test_other_channels_are_nothing():
    packet = struct.pack("<BHHHH", 2, 0x2040, 7, 3, 6) + b"\1\2\3"
    assert events(connected(), packet)[1:] == []


def test_adapters_of_a_monitor_are_kept_apart():
    log = HostLog(LINUX_MONITOR, Counter())
    found = []
    for adapter in (0, 1):
        found += log.read(0, struct.pack(">HH", adapter, 3) + connected()[1:], 0)
    assert [type(each) for each in found] == [Began, Began]


@pytest.mark.parametrize(
    "told", [struct.pack(">HHBB", 1, 0, 0, 1) + PHONE + b"hci1", struct.pack(">HH", 1, 10) + PHONE]
)
def test_a_monitor_tells_the_address_of_its_adapter(told):
    log = HostLog(LINUX_MONITOR, Counter())
    assert log.read(0, told, 0) == ()
    (began,) = log.read(0, struct.pack(">HH", 1, 3) + connected()[1:], 0)
    assert began.central == PHONE_TEXT
