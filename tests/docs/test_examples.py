"""The examples of the documentation, typed as a user types them: they run, and print what is shown.

Each page has a folder to itself, in which there is what its examples take for granted. What cannot run in a test (it
wants a phone, root, a router) is looked at all the same: options are options that there are, and filters are filters.
"""

from __future__ import annotations

import contextlib
import doctest
import gzip
import json
import re
import shlex
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from lmdecode.config import SAMPLE_KEY
from tests.cloud.archives import customer, har, login
from tests.docs.examples import Example, differs, environment, examples, options_of, run
from tests.docs.pages import PAGES, README, ROOT, text_of

pytestmark = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("tshark", "editcap", "tcpdump")),
    reason="tshark or tcpdump is not installed",
)

ELSEWHERE = {  # these need a machine, or captures, of their own
    "docs/live.md": "test_live_page.py",
    "docs/live-bluetooth.md": "test_live_generation_pages.py",
    "docs/live-v3.md": "test_live_generation_pages.py",
    "docs/scan.md": "test_scan_page.py",
    "docs/exploring.md": "test_exploring.py",
    "docs/home-automation.md": "test_home_automation_page.py",
}
HERE = [page for page in (README, *PAGES) if page not in ELSEWHERE and any(examples(text_of(page)))]
LIVE = {"get", "send", "status"}  # of lmdecode's commands: they want a machine, and get a simulated one
HOST = "--host 127.0.0.1"
INTERACTIVE = {"harvest", "login", "simulate", "watch", "config", "discover", "replay", "scan", "credentials", "bridge"}
SHOWS = re.compile(r"lmdecode credentials \S+")  # the folder has a recording for each that shows what is found
OUTSIDE = {  # programs that a test has not, or must not, run
    "cd", "git", "pip", "python", "python3", "make", "ssh", "tail", "jupyter", "iptables", "sysctl", "wireshark",
    "mitmproxy", "mitmdump", "mitmweb", "sudo", "install", "systemctl", "loginctl", "podman", "eval", "pipx", "uv",
}  # fmt: skip


def _rewritten(capture, rewrite, link_type=1):
    """A pcap with each of its packets rewritten."""
    data, offset = [capture[:20] + struct.pack("<I", link_type)], 24
    while offset < len(capture):
        seconds, fraction, size, _ = struct.unpack_from("<IIII", capture, offset)
        packet = rewrite(capture[offset + 16 : offset + 16 + size])
        data += [struct.pack("<IIII", seconds, fraction, len(packet), len(packet)), packet]
        offset += 16 + size
    return b"".join(data)


def _in_tzsp(packet):
    """As a MikroTik streams it."""
    content = b"\1\0\0\1\1" + packet
    return _in_udp(37008, content)


def _in_vxlan(packet):
    """On a port that somebody chose."""
    return _in_udp(14789, b"\x08\0\0\0\0\0\x48\0" + packet)


def _in_udp(port, content):
    udp = struct.pack("!HHHH", port, port, 8 + len(content), 0) + content
    addresses = bytes((192, 168, 1, 1, 192, 168, 1, 50))
    return bytes(12) + struct.pack("!HBBHHHBBH", 0x0800, 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + addresses + udp


def _encrypted(packet):
    """As monitor mode sees it: a frame with the bit that says that it is protected."""
    return b"\x08\x42" + bytes(22) + packet


@pytest.fixture
def folder(tmp_path):
    """A folder like a clone's, with a config.json and the captures that the pages speak of."""
    captures = ROOT / "captures"
    for name in ("captures", "mitm_addons"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(captures / "config.json", tmp_path)
    for name in ("morning.pcap", "router.pcap", "both.pcap", "monday.pcap", "tuesday.pcap"):
        shutil.copy(captures / "gs3av-settings.pcap", tmp_path / name)
    shutil.copy(captures / "gs3mp-standby.pcapng", tmp_path / "phone.pcap")
    pieces = ["editcap", "-F", "pcap", "-c", "50", tmp_path / "morning.pcap", tmp_path / "day-.pcap"]
    subprocess.run(pieces, check=True, timeout=20)
    elsewhere = (captures / "gs3av-settings.pcap").read_bytes().replace((1774).to_bytes(2), (443).to_bytes(2))
    (tmp_path / "elsewhere.pcapng").write_bytes(elsewhere)
    (tmp_path / "mikrotik.pcapng").write_bytes(_rewritten((captures / "gs3av-settings.pcap").read_bytes(), _in_tzsp))
    (tmp_path / "vxlan.pcapng").write_bytes(_rewritten((captures / "gs3av-settings.pcap").read_bytes(), _in_vxlan))
    (tmp_path / "monitor.pcapng").write_bytes(
        _rewritten((captures / "gs3av-settings.pcap").read_bytes(), _encrypted, 105)
    )
    (tmp_path / "notes.txt").write_text("It was cold this morning.\n")
    (tmp_path / "home-assistant.log").write_text(
        "2026-11-21 02:55:57.179 DEBUG (MainThread) [lmdirect.connection] Message=401C0004, Data=03BC04D8\n"
    )
    (tmp_path / "login.har.gz").write_bytes(
        gzip.compress(json.dumps(har(login(), customer("☕ Küche 👩\u200d🍳"))).encode(), mtime=0)
    )
    (tmp_path / "newer.flow").write_bytes(b"40:4:data,1:x;4:type;4:http;7:version;2:99#}")
    (tmp_path / "home" / ".local" / "lib" / "wireshark" / "plugins").mkdir(parents=True)  # as Wireshark's users have
    return tmp_path


@contextlib.contextmanager
def simulated(folder: Path, generation: str):
    """A simulated machine; its port."""
    with subprocess.Popen(
        ["lmdecode", "simulate", "--generation", generation, "--port", "0", "--no-mdns", "--quiet"],
        cwd=folder, env=environment(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
    ) as process:  # fmt: skip
        try:
            first = process.stdout.readline()
            assert first.startswith("listening on"), first
            port = int(first.rpartition(":")[2])
            if generation == "v3":  # its token is loaded some seconds after the start
                for _ in range(20):
                    command = at_port(f"lmdecode get power --key {SAMPLE_KEY} {HOST}:8081", generation, port)
                    if run(command, folder).code == 0:
                        break
            yield port
        finally:
            process.kill()


def program(example: Example) -> str:
    return example.command.split(maxsplit=1)[0]


def subcommand(example: Example) -> str:
    return shlex.split(example.command)[1] if program(example) == "lmdecode" else ""


@pytest.mark.parametrize("page", HERE)
def test_the_examples_of_a_page(page, folder):
    if config := re.search(r'^\{"machines".*?^\]\}$', text_of(page), re.DOTALL | re.MULTILINE):
        (folder / "config.json").write_text(config[0].replace("…", SAMPLE_KEY, 1).replace("…", "0" * 32))
    with contextlib.ExitStack() as stack:
        machines, exported = Machines(folder, stack), ""
        for example in examples(text_of(page)):
            where = f"{page}, line {example.line}: {example.command}"
            if page == README and example.shown is not None:
                continue  # test_readme.py has these
            if program(example) == "export":  # for the rest of the page, and instead of what is found without it
                exported += f"{example.command}; "
                (folder / "config.json").unlink(missing_ok=True)
                continue
            if subcommand(example) == "simulate":
                machines.generation = next(iter(re.findall(r"--generation (\w+)", example.command)), "v1")
            if program(example) in OUTSIDE | {"tcpdump"} or is_interactive(example):
                look_at(example, where)
                continue
            command = f"{exported}{example.command}"
            if subcommand(example) in LIVE:
                command = machines.command(command)
            if shutil.which("jq") is None:
                command = command.partition(" | jq")[0]
            ran = run(command, folder)
            assert "Traceback" not in ran.printed, where
            assert ran.code == example.code, f"{where}: exit code {ran.code}\n{ran.printed[-2000:]}"
            if example.shown is not None:
                difference = differs(example.shown, ran.printed)
                assert difference is None, f"{where}: {difference}"


def is_interactive(example: Example) -> bool:
    return subcommand(example) in INTERACTIVE and not (SHOWS.fullmatch(example.command) and example.shown)


class Machines:
    """The simulated machines of a page, each started when it is first needed."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.generation = "v1"
        self._folder = folder
        self._stack = stack
        self._ports: dict[str, int] = {}

    def command(self, command: str) -> str:
        """A command of the page to the machine that was started last on it."""
        if self.generation not in self._ports:
            self._ports[self.generation] = self._stack.enter_context(simulated(self._folder, self.generation))
        return at_port(command, self.generation, self._ports[self.generation])


def at_port(command: str, generation: str, port: int) -> str:
    """A command to a machine of a generation, on another port than the usual one."""
    if generation == "bluetooth":
        return command.replace("tcp-client:127.0.0.1:6402", f"tcp-client:127.0.0.1:{port}")
    if generation == "v3":
        return command.replace(f"{HOST}:8081", f"{HOST}:{port} --generation v3")
    return f"{command.replace(HOST, '')} {HOST} --port {port}"


def look_at(example: Example, where: str) -> None:
    """What can be said of a command without running it."""
    first, *others = example.command.split(" | ")
    if program(example) == "tcpdump" or "tcpdump -" in first:
        words = shlex.split(first)
        if words[0] == "ssh":
            words = shlex.split(words[2])
        options = {"-i": 1, "-s": 1, "-w": 1, "-G": 1, "-C": 1, "-U": 0}
        while words[1:] and words[1].startswith("-"):
            del words[1 : 2 + options[words[1]]]
        assert words[1:], where
        compiled = subprocess.run(
            ["tcpdump", "-d", "-y", "EN10MB", *words[1:]], capture_output=True, check=False, timeout=20
        )
        assert compiled.returncode == 0, f"{where}: {compiled.stderr}"
    elif program(example) == "lmdecode":
        others.append(first)
    for command in others:
        if command.startswith("lmdecode "):
            name = command.split()[1:2] if subcommand(Example(0, command)) != "config" else command.split()[1:3]
            for option in re.findall(r"(?<!\S)--[a-z][a-z0-9-]+", command):
                assert option in options_of(*name), f"{where}: {option}"
    for name in re.findall(r"(?<=-s )mitm_addons/\S+", example.command):
        assert (ROOT / name).is_file(), where


def test_no_page_is_left_out():
    assert len(HERE) >= 12
    assert sum(1 for page in HERE for _ in examples(text_of(page))) >= 60
    for page, test in ELSEWHERE.items():
        assert Path(page).name in (ROOT / "tests" / test).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", [page for page in PAGES if ">>> " in text_of(page) and page != "docs/api.md"])
def test_the_python_examples_run(page, folder, monkeypatch):
    for example in examples(text_of(page)):
        if "--format parquet" in example.command:
            assert run(example.command, folder).code == 0
    monkeypatch.chdir(folder)
    found = doctest.DocTestParser().get_doctest(text_of(page), {}, page, page, 0)
    assert found.examples
    assert doctest.DocTestRunner().run(found).failed == 0


def test_every_condition_that_is_shown_can_be_given(folder):
    shown = {condition for page in (README, *PAGES) for condition in re.findall(r"`(--where [^`]+)`", text_of(page))}
    assert len(shown) >= 10
    for options in shown:
        ran = run(f"lmdecode decode morning.pcap {options}", folder)
        # The capture has another machine, and then the command says which.
        assert ran.code == (2 if "machine=" in options else 0), f"{options}: {ran.printed}"
        assert "machine=" not in options or "morning.pcap has " in ran.printed
