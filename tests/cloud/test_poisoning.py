"""The addon in a real mitmdump, and clients that want to put something of theirs into the owner's file."""

from __future__ import annotations

import json
import socket

import pytest

from tests.cloud.fake_cloud import CLOUD, CUSTOMER, STRANGER, TOKEN, fleet, machine, tokens
from tests.cloud.mitmdump import PATIENCE, mitmdump
from tests.cloud.poison import KEY as ATTACKERS_KEY
from tests.cloud.poison import Poisoner

KEY = "k" * 32
LOGIN = {"client_id": "id", "client_secret": "secret", "username": "me@example.com", "password": "password"}
MINE = {"key": "o" * 32, "serial_number": "GS012345", "machine_name": "mine", "client_id": "id", "client_secret": "old"}


@pytest.fixture(autouse=True)
def owner(cloud):
    cloud.fleet, cloud.tokens = fleet(machine(KEY)), tokens()


@pytest.fixture
def attacker():
    with Poisoner() as attacker:
        yield attacker


def ask(proxy, request):
    with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as client:
        client.sendall(request)
        return client.recv(65536)


def log_in(proxy):
    with proxy.client() as client:
        client.post(TOKEN, data=LOGIN)
        client.get(CUSTOMER)


def test_it_does_not_lead_to_this_computer(proxy, attacker, cloud):
    proxy.set(test_port=0)
    try:
        for request in attacker.requests():
            assert b" 502 " in ask(proxy, request)
        for place in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "10.0.0.1"):
            assert b" 502 " in ask(proxy, f"CONNECT {place}:{attacker.port} HTTP/1.1\r\n\r\n".encode())
        proxy.news(f"127.0.0.1 asked for 127.0.0.1:{attacker.port}", "in a private network; refused")
    finally:
        proxy.set(test_port=cloud.port)
    assert attacker.asked == []
    assert not proxy.config.exists()


def test_plain_http_is_no_finding(proxy, attacker, cloud):
    proxy.config.write_text(json.dumps(MINE))
    proxy.set(test_port=attacker.port)  # which is evil.example.com then
    try:
        for request in attacker.requests("evil.example.com"):
            assert b" 200 " in ask(proxy, request)
        proxy.news(f"an answer in the name of {CLOUD} came from plain HTTP, so it is not used; 127.0.0.1 asked")
    finally:
        proxy.set(test_port=cloud.port)
    assert len(attacker.asked) == 2
    assert json.loads(proxy.config.read_text()) == MINE


@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_another_host_in_the_name_of_the_cloud_is_no_finding(proxy, cloud, http2):
    cloud.fleet = fleet(machine(ATTACKERS_KEY))
    proxy.set(lm_only="false")
    try:
        with proxy.client(http2=http2) as client:
            assert client.get(f"https://{STRANGER}/api/customer", headers={"host": CLOUD}).is_success
    finally:
        proxy.set(lm_only="true")
    assert not proxy.config.exists()
    if not http2:
        assert f"an answer in the name of {CLOUD} came from a server that did not prove to be it" in proxy.output


def test_what_is_in_the_file_stays_until_its_owner_says_so(proxy):
    proxy.config.write_text(json.dumps(MINE))
    log_in(proxy)
    proxy.news("keeps its own client secret and key of kitchen", "set lm_replace=true")
    entries = json.loads(proxy.config.read_text())
    assert entries == MINE | {"username": LOGIN["username"], "password": LOGIN["password"]}
    proxy.set(lm_replace="true")
    try:
        proxy.news("has client secret, kitchen")
    finally:
        proxy.set(lm_replace="false")
    entries = json.loads(proxy.config.read_text())
    assert (entries["key"], entries["client_secret"]) == (KEY, "secret")
    assert entries["machines"] == [{"machine_name": "mine (old key)", "key": "o" * 32}]


def test_without_certificates_nothing_is_taken(python, cloud, tmp_path):
    with mitmdump(python, tmp_path, cloud, "--set", "ssl_insecure=true") as proxy:
        assert "ssl_insecure is on: anybody could pose as the cloud, so nothing is taken" in proxy.output
        log_in(proxy)
        proxy.set(ssl_insecure="false")
        log_in(proxy)  # over connections that were made before, perhaps
        assert proxy.interrupt() == 0
    assert not (tmp_path / "config.json").exists()
    assert "Traceback" not in proxy.output
