"""The cloud of today with real parts: a client, mitmdump between, TLS on both sides; saved, decoded, searched."""

from __future__ import annotations

import json
import ssl
import sys

import pytest

pytest.importorskip("mitmproxy", reason="mitmproxy is not installed beside lmdecode")

import websocket

from tests.cli.conftest import Command
from tests.cloud.fake_cloud import LION
from tests.cloud.mitmdump import PATIENCE, mitmdump

API = f"https://{LION}/api/customer-app"
ACCOUNT = {"username": "hush@example.com", "password": "hush pw"}
SIGNED = {"X-App-Installation-Id": "0e4d3c2b-1a09-4f8e-9d7c-6b5a49382716"}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, cloud):
    folder = tmp_path_factory.mktemp("recorded")
    options = "-w", str(folder / "lion.flow"), "--set", f"hardump={folder / 'lion.har'}"

    with mitmdump(sys.executable, folder, cloud, *options, "--set", f"lm_config={folder / 'config.json'}") as proxy:
        with proxy.client(http2=True) as client:
            client.post(f"{API}/auth/signin", json=ACCOUNT, headers=SIGNED).raise_for_status()
            client.get(f"{API}/things", headers=SIGNED).raise_for_status()
        context = ssl.create_default_context(cafile=str(folder / "mitmproxy-ca-cert.pem"))
        followed = websocket.create_connection(
            f"wss://{LION}/ws/connect",
            sslopt={"context": context},
            http_proxy_host="127.0.0.1",
            http_proxy_port=proxy.port,
            proxy_type="http",
            timeout=PATIENCE,
        )
        followed.send("CONNECT\nhost:lion.lamarzocco.io\nAuthorization:Bearer hush\n\n\0")
        assert followed.recv().startswith("MESSAGE")
        followed.close()
        proxy.news("nothing is missing")
        proxy.interrupt()
    return folder


@pytest.mark.parametrize("name", ["lion.flow", "lion.har"])
def test_what_mitmdump_saved_is_decoded(recorded, name):
    result = Command(recorded)("decode", name)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert {record["generation"] for record in records} == {"lion"}
    subjects = [record["subject"] for record in records]
    assert "POST /api/customer-app/auth/signin" in subjects
    (push,) = [record for record in records if record["subject"] == "MESSAGE /ws/sn/MR012345/dashboard"]
    assert push["fields"]["coffee_set_temp"] == 94.0
    assert (push["sender"], push["machine"]) == ("machine", "MR012345")
    assert "hush" not in result.stdout
    assert [record["time"] for record in records] == sorted(record["time"] for record in records)


@pytest.mark.parametrize("name", ["lion.flow", "lion.har"])
def test_its_credentials_are_found(recorded, name):
    found = json.loads(Command(recorded)("credentials", name, "--json", "--show-secrets").stdout)
    assert (found["username"], found["installation_id"]) == ("hush@example.com", SIGNED["X-App-Installation-Id"])
    assert found["machines"][0]["ble_token"] == "0123456789abcdef" * 4
    assert found["missing"] == []


def test_the_addon_found_them_too(recorded):
    entries = json.loads((recorded / "config.json").read_text(encoding="utf-8"))
    assert entries["ble_token"] == "0123456789abcdef" * 4
    assert entries["username"] == "hush@example.com"
