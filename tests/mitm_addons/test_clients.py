"""Clients of the proxy, and what one of them can take from the others."""

from __future__ import annotations

import asyncio
import types
import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # at what mitmproxy imports
    pytest.importorskip("mitmproxy")
    from mitmproxy.test import tflow

from lmdecode.mitm import clients as module
from lmdecode.mitm.clients import Clients


def a_client(peer, number=0, own="192.168.1.7"):
    client = tflow.tclient_conn()
    client.id, client.peername, client.sockname = f"{peer} {number}", (peer, 5000), (own, 8080)
    return client


@pytest.mark.parametrize(
    ("peer", "own", "served"),
    [
        ("192.168.1.23", "192.168.1.7", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("100.64.0.9", "100.64.0.7", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("fd00::1", "fd00::2", True),
        ("::ffff:192.168.1.23", "::ffff:192.168.1.7", True),
        ("2a00:1450::1", "2a00:1450::2", True),
        ("2a00:1450::1", "2a00:1450:0:1::2", False),
        ("93.184.215.14", "93.184.215.15", False),
        ("::ffff:93.184.215.14", "::ffff:192.168.1.7", False),
        ("nonsense", "192.168.1.7", False),
    ],
)
def test_who_is_served(peer, own, served):
    assert (Clients().refusal(a_client(peer, own=own)) == "") == served


def test_one_client_leaves_room_for_others():
    clients = Clients()
    admitted = []
    for number in range(200):
        client = a_client("192.168.1.66", number)
        if not clients.refusal(client):
            clients.admit(client, {})
            admitted.append(client)
    assert 0 < len(admitted) < 200
    assert "too many" in clients.refusal(admitted[0])
    assert clients.refusal(a_client("192.168.1.23")) == ""
    for client in admitted:
        clients.leave(client)
    assert clients.refusal(a_client("192.168.1.66")) == ""


async def sent(sizes, *, between=lambda _clients, _client: None, wait=0.0):
    """How many bytes mitmproxy reads of what a client sends."""
    reader = asyncio.StreamReader(limit=1 << 30)
    client, clients = a_client("192.168.1.66"), Clients()
    handler = types.SimpleNamespace(transports={client: types.SimpleNamespace(reader=reader)})
    clients.admit(client, {client.id: handler})
    total = 0
    for size in sizes:
        reader.feed_data(bytes(size))
        goal = total + size
        while total < goal:
            data = await reader.read(65535)
            if not data:
                return total
            total += len(data)
        between(clients, client)
    if wait:
        assert await asyncio.wait_for(reader.read(1), wait) == b""
    return total


def test_a_request_that_never_begins_ends(monkeypatch):
    assert asyncio.run(sent([1 << 20])) <= 64 << 10
    monkeypatch.setattr(module, "_PATIENCE", 0.05)
    assert asyncio.run(sent([9], wait=5.0)) == 9


def test_requests_one_after_the_other_have_no_end():
    assert asyncio.run(sent([1000] + [2 << 20] * 10, between=Clients.asked)) == 1000 + (20 << 20)


def test_a_request_that_never_ends_ends():
    asked = iter([Clients.asked])

    def first_only(clients, client):
        next(asked, lambda *_: None)(clients, client)

    assert asyncio.run(sent([1000] + [1 << 20] * 10, between=first_only)) <= 5 << 20


def test_what_is_passed_through_is_not_counted():
    assert asyncio.run(sent([1000] + [1 << 20] * 10, between=Clients.passed_through)) == 1000 + (10 << 20)
