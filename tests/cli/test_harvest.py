"""`lmdecode harvest` from the first line to a decrypted capture, with a client that does what the app does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections import deque
from types import SimpleNamespace

import httpx
import pytest

from tests.cli.conftest import CAPTURES, Command
from tests.cloud.fake_cloud import CLOUD, CUSTOMER, TOKEN, fleet, machine, serving, tokens
from tests.cloud.leaks import leaks
from tests.cloud.mitmdump import HELPER
from tests.cloud.poison import Poisoner

KEY = "12345678901234567890123456789012"
OWNERS_KEY = "hush-key-" + "k" * 23
LOGIN = {
    "client_id": "hush-id-0123456789",
    "client_secret": "hush+secret/=%25",
    "username": "hush.user@example.com",
    "password": "hush p\xe4ss",
    "grant_type": "password",
}
SECRETS = [KEY, OWNERS_KEY, *[LOGIN[name] for name in ("client_id", "client_secret", "username", "password")]]
PATIENCE = 40


class Running:
    """A harvest in a process of its own, its output in a file."""

    def __init__(self, command, cloud, *options, confdir=None, terminal=None):
        self.folder = command.folder
        self.output = self.folder / "said"
        line = [
            *command.line, "harvest", "--port", "0", "--page-port", "0", "--host", "127.0.0.1",
            "--set", f"confdir={confdir or self.folder / 'mitm'}",
            "--set", f"ssl_verify_upstream_trusted_ca={cloud.ca_file}",
            "--set", f"scripts={HELPER}", "--set", f"test_port={cloud.port}", *options,
        ]  # fmt: skip
        environment = command.environment | {"COLUMNS": "500", "TERM": "xterm"}
        with self.output.open("wb") as file:
            output, given = (file, subprocess.DEVNULL) if terminal is None else (terminal, terminal)
            self.process = subprocess.Popen(
                line, cwd=self.folder, env=environment, stdin=given, stdout=output, stderr=output
            )

    def read_from(self, terminal):
        """Read what is drawn on a terminal, to its end."""
        with self.output.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while drawn := os.read(terminal, 65536):
                file.write(drawn)

    @property
    def said(self):
        return self.output.read_text(encoding="utf-8")

    def wait_for(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while not (match := re.search(pattern, self.said)):
            assert time.monotonic() < deadline, self.said
            assert self.process.poll() is None, self.said
            time.sleep(0.02)
        return match

    @property
    def port(self):
        return int(self.wait_for(r"server 127\.0\.0\.1, port (\d+)")[1])

    def answer(self, request):
        """What the proxy answers, up to the end of the connection or to the first pause."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as client:
            client.settimeout(PATIENCE)
            client.sendall(request)
            got = client.recv(65536)
            while b"\r\n\r\n" not in got:
                got += client.recv(65536)
            return got

    def client(self):
        port = self.port
        certificate = self.folder / "mitm" / "mitmproxy-ca-cert.pem"
        context = ssl.create_default_context(cafile=str(certificate))
        return httpx.Client(proxy=f"http://127.0.0.1:{port}", verify=context, timeout=PATIENCE)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("cloud")) as cloud:
        cloud.fleet, cloud.tokens = fleet(machine(KEY)), tokens()
        yield cloud


@pytest.fixture
def running(command, cloud):
    process = Running(command, cloud)
    yield process
    process.process.kill()
    process.process.wait()


def test_from_the_phone_to_a_decrypted_capture(running, command):
    page = running.wait_for(r"Open (http://127\.0\.0\.1:\d+/)")[1]
    with urllib.request.urlopen(page) as answer:
        assert b"Set this phone up" in answer.read()
    with urllib.request.urlopen(page + "lmdecode.cer") as answer:
        assert answer.read() == (command.folder / "mitm" / "mitmproxy-ca-cert.pem").read_bytes()
    with running.client() as client:
        assert client.post(TOKEN, data=LOGIN).is_success
        running.wait_for(r"\[x\] client id and client secret")
        client.get(CUSTOMER, headers={"authorization": "Bearer x"})
    assert running.process.wait(PATIENCE) == 0
    for step in ("the phone uses the proxy", "the app trusts the certificate", "key of a machine"):
        assert f"[x] {step}" in running.said
    config = command.folder / "home/config/lmdecode/config.json"
    assert f"everything is in {config}" in running.said
    assert "Next: lmdecode discover, which finds the machine's address" in running.said
    assert (
        "the password was not saved: lmdecode login asks for it; to save it, run lmdecode harvest --save"
        in running.said
    )
    assert config.stat().st_mode & 0o777 == 0o600
    entries = json.loads(config.read_text())
    assert entries["username"] == LOGIN["username"]
    assert "password" not in entries
    assert leaks(command.folder, SECRETS, allowed=[config]) == []
    decoded = command("decode", CAPTURES / "gs3av-settings.pcap")
    assert decoded.returncode == 0
    assert '"coffee_temp"' in decoded.stdout


def test_an_app_that_distrusts_the_certificate_is_led_to_the_page_of_step_two(running):
    page = running.wait_for(r"Open (http://127\.0\.0\.1:\d+/)")[1]
    with httpx.Client(proxy=f"http://127.0.0.1:{running.port}") as client, pytest.raises(httpx.ConnectError):
        client.get(CUSTOMER)
    said = running.wait_for(r"the app does not trust this proxy's certificate for .*")[0]
    assert f"on the phone, open {page}, install its certificate" in said
    assert "mitm.it" not in running.said


def test_messages_go_away_when_what_they_were_about_is_done():
    pytest.importorskip("rich")
    from lmdecode.cli.harvest import _Screen

    drawn = []
    live = SimpleNamespace(update=lambda page, **_: drawn.append(page))
    done = [False, False, False, False, False]
    run = SimpleNamespace(checklist=lambda: [(f"step {number}", each) for number, each in enumerate(done)])
    screen, said = _Screen(live), deque(["the app does not trust the certificate"])
    screen.show(run, said)
    screen.show(run, said)
    assert drawn[-1].said == ["the app does not trust the certificate"]
    done[0] = done[1] = True
    said.append("the app logs in")
    screen.show(run, said)
    assert drawn[-1].said == ["the app logs in"]
    assert [step.done for step in drawn[-1].steps] == done


def test_ctrl_c_keeps_what_was_found(running, command):
    with running.client() as client:
        client.post(TOKEN, data=LOGIN)
    running.wait_for(r"\[x\] user name and password")
    assert running.stop() == 130
    assert "Traceback" not in running.said
    config = command.folder / "home/config/lmdecode/config.json"
    assert json.loads(config.read_text())["client_id"] == LOGIN["client_id"]


def test_a_port_that_is_taken_is_one_line(running, command):
    port = running.wait_for(r"port (\d+)")[1]
    other = subprocess.run(
        [
            *command.line,
            "harvest",
            "--port",
            port,
            "--host",
            "127.0.0.1",
            "--set",
            f"confdir={command.folder / 'mitm'}",
        ],
        cwd=command.folder,
        env=command.environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert other.returncode == 1
    assert f"port {port}" in other.stderr
    assert "Traceback" not in other.stderr


def test_a_config_that_is_none_is_refused_at_once(command, cloud):
    (command.folder / "config.json").write_text("[]")
    process = Running(command, cloud)
    assert process.process.wait(PATIENCE) == 1
    assert "config.json is not a configuration file" in process.said
    assert "Traceback" not in process.said


def test_a_config_with_the_published_key_is_refused_at_once(command, cloud):
    sample = json.dumps({"host": "192.168.1.215", "port": "1774", "key": KEY})
    (command.folder / "config.json").write_text(sample)
    process = Running(command, cloud)
    assert process.process.wait(PATIENCE) == 1
    assert "config.json has the published key of the samples" in process.said
    assert "name another file with --config" in process.said
    assert len(process.said.splitlines()) == 1
    assert (command.folder / "config.json").read_text() == sample


@pytest.mark.parametrize("answer", ["y", "", "--save-password"])
def test_the_password_is_kept_only_if_asked_for(command, owners_cloud, answer):
    (command.folder / "config.json").write_text(json.dumps({"host": "192.168.1.215"}))
    terminal, other = pty.openpty()
    run = Running(command, owners_cloud, *([answer] if answer.startswith("--") else []), terminal=other)
    os.close(other)
    reader = threading.Thread(target=run.read_from, args=[terminal], daemon=True)
    reader.start()
    with run.client() as client:
        client.post(TOKEN, data=LOGIN)
        client.get(CUSTOMER)
    if not answer.startswith("--"):
        run.wait_for(r"Save the password too[^\[]*\[y/N\]: ")
        os.write(terminal, f"{answer}\n".encode())
    assert run.process.wait(PATIENCE) == 0
    reader.join(PATIENCE)
    os.close(terminal)
    entries = json.loads((command.folder / "config.json").read_text())
    assert entries["key"] == OWNERS_KEY
    assert entries.get("password") == (LOGIN["password"] if answer else None)
    assert "everything is in config.json" in run.said
    assert "Next: lmdecode status" in run.said


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_the_checklist_on_a_terminal(command):
    name = f"lmdecode-harvest-{os.getpid()}"
    line = command.shell("harvest", "--port", 0, "--page-port", 0, "--host", "127.0.0.1", "--set", "confdir=mitm")
    tmux = ["tmux", "-L", name]
    started = [*tmux, "new-session", "-d", "-x", "80", "-y", "50", line]
    # The size of another terminal, which readline and other tests leave in the environment, is not that of this one.
    environment = {name: text for name, text in command.environment.items() if name not in {"COLUMNS", "LINES"}}
    subprocess.run(started, check=True, cwd=command.folder, env=environment)
    try:
        deadline = time.monotonic() + PATIENCE
        screen = ""
        while "key of a machine" not in screen or "█" not in screen:  # the QR code
            assert time.monotonic() < deadline, screen
            time.sleep(0.1)
            screen = subprocess.run(
                [*tmux, "capture-pane", "-p"], check=True, capture_output=True, encoding="utf-8"
            ).stdout
        assert "☐ the phone uses the proxy" in screen
        assert CLOUD not in screen
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)


def test_a_home_of_nobody_and_an_address_too_long_for_a_code(command, cloud):
    run = Running(command, cloud, "--host", "x" * 5000, confdir="~nobody.of.this.name/x")
    try:
        run.wait_for("server x{5000}, port")
    finally:
        run.stop()
    assert "Traceback" not in run.said


@pytest.mark.parametrize("port", ["0", "61774"])
def test_not_every_fault_is_the_ports(command, port):
    pytest.importorskip("mitmproxy")
    options = ["--set", "listen_host=192.0.2.1", "--set", f"confdir={command.folder}"]
    complaint = command.fails("harvest", "--page-port", "0", "--port", port, "--host", "127.0.0.1", *options)
    assert "the proxy does not start: " in complaint
    assert "is taken" not in complaint
    assert len(complaint.splitlines()) == 1


PLACES = [
    "127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]", "169.254.169.254", "10.0.0.1",
    "192.168.1.1", "2130706433", "0x7f000001", "127.1", "0", "fritz.box", "www.example.com", "93.184.215.14",
    "cms.lamarzocco.io.example.com", "cms.lamarzocco.io@127.0.0.1", "xlamarzocco.io",
]  # fmt: skip


@pytest.fixture(scope="module")
def open_to_all(cloud, tmp_path_factory):
    """One harvest for all that is refused."""
    with Poisoner() as service:
        process = Running(Command(tmp_path_factory.mktemp("open")), cloud)
        process.service = service
        yield process
        process.process.kill()
        process.process.wait()


@pytest.mark.parametrize("place", PLACES)
def test_it_leads_nowhere_but_to_the_maker(open_to_all, place):
    to = f"{place}:{open_to_all.service.port}"
    for request in (
        f"GET http://{to}/ HTTP/1.1\r\nHost: cms.lamarzocco.io\r\n\r\n",
        f"GET https://{to}/ HTTP/1.1\r\nHost: cms.lamarzocco.io\r\n\r\n",
        f"CONNECT {to} HTTP/1.1\r\nHost: cms.lamarzocco.io:443\r\n\r\n",
        f"CONNECT {place}:443 HTTP/1.1\r\n\r\n",
    ):
        answer = open_to_all.answer(request.encode())
        assert re.match(rb"HTTP/1\.1 (403|502|400) ", answer), (request, answer)
    assert open_to_all.service.asked == []


@pytest.mark.parametrize("port", [80, 22, 8443])
def test_the_maker_is_asked_over_tls_only(open_to_all, port):
    assert b" 403 " in open_to_all.answer(f"CONNECT cms.lamarzocco.io:{port} HTTP/1.1\r\n\r\n".encode())
    plain = f"GET http://cms.lamarzocco.io:{port}/api/customer HTTP/1.1\r\nHost: cms.lamarzocco.io\r\n\r\n"
    assert b" 403 " in open_to_all.answer(plain.encode())


def test_the_phone_gets_what_it_needs(open_to_all):
    for host in ("cms.lamarzocco.io", "gw-lmz.lamarzocco.io", "LION.lamarzocco.io"):
        assert b" 200 " in open_to_all.answer(f"CONNECT {host}:443 HTTP/1.1\r\n\r\n".encode())
    assert b" 200 " in open_to_all.answer(b"GET http://mitm.it/ HTTP/1.1\r\nHost: mitm.it\r\n\r\n")
    apple = b"GET http://captive.apple.com/hotspot-detect.html HTTP/1.1\r\nHost: captive.apple.com\r\n\r\n"
    assert b" 200 " in open_to_all.answer(apple)
    android = b"GET http://connectivitycheck.gstatic.com/generate_204 HTTP/1.1\r\nHost: x\r\n\r\n"
    assert b" 204 " in open_to_all.answer(android)
    assert b" 403 " in open_to_all.answer(b"CONNECT push.example.com:443 HTTP/1.1\r\n\r\n")
    open_to_all.wait_for("other apps on the phone get no answer")
    assert "\x1b" not in open_to_all.said


def test_it_listens_on_one_address(open_to_all):
    page = int(open_to_all.wait_for(r"ports (\d+) \(proxy\) and (\d+) \(page\)")[2])
    assert f"Listens on 127.0.0.1 only, ports {open_to_all.port} (proxy)" in open_to_all.said
    for port in (open_to_all.port, page):
        for family, elsewhere in ((socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as other:
                assert other.connect_ex((elsewhere, port)) != 0


OWN = {
    "key": "o" * 32, "serial_number": "GS012345", "machine_name": "mine", "client_id": "my-id",
    "client_secret": "my-secret", "username": "me@example.com", "password": "my-password",
}  # fmt: skip


def test_nobody_poisons_the_config(command, cloud):
    (command.folder / "config.json").write_text(json.dumps(OWN))
    run = Running(command, cloud)
    try:
        with Poisoner() as attacker:
            for request in attacker.requests():
                assert b" 403 " in run.answer(request)
            assert attacker.asked == []
        assert run.process.poll() is None
        assert "[x] key" not in run.said
        assert json.loads((command.folder / "config.json").read_text()) == OWN
    finally:
        run.process.kill()
        run.process.wait()


@pytest.fixture
def owners_cloud(cloud, monkeypatch):
    """The cloud of an owner, whose machine has a key of its own."""
    monkeypatch.setattr(cloud, "fleet", fleet(machine(OWNERS_KEY)))
    return cloud


@pytest.mark.parametrize("answer", ["y", ""])
def test_on_a_terminal_it_asks(command, owners_cloud, answer):
    cloud = owners_cloud
    (command.folder / "config.json").write_text(json.dumps(OWN))
    terminal, other = pty.openpty()
    run = Running(command, cloud, terminal=other)
    os.close(other)
    reader = threading.Thread(target=run.read_from, args=[terminal], daemon=True)
    reader.start()
    with run.client() as client:
        client.post(TOKEN, data=LOGIN)
        client.get(CUSTOMER)
    run.wait_for(r"Replace it\?[^\[]*\[y/N\]: ")
    os.write(terminal, f"{answer}\n".encode())
    assert run.process.wait(PATIENCE) == 0
    reader.join(PATIENCE)
    os.close(terminal)
    entries = json.loads((command.folder / "config.json").read_text())
    assert entries["key"] == (OWNERS_KEY if answer == "y" else OWN["key"])
    assert ("keeps its own" in run.said.rpartition("[y/N]")[2]) == (answer != "y")


@pytest.mark.parametrize("replace", [False, True])
def test_what_is_there_is_replaced_only_if_asked_for(command, owners_cloud, replace):
    cloud = owners_cloud
    (command.folder / "config.json").write_text(json.dumps(OWN))
    run = Running(command, cloud, *(["--replace"] if replace else []))
    with run.client() as client:
        client.post(TOKEN, data=LOGIN)
        client.get(CUSTOMER)
    assert run.process.wait(PATIENCE) == 0
    entries = json.loads((command.folder / "config.json").read_text())
    if replace:
        assert (entries["key"], entries["username"], entries["client_id"]) == (
            OWNERS_KEY,
            LOGIN["username"],
            LOGIN["client_id"],
        )
        assert entries["machines"] == [{"machine_name": "mine (old key)", "key": "o" * 32}]
    else:
        assert {name: entries[name] for name in OWN} == OWN
        assert "machines" not in entries
        assert "keeps its own client id and client secret and user name and password and key of kitchen" in run.said
        assert "lmdecode harvest --replace" in run.said
    assert leaks(command.folder, SECRETS, allowed=[command.folder / "config.json"]) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--set", "ssl_insecure=true"], "anybody could pose as the cloud"),
        (["--set", "mode=transparent"], 'mitmdump -s "$(lmdecode addon-path lm_credentials)"'),
        (["--set", "mode=nonsense"], "nonsense"),
        (["--host", "203.0.113.7"], "--host 203.0.113.7 is not an address of this computer"),
    ],
)
def test_what_would_open_it_is_refused(command, options, words):
    pytest.importorskip("mitmproxy")
    given = ["--host", "127.0.0.1", "--page-port", "0", "--port", "0", "--set", f"confdir={command.folder}"]
    complaint = command.fails("harvest", *given, *options)
    assert words in complaint
    assert len(complaint.splitlines()) == 1


def test_it_ends_by_itself(tmp_path):
    pytest.importorskip("mitmproxy")
    from lmdecode.mitm.harvest import Harvest

    run = Harvest(
        tmp_path / "config.json", "127.0.0.1", "127.0.0.1", 0, 0, seconds=0.1, settings=[f"confdir={tmp_path}"]
    )
    asyncio.run(asyncio.wait_for(run.run(lambda _: None, lambda: None), PATIENCE))
    assert run.timed_out
    assert not run.complete
