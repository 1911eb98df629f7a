"""What docs/how-to/troubleshooting.md quotes is what lmdecode says when that goes wrong."""

from __future__ import annotations

import base64
import json
import re
import shlex
import shutil
import struct
import subprocess

import brotli
import pytest

from lmdecode.capture.net.packet import ACK, PSH, Endpoint, Segment
from tests.capture.building import APP, MACHINE, packets, pcap, talk
from tests.capture.radio import btsnoop, hci
from tests.cloud.archives import customer, har, login
from tests.docs.examples import differs, run
from tests.docs.pages import ROOT, text_of

pytestmark = pytest.mark.skipif(shutil.which("editcap") is None, reason="tshark is not installed")

QUOTED = re.findall(r"^\*\*`(.*?)`\*\*", text_of("docs/how-to/troubleshooting.md"), re.MULTILINE)
SETTINGS = ROOT / "captures" / "gs3av-settings.pcap"
CONFIG = shlex.join(["--config", str(ROOT / "captures" / "config.json")])
PROBLEMS = "--where problems --format jsonl"


def cut(*options):
    """A capture of which editcap leaves something out."""

    def make(folder):
        subprocess.run(["editcap", *options[:-1], SETTINGS, folder / "x.pcap", *options[-1:]], check=True, timeout=20)
        return f"lmdecode decode x.pcap {CONFIG}"

    return make


def cut_off(folder):
    (folder / "x.pcap").write_bytes(SETTINGS.read_bytes()[:5000])
    return f"lmdecode decode x.pcap {CONFIG}"


def encrypted(folder):
    """A capture of the Wi-Fi in monitor mode."""
    frame = b"\x08\x42" + bytes(60)
    record = struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame
    (folder / "x.pcap").write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 105) + record)
    return f"lmdecode decode x.pcap {CONFIG}"


def without_key(folder):
    shutil.copy(SETTINGS, folder / "x.pcap")
    return "lmdecode decode x.pcap"


def of(name, *options, command="decode"):
    def make(folder):
        shutil.copy(ROOT / "captures" / name, folder / name)
        return f"lmdecode {command} {name} {' '.join(options)}"

    return make


def written(segments):
    """A capture with these segments."""

    def make(folder):
        (folder / "x.pcap").write_bytes(pcap(packets(segments)))
        return f"lmdecode decode x.pcap {CONFIG} -o x.jsonl"

    return make


def archive(*entries, cut=0):
    """An HTTP archive, of which the end may be missing."""

    def make(folder):
        text = json.dumps(har(*entries))
        (folder / "login.har").write_text(text[: len(text) - cut])
        return "lmdecode credentials login.har"

    return make


def twice(port):
    """A connection as both sides of a router have it, with the app's port there."""
    once = talk(6).segments
    there = {APP: Endpoint("203.0.113.9", port), MACHINE: MACHINE}
    copy = [each._replace(source=there[each.source], destination=there[each.destination]) for each in once]
    return [each for pair in zip(once, copy, strict=True) for each in pair]


def too_much():
    """A thousand connections that miss their first byte."""
    return [
        Segment(0, Endpoint("10.0.0.1", 2000 + number), MACHINE, PSH | ACK, seq, 1, bytes(size))
        for seq, size in ((1, 1), (100, 60_000), (70_000, 60_000))
        for number in range(600)
    ]


def refused(error):
    return archive(login(response_status=400, response_content={"text": json.dumps({"error": error})}))


def without_content():
    made = login()
    del made["response"]["content"]
    return archive(made)


def bomb():
    packed = base64.b64encode(brotli.compress(b"[" + b" " * (5 << 20), quality=1)).decode()
    headers = [{"name": "Content-Encoding", "value": "br"}]
    return archive(customer(response_content={"text": packed, "encoding": "base64"}, response_headers=headers))


def flows(*values):
    """Flows that mitmproxy saved, as far as they matter here."""

    def make(folder):
        pytest.importorskip("mitmproxy", reason="mitmproxy is not installed beside lmdecode")
        from mitmproxy.io import tnetstring
        from mitmproxy.test import tflow

        states = [{**tflow.tflow(resp=True).get_state(), **each} for each in values]
        (folder / "login.flow").write_bytes(b"".join(map(tnetstring.dumps, states)))
        return "lmdecode credentials login.flow"

    return make


def hidden(folder):
    """A connection with the cloud, of which only the name of the host can be read."""
    from tests.capture.net.test_tls import visit

    (folder / "x.pcap").write_bytes(pcap(packets(visit(1).segments)))
    return "lmdecode decode x.pcap"


def log_of_bluetooth(packets_of_it=()):
    """A telephone's log in which no machine is."""

    def make(folder):
        (folder / "x.btsnoop").write_bytes(btsnoop(packets_of_it))
        return "lmdecode decode x.btsnoop"

    return make


def a_log(folder):
    line = "2026-11-21 02:55:57 DEBUG (MainThread) [lmdirect.connection] Message=401C0004, Data=03BC04D8\n"
    (folder / "x.log").write_text(line)
    return f"lmdecode decode x.log {CONFIG} -o x.jsonl"


def as_pcap(folder):
    shutil.copy(SETTINGS, folder / "x.pcap")
    return "lmdecode credentials x.pcap"


SITUATIONS = {
    "1 connection was captured twice, with the same ports, sequence numbers and bytes, and counted once …": written(
        twice(APP.port)
    ),
    "1 connection repeats the ports and sequence numbers of an earlier one at another time. …": written(
        2 * talk(6).segments
    ),
    "connections 0 and 1 began with the same data at the same time: if that is one conversation, …": written(
        twice(APP.port + 1)
    ),
    "the connections held back more than 64 MB: …": written(too_much()),
    "client id or client secret are refused (invalid_client), not your password": refused("invalid_client"),
    "user name or password is wrong": refused("invalid_grant"),
    "it was saved by a newer mitmproxy (flow format 99; …": flows({"version": 99}),
    "1 flow is damaged; 1 flow of it can be read and are used": flows({"request": 5}, {}),
    "it is damaged or cut short after 1 request; the requests before that are used": archive(
        login(), customer(), cut=20
    ),
    "the answer to the login is not in what was recorded: export it with the bodies of requests and answers": (
        without_content()
    ),
    "is br that unpacks to more than 4 MB; so it is not read": bomb(),
    "is a capture of packets, in which TLS hides the login": as_pcap,
    "nothing but TLS with La Marzocco's cloud, which cannot be read": hidden,
    "no packet of Bluetooth Low Energy is in it": log_of_bluetooth(),
    "no machine is in … Bluetooth packets …: record while the app is near the machine": log_of_bluetooth(
        hci([]) + hci([(1, "app", b"\x13")])
    ),
    "the log's times have no zone, and were taken as UTC": a_log,
    "refused with status 403: the machine has no token yet": of("v3-morning.pcap", PROBLEMS),
    "refused with status 403 by the firewall before the cloud": of("lion-morning.har", PROBLEMS),
    "has no memory to show": of("v3-morning.pcap", command="memory"),
    "is a debug log, not of a login": of("homeassistant.log", command="credentials"),
    "no key: give --key or --config, …": without_key,
    "no TCP traffic at all": cut("1-142"),
    "no TCP traffic in what can be read; not looked into": encrypted,
    "no whole frame in what was said on TCP port 1774": cut("-s", "80", "1"),
    "packet cut short by the capture": cut("-s", "80", "1"),
    "gap: … bytes are not in the capture": cut("20-24"),
    "the file is cut off in the middle of packet …": cut_off,
    "check byte is 99, should be 98": of("gs3av-day.pcapng.zst", CONFIG, PROBLEMS),
    "does not decrypt to a message": of("gs3av-settings.pcap", "--key 12345678901234567890123456789013", PROBLEMS),
    "power: 7 is neither 0 nor 1": lambda _: "lmdecode explain R00000001073A",
}


@pytest.mark.parametrize("quoted", QUOTED)
def test_what_is_quoted_is_what_is_said(quoted, tmp_path):
    ran = run(SITUATIONS[quoted](tmp_path), tmp_path)
    assert "Traceback" not in ran.printed
    said = re.sub(r"\s+", " ", ran.printed)  # a table breaks its lines
    assert differs(f"…{quoted}…", said) is None


def test_every_situation_is_on_the_page():
    assert sorted(QUOTED) == sorted(SITUATIONS)
