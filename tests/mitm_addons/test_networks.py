"""Which of a computer's addresses a phone reaches."""

from __future__ import annotations

import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # at what mitmproxy imports
    pytest.importorskip("mitmproxy")
    from lmdecode.mitm import networks

from lmdecode.mitm.networks import OwnAddress, chosen, is_own, named, own_addresses

HOME = OwnAddress("192.168.1.7", "wlan0")
WIRE = OwnAddress("10.0.0.7", "Ethernet 2", 16)
DOCKER = OwnAddress("172.17.0.1", "docker0", 16)
BRIDGE = OwnAddress("172.18.0.1", "br-0123456789ab", 16)
VPN = OwnAddress("10.8.0.2", "tun0", 24)
LINE = OwnAddress("10.9.0.2", "eth7", 32)
WSL = OwnAddress("172.20.0.1", "vEthernet (WSL)", 20)
PUBLIC = OwnAddress("93.184.215.14", "eth0")


@pytest.mark.parametrize(
    ("found", "address"),
    [
        ([HOME], "192.168.1.7"),
        ([WIRE, HOME], "10.0.0.7"),
        ([DOCKER, BRIDGE, WSL, HOME], "192.168.1.7"),
        ([VPN, LINE, HOME, DOCKER], "192.168.1.7"),
        ([PUBLIC, WIRE], "10.0.0.7"),
        ([PUBLIC], "127.0.0.1"),
        ([VPN, DOCKER], "127.0.0.1"),
        ([], "127.0.0.1"),
    ],
)
def test_the_address_in_the_home_network(found, address):
    assert chosen(found) == address


def test_the_way_to_the_internet_comes_first(monkeypatch):
    loopback = OwnAddress("127.0.0.1", "lo", 8)
    monkeypatch.setattr(networks, "_listed", lambda: [loopback, DOCKER, WIRE, HOME])
    monkeypatch.setattr(networks, "source_towards", lambda _: HOME.address)
    assert own_addresses() == [HOME, DOCKER, WIRE]
    monkeypatch.setattr(networks, "_listed", list)
    assert own_addresses() == [OwnAddress(HOME.address)]
    monkeypatch.setattr(networks, "source_towards", lambda _: None)
    assert own_addresses() == []


def test_what_this_computer_can_listen_on():
    assert is_own("127.0.0.1")
    assert is_own("0.0.0.0")
    for other in ("203.0.113.7", "localhost", "", "x" * 5000, "\0"):
        assert not is_own(other)


def test_a_name_stands_for_an_address_that_a_phone_reaches(monkeypatch):
    assert named("localhost", [HOME]) == ""
    assert named("x" * 5000, [HOME]) == ""
    monkeypatch.setattr(networks.socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("192.168.1.7", 0))])
    assert named("laptop.local", [WIRE, HOME]) == "192.168.1.7"
