"""`lmdecode harvest` from the first line to a decrypted capture, with a client that does what the app does."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import time
import urllib.request

import httpx
import pytest

from tests.cli.conftest import CAPTURES
from tests.cloud.fake_cloud import CLOUD, CUSTOMER, TOKEN, fleet, machine, serving, tokens
from tests.cloud.leaks import leaks
from tests.cloud.mitmdump import HELPER

KEY = "12345678901234567890123456789012"
LOGIN = {
    "client_id": "hush-id-0123456789",
    "client_secret": "hush+secret/=%25",
    "username": "hush.user@example.com",
    "password": "hush p\xe4ss",
    "grant_type": "password",
}
SECRETS = [KEY, *[LOGIN[name] for name in ("client_id", "client_secret", "username", "password")]]
PATIENCE = 40


class Running:
    """A harvest in a process of its own, its output in a file."""

    def __init__(self, command, cloud, *options, confdir=None):
        self.folder = command.folder
        self.output = self.folder / "said"
        line = [
            *command.line, "harvest", "--port", "0", "--page-port", "0", "--host", "127.0.0.1",
            "--set", f"confdir={confdir or self.folder / 'mitm'}",
            "--set", f"ssl_verify_upstream_trusted_ca={cloud.ca_file}",
            "--set", f"scripts={HELPER}", "--set", f"test_port={cloud.port}", *options,
        ]  # fmt: skip
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                line, cwd=self.folder, env=command.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

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

    def client(self):
        port = self.wait_for(r"server 127\.0\.0\.1, port (\d+)")[1]
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
    assert "everything is in config.json" in running.said
    config = command.folder / "config.json"
    assert config.stat().st_mode & 0o777 == 0o600
    assert json.loads(config.read_text())["username"] == LOGIN["username"]
    assert leaks(command.folder, SECRETS, allowed=[config]) == []
    decoded = command("decode", CAPTURES / "gs3av-settings.pcap")
    assert decoded.returncode == 0
    assert '"coffee_temp"' in decoded.stdout


def test_ctrl_c_keeps_what_was_found(running, command):
    with running.client() as client:
        client.post(TOKEN, data=LOGIN)
    running.wait_for(r"\[x\] user name and password")
    assert running.stop() == 130
    assert "Traceback" not in running.said
    assert json.loads((command.folder / "config.json").read_text())["client_id"] == LOGIN["client_id"]


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


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_the_checklist_on_a_terminal(command):
    name = f"lmdecode-{os.getpid()}"
    line = command.shell("harvest", "--port", 0, "--page-port", 0, "--host", "127.0.0.1", "--set", "confdir=mitm")
    tmux = ["tmux", "-L", name]
    subprocess.run([*tmux, "new-session", "-d", "-x", "80", "-y", "50", line], check=True, cwd=command.folder)
    try:
        deadline = time.monotonic() + PATIENCE
        screen = ""
        while "key of a machine" not in screen:
            assert time.monotonic() < deadline, screen
            time.sleep(0.1)
            screen = subprocess.run(
                [*tmux, "capture-pane", "-p"], check=True, capture_output=True, encoding="utf-8"
            ).stdout
        assert "☐ the phone uses the proxy" in screen
        assert "▀" in screen or "█" in screen  # the QR code
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
