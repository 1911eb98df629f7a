"""Where the proxy leads, and where not: to this computer and into private networks, however they are written."""

from __future__ import annotations

import asyncio
import logging
import socket
import warnings
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # at what mitmproxy imports
    pytest.importorskip("mitmproxy")
    from mitmproxy import connection
    from mitmproxy.proxy.mode_specs import ProxyMode
    from mitmproxy.proxy.server_hooks import ServerConnectionHookData
    from mitmproxy.test import taddons, tflow

from lmdecode.mitm import addresses, forwarding
from lmdecode.mitm.addresses import is_outside
from lmdecode.mitm.credentials import CredentialsAddon
from lmdecode.mitm.forwarding import MAKER_DOMAINS, is_the_makers, pinned_address

PRIVATE = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "0.0.0.0/8", "224.0.0.0/4"]
PUBLIC = "93.184.215.14"


@st.composite
def private(draw):
    network, _, bits = draw(st.sampled_from(PRIVATE)).partition("/")
    return IPv4Address(int(IPv4Address(network)) + draw(st.integers(0, 2 ** (32 - int(bits)) - 1)))


def ways_to_write(address):
    number = int(address)
    return [
        str(address),
        f"::ffff:{address}",
        str(IPv6Address((0xFFFF << 32) | number)),
        f"64:ff9b::{address}",  # NAT64
        f"::{address}",
        str(IPv6Address((0x2002 << 112) | (number << 80))),  # 6to4
        str(IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF))),  # Teredo
    ]


@given(address=private())
def test_a_private_address_is_one_in_any_dress(address):
    assert [each for each in ways_to_write(address) if is_outside(each)] == []


@pytest.mark.parametrize(
    "address",
    [
        "::1",
        "::",
        "fe80::1",
        "fe80::1%lo",
        "fd00::1",
        "ff02::1",
        "100.64.0.1",
        "255.255.255.255",
        "",
        "localhost",
        "\0",
    ],
)
def test_what_is_no_address_of_the_internet(address):
    assert not is_outside(address)


def test_addresses_of_the_internet(monkeypatch):
    monkeypatch.setattr(addresses, "source_towards", {"2a00:1450::200e": "2a00:1450::1"}.get)
    assert is_outside(PUBLIC)
    assert is_outside(f"64:ff9b::{PUBLIC}")
    assert is_outside("2a00:1450:4001::200e")
    assert not is_outside("2a00:1450::200e")  # IPv6 networks at home have addresses of the internet


def test_this_computers_own_public_address(monkeypatch):
    monkeypatch.setattr(addresses, "source_towards", lambda address: address)
    assert not is_outside(PUBLIC)


@given(before=st.text(), after=st.text(min_size=1))
def test_a_host_of_the_makers_ends_with_its_domain(before, after):
    for domain in MAKER_DOMAINS:
        assert is_the_makers(domain.upper())
        assert is_the_makers(f"gw-lmz.{domain}.")
        assert not is_the_makers(f"x{domain}")
        assert not is_the_makers(f"{domain}.x{after}")
        if is_the_makers(f"{before}.{domain}"):
            assert set(before.lower()) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def routes(monkeypatch):
    """Let there be a way to every address."""
    for module in (addresses, forwarding):
        monkeypatch.setattr(module, "source_towards", lambda _: "192.168.1.7")


def resolver(monkeypatch, *answers):
    """Let the name server give one answer after the other."""
    given = iter(answers)

    async def getaddrinfo(_loop, _host, port, **_):
        addresses = next(given)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        await asyncio.sleep(0)
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in addresses
        ]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(
    ("answer", "pinned"),
    [
        ([PUBLIC], PUBLIC),
        (["192.168.1.1", PUBLIC], PUBLIC),
        (["2a00:1450::200e", PUBLIC], PUBLIC),  # where IPv6 does not work, this does
        (["192.168.1.1", "::1"], ""),
        ([], None),
    ],
)
def test_the_address_that_was_looked_at_is_the_one_that_is_used(monkeypatch, answer, pinned):
    routes(monkeypatch)
    resolver(monkeypatch, answer, ["127.0.0.1"])
    assert asyncio.run(pinned_address("cms.lamarzocco.io", 443)) == pinned


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0", "0177.0.0.1", "localhost", "[::1]", "a\0b", ""])
def test_other_ways_to_write_this_computer(host):
    assert not asyncio.run(pinned_address(host, 80))


def asked(address, *, mode="regular", reach="maker", script=None):
    """What becomes of a client's wish: the server that is connected to, or the error."""
    addon = CredentialsAddon()
    with taddons.context(addon) as context:
        context.configure(addon, lm_forward=reach)
        gate = addon.forwarding
        client = tflow.tclient_conn()
        client.proxy_mode = ProxyMode.parse(mode)
        data = ServerConnectionHookData(server=connection.Server(address=address), client=client)
        gate.server_connect(data)
        if script:
            data.server.address = script
        asyncio.run(gate.pinning.server_connect(data))
        return data.server


@pytest.mark.parametrize(
    ("address", "reach", "works"),
    [
        (("cms.lamarzocco.io", 443), "maker", True),
        (("lion.lamarzocco.io", 443), "maker", True),
        (("cms.lamarzocco.io", 80), "maker", False),
        (("www.example.com", 443), "maker", False),
        (("cms.lamarzocco.io.example.com", 443), "maker", False),
        ((PUBLIC, 443), "maker", False),
        (("www.example.com", 443), "public", True),
        (("www.example.com", 80), "public", True),
    ],
)
def test_whom_the_proxy_leads_to(monkeypatch, address, reach, works):
    routes(monkeypatch)
    resolver(monkeypatch, [PUBLIC])
    server = asked(address, reach=reach)
    assert (server.error is None) == works
    assert server.address == ((PUBLIC, address[1]) if works else address)
    assert server.sni == (address[0] if works and reach == "maker" else None)


@pytest.mark.parametrize("reach", ["maker", "public"])
@pytest.mark.parametrize("answer", ["127.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "::ffff:10.1.2.3"])
def test_a_name_that_leads_into_the_own_network_is_refused(monkeypatch, caplog, reach, answer):
    resolver(monkeypatch, [answer])
    with caplog.at_level(logging.WARNING, "lmdecode"):
        server = asked(("cms.lamarzocco.io", 443), reach=reach)
    assert "cms.lamarzocco.io:443 is this computer, or in a private network" in server.error
    assert "refused" in caplog.text


def test_a_name_that_nobody_knows_is_not_looked_up_again(monkeypatch):
    resolver(monkeypatch, [])  # a second question would be StopIteration
    assert "does not know this name" in asked(("cms.lamarzocco.io", 443)).error


def test_a_fault_lets_nothing_through(monkeypatch):
    resolver(monkeypatch)
    server = asked(("cms.lamarzocco.io", 443))
    assert "while the name was looked up" in server.error


@pytest.mark.parametrize("mode", ["reverse:tcp://192.168.1.215:1774", "transparent", "wireguard", "local"])
@pytest.mark.parametrize("reach", ["maker", "public"])
def test_what_the_user_chose_is_the_users_wish(mode, reach):
    server = asked(("192.168.1.215", 1774), mode=mode, reach=reach)
    assert (server.error, server.address) == (None, ("192.168.1.215", 1774))


def test_the_users_own_upstream_proxy_and_scripts():
    assert asked(("192.168.1.9", 3128), mode="upstream:http://192.168.1.9:3128").error is None
    assert asked(("192.168.1.8", 3128), mode="upstream:http://192.168.1.9:3128").error is not None
    server = asked(("cms.lamarzocco.io", 443), script=("127.0.0.1", 8443))
    assert (server.error, server.address) == (None, ("127.0.0.1", 8443))
    assert asked(("127.0.0.1", 80), reach="all").error is None
