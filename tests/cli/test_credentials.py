"""`lmdecode credentials`: flows that a real mitmdump saved, and archives as different programs export them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from urllib.parse import urlencode

import pytest

from lmdecode.config import SAMPLE_KEY
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
    result = command("credentials", "login.har", "--output", "config.json", "--save-password")
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
    result = command("credentials", "login.flow", "-o", "config.json", "--save-password")
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


@pytest.mark.parametrize("name", ["nowhere.flow", "capture.pcap"])
def test_a_file_that_cannot_be_read_is_not_said_to_lack_anything(command, name):
    (command.folder / "capture.pcap").write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
    result = command("credentials", name)
    assert result.returncode == 1
    assert result.stdout == ""  # "still missing" would send its reader to the phone for a new recording
    assert result.stderr.startswith(f"lmdecode: {name}: ")
    assert result.stderr.count("\n") == 1


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


def test_nothing_is_written_unasked(command):
    (command.folder / "login.har").write_text(EXPORTS["Chrome"])
    result = command("credentials", "login.har")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("nothing was saved; to save it, add --save or --config FILE\n")
    assert not (command.folder / "home").exists()


@pytest.mark.parametrize("here", [False, True])
def test_saved_where_all_commands_look(command, here):
    (command.folder / "login.har").write_text(EXPORTS["Chrome"])
    if here:
        (command.folder / "config.json").write_text("{}")
    result = command("credentials", "login.har", "--save", "--tokens")
    path = command.folder / ("config.json" if here else "home/config/lmdecode/config.json")
    assert f"{path.relative_to(command.folder) if here else path} has client id" in result.stdout
    assert "the password was not saved: lmdecode login asks for it; to save it, add --save-password" in result.stderr
    entries = json.loads(path.read_text())
    assert "password" not in entries
    assert (entries["key"], entries["access_token"]) == (KEY, "hush-at")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_password_that_is_there_is_kept_up_to_date(command):
    (command.folder / "login.har").write_text(EXPORTS["Chrome"])
    (command.folder / "config.json").write_text(json.dumps({"username": LOGIN["username"], "password": "old"}))
    result = command("credentials", "login.har", "--save", "--replace")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads((command.folder / "config.json").read_text())["password"] == LOGIN["password"]


def test_another_users_password_does_not_stay_beside_the_new_name(command):
    (command.folder / "login.har").write_text(EXPORTS["Chrome"])
    (command.folder / "config.json").write_text(json.dumps({"username": "other", "password": ""}))
    command("credentials", "login.har", "--save", "--replace")
    entries = json.loads((command.folder / "config.json").read_text())
    assert (entries["username"], entries.get("password")) == (LOGIN["username"], None)


@pytest.mark.skipif(os.name != "posix", reason="a terminal of its own is only had on POSIX")
@pytest.mark.parametrize("answer", ["y", ""])
def test_on_a_terminal_it_asks_for_the_password(command, answer):
    import pty

    (command.folder / "login.har").write_text(EXPORTS["Chrome"])
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [*command.line, "credentials", "login.har", "--save"],
        cwd=command.folder, env=command.environment, stdin=terminal, stdout=terminal, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    while b"[y/N]: " not in shown:
        shown += os.read(main, 1000)
    os.write(main, f"{answer}\n".encode())
    assert process.wait(30) == 0
    os.close(main)
    entries = json.loads((command.folder / "home/config/lmdecode/config.json").read_text())
    assert entries.get("password") == (LOGIN["password"] if answer else None)


def test_json_masks_what_is_secret(command):
    (command.folder / "login.har").write_text(EXPORTS["Chrome"])
    result = command("credentials", "login.har", "--json")
    found = json.loads(result.stdout)
    assert (found["client_id"], found["password"], found["saved"], found["missing"]) == ("**", "**", None, [])
    assert found["machines"] == [
        {"machine_name": "kitchen", "serial_number": "S1", "model_name": "GS3 AV", "key": "**"}
    ]
    assert not any(secret in result.stdout for secret in SECRETS)
    shown = json.loads(command("credentials", "login.har", "--json", "--show-secrets").stdout)
    assert shown["machines"][0]["key"] == KEY
    (command.folder / "x.har").write_text('{"log": {"entries": []}}')
    assert "it has no requests" in json.loads(command("credentials", "x.har", "--json").stdout)["complaints"][0]
    empty = json.dumps({"log": {"entries": [{"request": {"method": "GET", "url": "https://x/"}}]}})
    (command.folder / "y.har").write_text(empty)
    assert json.loads(command("credentials", "y.har", "--json").stdout)["state"] == "failed"


@pytest.mark.parametrize("content", [None, b"", b"\xd4\xc3\xb2\xa1\x02\0\4\0" + b"\0" * 16, b"nonsense"])
def test_what_could_not_be_read_is_said_once(command, content):
    if content is not None:
        (command.folder / "x").write_bytes(content)
    complaint = command.fails("credentials", "x")
    assert len(complaint.splitlines()) == 1
    assert "record while you log out" not in complaint


def test_a_missing_package_is_said_once(command):
    (command.folder / "x.flow").write_bytes(b"12:nonsense")
    (command.folder / "mitmproxy.py").write_text("raise ModuleNotFoundError(name='mitmproxy')")
    complaint = command.fails("credentials", "x.flow", PYTHONPATH=str(command.folder))
    assert "looks like flows that mitmproxy saved" in complaint
    assert len(complaint.splitlines()) == 1


def test_findings_do_not_go_beside_the_published_key(command):
    sample = json.dumps({"host": "192.168.1.215", "port": "1774", "key": SAMPLE_KEY})
    (command.folder / "config.json").write_text(sample)
    (command.folder / "login.har").write_text(EXPORTS["Chrome"])
    complaint = command.fails("credentials", "login.har", "-o", "config.json")
    assert "config.json has the published key of the samples" in complaint
    assert "name another file with --config" in complaint
    assert (command.folder / "config.json").read_text() == sample


def test_a_made_up_login_with_the_published_key_does_not_go_beside_an_owners(command):
    (command.folder / "login.har").write_text(EXPORTS["Chrome"].replace(KEY, SAMPLE_KEY))
    assert command("credentials", "login.har", "-o", "made-up.json").returncode == 0
    assert command("credentials", "login.har", "-o", "made-up.json").returncode == 0  # once more changes nothing
    own = json.dumps({"key": "o" * 32})
    (command.folder / "config.json").write_text(own)
    complaint = command.fails("credentials", "login.har", "-o", "config.json", "--replace")
    assert "config.json is yours" in complaint
    assert (command.folder / "config.json").read_text() == own
