"""`lmdecode credentials`: flows that a real mitmdump saved, and archives as different programs export them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from urllib.parse import urlencode

import pytest

from tests.cloud.leaks import leaks

KEY = "hush-key-" + "k" * 23
LOGIN = {"client_id": "hush-id", "client_secret": "hush secret", "username": "hush@x", "password": "hush pw+%"}
SECRETS = [KEY, *LOGIN.values()]
FLEET = {
    "data": {
        "fleet": [
            {"communicationKey": KEY, "name": "kitchen", "machine": {"serialNumber": "S1", "model": {"name": "GS3 AV"}}}
        ]
    }
}
TOKENS = {"access_token": "hush-at", "expires_in": 3600}
HOST = "https://cms.lamarzocco.io"


def entry(method, path, answer, *, status=200, post=None, headers=(), content=None):
    text = json.dumps(answer)
    return {
        "startedDateTime": "2026-11-21T02:55:55.174Z",
        "request": {"method": method, "url": HOST + path, "headers": list(headers), "postData": post},
        "response": {"status": status, "headers": [], "content": content or {"text": text}},
    }


def har(post, headers=(), *, status=200, content=None):
    entries = [
        entry("POST", "/oauth/v2/token", TOKENS, post=post, headers=headers, status=status),
        entry("GET", "/api/customer", FLEET, content=content),
    ]
    return json.dumps({"log": {"version": "1.2", "entries": entries}})


FORM = "application/x-www-form-urlencoded"
EXPORTS = {
    "Chrome": har({"mimeType": FORM, "text": urlencode(LOGIN)}),
    "Charles": har({"mimeType": FORM, "params": [{"name": name, "value": value} for name, value in LOGIN.items()]}),
    "Firefox": har(
        {"mimeType": FORM, "text": urlencode(LOGIN)},
        content={"text": base64.b64encode(json.dumps(FLEET).encode()).decode(), "encoding": "base64"},
    ),
    "JSON": har({"mimeType": "application/json", "text": json.dumps(LOGIN)}),
    "upper-case headers": har(
        {"mimeType": FORM, "text": urlencode({name: LOGIN[name] for name in ("username", "password")})},
        [{"name": "CLIENT_ID", "value": "hush-id"}, {"name": "Client_Secret", "value": "hush secret"}],
    ),
}


@pytest.mark.parametrize("program", EXPORTS)
def test_archives(command, program):
    (command.folder / "login.har").write_text(EXPORTS[program])
    result = command("credentials", "login.har", "--output", "config.json")
    assert (result.returncode, result.stderr) == (0, "")
    config = command.folder / "config.json"
    assert config.stat().st_mode & 0o777 == 0o600
    entries = json.loads(config.read_text())
    assert {name: entries[name] for name in LOGIN} == LOGIN
    assert entries["key"] == KEY
    (command.folder / "said").write_text(result.stdout)
    assert leaks(command.folder, SECRETS, allowed=[config, command.folder / "login.har"]) == []


def test_secrets_if_asked_for(command):
    (command.folder / "login.har").write_text(EXPORTS["Chrome"])
    assert KEY in command("credentials", "login.har", "--show-secrets").stdout


def test_flows_that_mitmproxy_saved(command):
    script = f"""
import sys
from mitmproxy import io
from mitmproxy.test import tflow, tutils
def flow(method, path, content, answer):
    request = tutils.treq(method=method, host="cms.lamarzocco.io", path=path, content=content)
    request.headers["content-type"] = {FORM!r}
    return tflow.tflow(req=request, resp=tutils.tresp(content=answer))
with open(sys.argv[1], "wb") as file:
    writer = io.FlowWriter(file)
    writer.add(flow(b"POST", b"/oauth/v2/token", {urlencode(LOGIN).encode()!r}, {json.dumps(TOKENS).encode()!r}))
    writer.add(flow(b"GET", b"/api/customer", b"", {json.dumps(FLEET).encode()!r}))
    writer.add(tflow.ttcpflow())
"""
    path = command.folder / "login.flow"
    subprocess.run([sys.executable, "-c", script, path], check=True, env=os.environ)
    result = command("credentials", "login.flow", "-o", "config.json")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads((command.folder / "config.json").read_text())["key"] == KEY
    path.write_bytes(path.read_bytes()[:-40])
    result = command("credentials", "login.flow")
    assert result.returncode == 1
    assert "damaged or cut short after 2 flows" in result.stderr
    assert "kitchen" in result.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("nonsense", "is neither flows that mitmproxy saved nor an HTTP archive"),
        ("{}", "it has no requests"),
        ('{"log": {"entries": []}}', "it has no requests"),
        ("12:nonsense", "damaged or cut short after 0 flows"),
        (
            har({"mimeType": FORM, "text": urlencode(LOGIN)}, status=401, content={"text": "{}"}),
            "the cloud rejected the login (401)",
        ),
    ],
)
def test_files_without(command, content, words):
    (command.folder / "x").write_text(content)
    complaint = command.fails("credentials", "x")
    assert words in complaint
    assert "hush" not in complaint


def test_a_file_that_cannot_be_read_is_not_said_to_lack_requests(command):
    complaint = command.fails("credentials", "nowhere.flow")
    assert "nowhere.flow: cannot be read" in complaint
    assert "no requests to" not in complaint


def test_an_archive_that_is_cut_short_gives_what_it_has(command):
    text = EXPORTS["Chrome"]
    (command.folder / "x").write_text(text[: text.index("/api/customer")])
    result = command("credentials", "x", "--output", "config.json")
    assert result.returncode == 1
    assert "damaged or cut short after 1 request" in result.stderr
    assert json.loads((command.folder / "config.json").read_text())["client_id"] == "hush-id"


def test_a_file_that_is_not_there(command):
    assert "nowhere: " in command.fails("credentials", "nowhere")


def test_a_key_that_is_there_is_replaced_only_if_asked_for(command):
    mine = {"key": "o" * 32, "serial_number": "S1", "machine_name": "mine"}
    (command.folder / "login.har").write_text(EXPORTS["JSON"])
    (command.folder / "config.json").write_text(json.dumps(mine))
    result = command("credentials", "login.har", "-o", "config.json")
    assert result.returncode == 0
    assert "keeps its own key of kitchen" in result.stdout
    assert "to replace it, add --replace" in result.stderr
    entries = json.loads((command.folder / "config.json").read_text())
    assert entries.items() >= mine.items()
    assert entries["username"] == LOGIN["username"]
    assert "--replace" not in command("credentials", "login.har", "-o", "config.json", "--replace").stderr
    entries = json.loads((command.folder / "config.json").read_text())
    assert entries["key"] == KEY
    assert entries["machines"] == [{"machine_name": "mine (old key)", "key": "o" * 32}]
