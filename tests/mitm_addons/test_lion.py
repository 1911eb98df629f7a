"""A client, a real mitmdump with the addon, and a stand-in for the maker's cloud, over TLS.

What is looked at: the log, the screen, and what the saved flows say.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import websocket

from tests.cloud.mitmdump import HELPER, PATIENCE
from tests.mitm_addons.fake_lion import ACCESS, BASE, EMAIL, LION, PASSWORD, SECRETS, SERIAL, fake_lion
from tests.mitm_addons.proxies import TRAFFIC, wait_for

TARGET = "CoffeeMachineSettingCoffeeBoilerTargetTemperature"


@dataclass
class Recorded:
    """What a session left behind."""

    output: str
    log: list[dict[str, Any]]
    flows: Path


def talk(port: int, ca: Path) -> None:
    """Sign in, look, set a temperature, and listen to two pushes."""
    proxy = f"http://127.0.0.1:{port}"
    context = ssl.create_default_context(cafile=str(ca))
    signed = {"Authorization": f"Bearer {ACCESS}", "X-App-Installation-Id": "0e4d3c2b-1a09-4f8e-9d7c-6b5a49382716"}
    with httpx.Client(proxy=proxy, verify=context, timeout=PATIENCE, http2=True) as client:
        client.post(f"{BASE}/auth/signin", json={"username": EMAIL, "password": PASSWORD})
        client.get(f"{BASE}/things", headers=signed)
        client.get(f"{BASE}/things/{SERIAL}/dashboard", headers=signed)
        client.get(f"{BASE}/things/{SERIAL}/settings", headers=signed)
        client.post(
            f"{BASE}/things/{SERIAL}/command/{TARGET}",
            json={"boilerIndex": 1, "targetTemperature": 94.0},
            headers=signed,
        )
    socket = websocket.create_connection(
        f"wss://{LION}/ws/connect",
        http_proxy_host="127.0.0.1",
        http_proxy_port=port,
        proxy_type="http",
        sslopt={"ca_certs": str(ca)},
        timeout=PATIENCE,
    )
    socket.send(
        f"CONNECT\nhost:{LION}\naccept-version:1.2,1.1,1.0\nheart-beat:0,0\nAuthorization:Bearer {ACCESS}\n\n\0"
    )
    assert socket.recv().startswith("CONNECTED")
    socket.send(f"SUBSCRIBE\ndestination:/ws/sn/{SERIAL}/dashboard\nack:auto\nid:s1\ncontent-length:0\n\n\0")
    assert [socket.recv()[:7] for _ in range(2)] == ["MESSAGE", "MESSAGE"]
    socket.close()


@pytest.fixture(scope="module")
def recorded(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    folder = tmp_path_factory.mktemp("lion")
    with fake_lion(folder) as lion, (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [
                python, "-c", "from mitmproxy.tools.main import mitmdump; mitmdump()",
                "--listen-host", "127.0.0.1", "--listen-port", "0", "--set", f"confdir={folder}",
                "--set", f"ssl_verify_upstream_trusted_ca={lion.ca_file}", "--set", f"test_port={lion.port}",
                "-s", str(TRAFFIC), "-s", str(HELPER), "--set", "flow_detail=3",
                "--set", f"lm_log={folder / 'log.jsonl'}", "-w", str(folder / "saved.flow"),
            ],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env=os.environ | {"PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1", "XDG_CONFIG_HOME": str(folder)},
        )  # fmt: skip

        def said() -> str:
            return (folder / "output").read_text(encoding="utf-8", errors="replace")

        try:
            found = wait_for(lambda: re.search(r"listening at 127\.0\.0\.1:(\d+)", said()), said)
            talk(int(found[1]), folder / "mitmproxy-ca-cert.pem")
            wait_for(lambda: (folder / "log.jsonl").read_text().count("MESSAGE /ws") >= 2, said)
        finally:
            process.terminate()
            process.wait(PATIENCE)
        log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        yield Recorded(said(), log, folder / "saved.flow")


def test_the_log_has_all_that_was_said_in_names_and_units(recorded: Recorded) -> None:
    subjects = [line.get("subject", "") for line in recorded.log]
    for subject in (
        "POST /api/customer-app/auth/signin",
        "200 GET /api/customer-app/things",
        f"POST /api/customer-app/things/{SERIAL}/command/{TARGET}",
        "CONNECTED",
        f"MESSAGE /ws/sn/{SERIAL}/dashboard",
    ):
        assert any(each.startswith(subject) for each in subjects), (subject, subjects)
    assert {line["generation"] for line in recorded.log} == {"lion"}
    asked = next(line for line in recorded.log if TARGET in line["subject"] and line["role"] == "request")
    assert (asked["kind"], asked["fields"]["coffee_set_temp"]) == ("write", 94.0)
    pushes = [line for line in recorded.log if line["subject"].startswith("MESSAGE")]
    assert pushes[0]["fields"]["coffee_set_temp"] == 94.0
    assert pushes[1]["fields"]["machine_status"] == "PoweredOn"
    assert "coffee_set_temp" not in pushes[1]["fields"]  # it is as it was
    assert all(line["machine"] == SERIAL for line in pushes)
    assert not [line["problems"] for line in recorded.log if line["problems"]]


def test_no_secret_is_in_the_log_or_in_our_view(recorded: Recorded) -> None:
    logged = json.dumps(recorded.log, ensure_ascii=False)
    for secret in SECRETS:
        assert secret not in logged
    assert "Traceback" not in recorded.output


def test_the_screen_has_names_and_units(recorded: Recorded) -> None:
    assert "coffee_set_temp: 94.0 °C" in recorded.output
    assert "# machine MESSAGE" in recorded.output
    body = json.dumps({"username": EMAIL, "password": PASSWORD})
    assert body not in recorded.output  # the view masks what it shows


def test_the_saved_flows_say_the_same(recorded: Recorded) -> None:
    decoded = subprocess.run(
        [sys.executable, "-m", "lmdecode", "decode", str(recorded.flows), "-f", "jsonl"],
        capture_output=True, check=True,
    )  # fmt: skip
    lines = [json.loads(line) for line in decoded.stdout.splitlines()]

    def essence(line: dict[str, Any]) -> str:
        return f"{line['sender']} {line['subject']} {json.dumps(line['fields'], sort_keys=True)}"

    assert sorted(map(essence, lines)) == sorted(map(essence, recorded.log))
    for secret in SECRETS:
        assert secret.encode() not in decoded.stdout


def test_a_copy_of_the_flows_to_be_posted_decodes_and_has_no_secret(recorded: Recorded, tmp_path: Path) -> None:
    copy = tmp_path / "copy.flow"
    run = [sys.executable, "-m", "lmdecode"]
    subprocess.run([*run, "redact", str(recorded.flows), str(copy)], capture_output=True, check=True)
    decoded = subprocess.run(
        [*run, "decode", str(copy), "-f", "jsonl", "--show-secrets"], capture_output=True, check=True
    )
    lines = [json.loads(line) for line in decoded.stdout.splitlines()]
    asked = [line for line in lines if TARGET in line["subject"] and line["role"] == "request"]
    assert [line["fields"]["coffee_set_temp"] for line in asked] == [94.0]
    assert sum(line["subject"].startswith("MESSAGE") for line in lines) == 2
    for secret in (*SECRETS, SERIAL):
        assert secret.encode() not in decoded.stdout + copy.read_bytes()
