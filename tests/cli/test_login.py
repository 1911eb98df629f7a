"""`lmdecode login` and `lmdecode config`, as processes, against a cloud with TLS."""

from __future__ import annotations

import json
import os
import socket
import subprocess

import pytest

from lmdecode.config import SAMPLE_KEY
from tests.cloud.fake_cloud import fleet, machine, serving, tokens
from tests.cloud.leaks import leaks

KEY = "hush-key-\xe4\xff+/=%&" + "k" * 16
SECRET, PASSWORD, ACCESS = "hush+secret/=%25", 'hush p\xe4ss"w%rd', "hush-access-token"
SECRETS = [KEY, SECRET, PASSWORD, ACCESS]
KNOWN = {"client_id": "hush-id-0123456789", "client_secret": SECRET, "username": "me@example.com", "mine": 7}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def cloud(served):
    served.fleet, served.tokens, served.mood = fleet(machine(KEY)), tokens(ACCESS), ""
    served.asked.clear()
    return served


@pytest.fixture(name="config", autouse=True)
def with_config(command):
    path = command.folder / "config.json"
    path.write_text(json.dumps(KNOWN))
    return path


@pytest.fixture
def login(command, cloud):
    def run(*arguments, password=PASSWORD):
        return subprocess.run(
            [*command.line, "login", "--cloud-url", f"https://localhost:{cloud.port}", *arguments],
            cwd=command.folder,
            env=command.environment | {"REQUESTS_CA_BUNDLE": str(cloud.ca_file), "NO_PROXY": "*"},
            input=f"{password}\n",
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    return run


def test_the_machines_and_their_keys(login, config, command, cloud):
    result = login("--password-stdin")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "kitchen (GS3 AV, GS012345): key **\n"
    entries = json.loads(config.read_text())
    assert entries == KNOWN | {
        "key": KEY,
        "serial_number": "GS012345",
        "machine_name": "kitchen",
        "model_name": "GS3 AV",
    }
    assert config.stat().st_mode & 0o777 == 0o600
    assert cloud.asked == ["/oauth/v2/token", "/api/customer"]
    (command.folder / "said").write_text(result.stdout + result.stderr)
    assert leaks(command.folder, SECRETS, allowed=[config]) == []


def test_what_is_kept_if_asked_to(login, config):
    result = login("--password-stdin", "--save-password", "--save-tokens", "--show-secrets")
    assert KEY in result.stdout
    entries = json.loads(config.read_text())
    assert (entries["password"], entries["access_token"]) == (PASSWORD, ACCESS)


@pytest.mark.parametrize(
    ("mood", "line"),
    [
        ("401", "the cloud rejected the login (401)"),
        ("400", "the cloud rejected the login (400)"),
        ("503", "the cloud has a problem of its own (503"),
        ("html", "the answer to the login is a web page instead of JSON"),
        ("malformed", "the answer to the login is not JSON"),
    ],
)
def test_a_login_that_failed_is_tried_once_and_changes_nothing(login, config, cloud, mood, line):
    cloud.mood = mood
    result = login("--password-stdin")
    assert result.returncode == 1
    assert line in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert cloud.asked == ["/oauth/v2/token"]
    assert json.loads(config.read_text()) == KNOWN


def test_no_machines_in_the_account(login, config, cloud):
    cloud.fleet = fleet()
    result = login("--password-stdin")
    assert result.returncode == 1
    assert "this account has no machines" in result.stderr
    assert "key" not in json.loads(config.read_text())


def test_nobody_to_ask(login, config):
    config.write_text("{}")
    result = login("--password-stdin")
    assert (result.returncode, result.stdout) == (1, "")
    assert "no client id, and nobody to ask: lmdecode harvest finds it" in result.stderr


def test_no_password_on_standard_input(login):
    assert "there is no password on standard input" in login("--password-stdin", password="").stderr


def test_a_cloud_that_is_not_trusted(command, cloud):
    result = command("login", "--cloud-url", f"https://localhost:{cloud.port}", "--password-stdin")
    assert "there is no password" in result.stderr
    result = subprocess.run(
        [*command.line, "login", "--password-stdin", "--cloud-url", f"https://localhost:{cloud.port}"],
        cwd=command.folder,
        env=command.environment | {"NO_PROXY": "*"},
        input="x\n",
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert "has a certificate that this computer does not trust" in result.stderr
    assert cloud.asked == []


def test_a_cloud_that_is_not_there(login):
    result = login("--password-stdin", "--cloud-url", "https://localhost:1")
    assert result.returncode == 1
    assert "cannot be reached" in result.stderr
    assert PASSWORD not in result.stderr


def test_a_password_is_not_sent_in_the_open(login):
    assert "a password is only sent to https" in login("--password-stdin", "--cloud-url", "http://example.com").stderr


# The configuration


def test_show_masks_what_is_secret(command, config):
    config.write_text(json.dumps(KNOWN | {"key": KEY, "machines": [{"machine_name": "office", "key": KEY}]}))
    result = command("config", "show")
    assert "client_secret: **" in result.stdout
    assert "machine_name: office" in result.stdout
    (command.folder / "said").write_text(result.stdout + command("config", "show", "-f", "json").stdout)
    assert leaks(command.folder, SECRETS, allowed=[config]) == []
    assert json.loads(command("config", "show", "-f", "json", "--show-secrets").stdout)["key"] == KEY


def test_check_finds_what_is_wrong(command, config):
    config.chmod(0o644)
    complaint = command.fails("config", "check")
    assert "others on this computer can read it (mode 644): chmod 600 config.json" in complaint
    assert 'config.json: there is no "key": lmdecode harvest finds it' in complaint
    config.write_text(json.dumps({"key": "short", "port": "x", "model_name": "GS4"}))
    complaint = command.fails("config", "check")
    for words in ("the key has 5 bytes", '"port" is not a port', '"model_name" is not a known model: GS3 AV'):
        assert words in complaint


def test_check_tries_whether_the_machine_is_there(command, config):
    with socket.create_server(("127.0.0.1", 0)) as there:
        port = there.getsockname()[1]
        config.write_text(json.dumps({"host": "127.0.0.1", "port": str(port), "key": KEY}))
        config.chmod(0o600)
        result = command("config", "check")
        assert (result.returncode, result.stderr) == (0, "")
        assert f"127.0.0.1:{port} answers" in result.stdout
        assert "1 machine with a key, nothing wrong" in result.stdout
    assert "cannot be reached" in command.fails("config", "check")
    assert command("config", "check", "--offline").returncode == 0


def test_set_keeps_the_rest(command, config):
    assert command("config", "set", "host", "192.168.1.215").returncode == 0
    assert json.loads(config.read_text()) == KNOWN | {"host": "192.168.1.215"}
    assert config.stat().st_mode & 0o777 == 0o600
    assert command("config", "set", "host", "192.168.1.216", "--machine", "office").returncode == 0
    assert json.loads(config.read_text())["machines"] == [{"machine_name": "office", "host": "192.168.1.216"}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("key", "x" * 32), "key is a secret, and others can see a command line"),
        (("port", "70000"), "is not a port"),
        (("model_name", "GS4"), "is not a known model"),
        (("machines", "x"), "is a list"),
        (("host",), "no value is given"),
    ],
)
def test_set_refuses(command, config, arguments, words):
    assert words in command.fails("config", "set", *arguments, code=2)
    assert json.loads(config.read_text()) == KNOWN


def test_set_takes_a_secret_from_standard_input(command, config):
    for given, code in ((KEY, 0), ("short", 2)):
        result = subprocess.run(
            [*command.line, "config", "set", "key"],
            cwd=command.folder,
            env=command.environment,
            input=f"{given}\n",
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert result.returncode == code
        assert given not in result.stdout + result.stderr
    assert json.loads(config.read_text())["key"] == KEY


def test_no_config_at_all(command, config):
    config.unlink()
    complaint = command.fails("config", "show")
    assert "lmdecode harvest makes one" in complaint
    assert "lmdecode login needs what harvest finds" in complaint


@pytest.mark.skipif(os.name != "posix", reason="a terminal of its own is only had on POSIX")
def test_the_password_is_asked_for_and_not_shown(command, cloud):
    import pty

    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [*command.line, "login", "--cloud-url", f"https://localhost:{cloud.port}"],
        cwd=command.folder,
        env=command.environment | {"REQUESTS_CA_BUNDLE": str(cloud.ca_file), "NO_PROXY": "*"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    while b"password: " not in shown:  # with the space, which is there once the terminal shows nothing any more
        shown += os.read(main, 1000)
    os.write(main, PASSWORD.encode() + b"\n")
    try:
        while piece := os.read(main, 1000):
            shown += piece
    except OSError:  # the terminal's other end is closed
        pass
    os.close(main)
    assert process.wait(30) == 0
    assert b"kitchen (GS3 AV, GS012345): key **" in shown
    assert PASSWORD.encode() not in shown


def test_another_users_password_is_not_left_beside_the_new_name(login, config):
    config.write_text(json.dumps(KNOWN | {"password": "hush old"}))
    assert login("--username", "new@example.com", "--password-stdin").returncode == 0
    entries = json.loads(config.read_text())
    assert entries["username"] == "new@example.com"
    assert "password" not in entries


@pytest.mark.parametrize("answer", [5, None, ["error"], {"access_token": "x", "token_type": 5}])
def test_answers_that_the_library_does_not_expect(login, cloud, answer):
    cloud.tokens = answer
    result = login("--password-stdin")
    assert "Traceback" not in result.stderr
    assert PASSWORD not in result.stderr


def test_secrets_that_are_no_text_are_masked_too(command, config):
    config.write_text(json.dumps({"password": 12345678, "key": ["sekret"], "machines": [{"key": {"x": "sekret"}}]}))
    shown = command("config", "show").stdout
    assert "sekret" not in shown
    assert "12345678" not in shown


@pytest.mark.usefixtures("config")
def test_the_result_as_json(login):
    result = login("--password-stdin", "--json")
    found = json.loads(result.stdout)
    assert [(each["machine_name"], each["key"]) for each in found["machines"]] == [("kitchen", "**")]
    assert found["saved"]["path"] == "config.json"
    assert "next: lmdecode discover, which finds the machine's address" in result.stderr
    assert json.loads(login("--password-stdin", "--json", "--show-secrets").stdout)["machines"][0]["key"] == KEY


def test_nothing_goes_into_a_file_with_the_published_key(login, config, cloud):
    sample = KNOWN | {"key": SAMPLE_KEY}
    config.write_text(json.dumps(sample))
    result = login("--password-stdin")
    assert result.returncode == 1
    assert "config.json has the published key of the samples" in result.stderr
    assert json.loads(config.read_text()) == sample
    assert cloud.asked == []
