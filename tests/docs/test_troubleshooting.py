"""What docs/how-to/troubleshooting.md quotes is what lmdecode says when that goes wrong."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess

import pytest

from tests.docs.examples import differs, run
from tests.docs.pages import ROOT, text_of

pytestmark = pytest.mark.skipif(shutil.which("editcap") is None, reason="tshark is not installed")

QUOTED = re.findall(r"^\*\*`(.*?)`\*\*", text_of("docs/how-to/troubleshooting.md"), re.MULTILINE)
SETTINGS = ROOT / "captures" / "gs3av-settings.pcap"
CONFIG = shlex.join(["--config", str(ROOT / "captures" / "config.json")])


def cut(*options):
    """A capture of which editcap leaves something out."""

    def make(folder):
        subprocess.run(["editcap", *options[:-1], SETTINGS, folder / "x.pcap", *options[-1:]], check=True, timeout=20)
        return f"lmdecode decode x.pcap {CONFIG}"

    return make


def cut_off(folder):
    (folder / "x.pcap").write_bytes(SETTINGS.read_bytes()[:5000])
    return f"lmdecode decode x.pcap {CONFIG}"


def without_key(folder):
    shutil.copy(SETTINGS, folder / "x.pcap")
    return "lmdecode decode x.pcap"


def of(name, *options):
    def make(folder):
        shutil.copy(ROOT / "captures" / name, folder / name)
        return f"lmdecode decode {name} {' '.join(options)} --where problems --format jsonl"

    return make


SITUATIONS = {
    "no key: give --key or --config, …": without_key,
    "no TCP traffic at all": cut("1-142"),
    "no whole frame in what was said on TCP port 1774": cut("-s", "80", "1"),
    "packet cut short by the capture": cut("-s", "80", "1"),
    "gap: … bytes are not in the capture": cut("20-24"),
    "the file is cut off in the middle of packet …": cut_off,
    "check byte is 99, should be 98": of("gs3av-day.pcapng.zst", CONFIG),
    "does not decrypt to a message": of("gs3av-settings.pcap", "--key 12345678901234567890123456789013"),
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
