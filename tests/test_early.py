"""libpcap may be begun before the command line is read, and nobody notices when that was wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from bench.captures import KEY_TEXT, make_haystack
from lmdecode import _early
from lmdecode.capture import reader
from lmdecode.capture.net import libpcap
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.speakers import Speakers

needs_libpcap = pytest.mark.skipif(libpcap.find_library() is None, reason="libpcap is not installed")


@pytest.fixture(scope="module")
def hay(tmp_path_factory):
    path = tmp_path_factory.mktemp("hay") / "hay.pcap"
    make_haystack(path, 18_000, 300)
    assert path.stat().st_size > _early._LARGE
    return path


@pytest.fixture
def begun(monkeypatch, without):
    """What is begun."""
    names = []
    without("")
    monkeypatch.setattr(libpcap, "begin", lambda name, ports: names.append((name, ports)))
    return names


def test_its_numbers_are_those_of_the_parts_that_it_cannot_load():
    assert Speakers.open(OwnerAccess()).ports == _early._PORTS
    assert reader._WORTH_SCREENING == _early._LARGE
    assert libpcap._CLASSIC == _early._MAGICS


@pytest.mark.parametrize(
    "arguments", [["HAY"], ["--key", KEY_TEXT, "HAY", "-f", "csv"], ["-o", "SMALL", "HAY"], ["HAY", "nowhere.pcap"]]
)
def test_it_begins_where_one_large_capture_is_named(arguments, hay, tmp_path, begun):
    small = tmp_path / "small.pcap"
    small.write_bytes(hay.read_bytes()[:1000])
    names = {"HAY": str(hay), "SMALL": str(small)}
    _early.begin_early(["decode", *(names.get(each, each) for each in arguments)])
    assert begun == [(str(hay), _early._PORTS)]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["decode"],
        ["decode", "nowhere.pcap"],
        ["decode", "-"],
        ["decode", "nul\0byte"],
        ["decode", os.devnull],
        ["decode", "OTHER"],
        ["decode", "HAY", "HAY"],
        ["decode", "HAY", "--port", "1775"],
        ["decode", "HAY", "--port=1775"],
        ["decode", "HAY", "-j2"],
        ["decode", "--help", "HAY"],
        ["shots", "HAY"],
        ["help", "decode", "HAY"],
    ],
)
def test_it_does_not_begin_otherwise(arguments, hay, tmp_path, begun):
    other = tmp_path / "other.pcap"
    with other.open("wb") as file:
        file.truncate(_early._LARGE)
    names = {"HAY": str(hay), "OTHER": str(other)}
    _early.begin_early([names.get(each, each) for each in arguments])
    assert begun == []


@pytest.mark.parametrize("part", ["early", "libpcap"])
def test_a_switch_keeps_it_from_beginning(part, hay, begun, without):
    without(part)
    _early.begin_early(["decode", str(hay)])
    assert begun == []


RUN = """
import sys, threading
import lmdecode.__main__ as program
import lmdecode.capture.net.libpcap as libpcap
begin, begun = libpcap.begin, []
libpcap.begin = lambda *given: (begin(*given), begun.append(bool(libpcap._begun and libpcap._begun[0].file)))
sys.argv[0] = "lmdecode"
try:
    program.main()
    code = 0
except SystemExit as ended:
    code = ended.code
sys.stdout.flush()
print("BEGUN", begun, "LEFT", len(libpcap._begun), threading.active_count() - 1, file=sys.stderr)
raise SystemExit(code)
"""


@needs_libpcap
@pytest.mark.parametrize(
    ("options", "config", "code"),
    [
        (["--key", KEY_TEXT], "", 0),
        (["--key", KEY_TEXT], '{"host": "192.168.1.215", "port": "1775"}', 0),
        (["--key", "short"], "", 2),
        (["--key", KEY_TEXT, "--fields", "no_such_field"], "", 2),
        (["--nonsense"], "", 2),
    ],
)
def test_what_comes_out_is_the_same_and_nothing_is_left(options, config, code, hay, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    if config:
        (home / "config.json").write_text(config, encoding="utf-8")
        options = [*options, "--config", str(home / "config.json")]
    environment = {each: value for each, value in os.environ.items() if not each.startswith("LMDECODE")}
    environment |= {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "COLUMNS": "80"}
    command = ["-c", RUN, "decode", str(hay), "--format", "jsonl", *options]
    early, plain = (
        subprocess.run([sys.executable, *command], env=environment | more, capture_output=True, check=False)
        for more in ({}, {"LMDECODE_WITHOUT": "early"})
    )
    assert (early.returncode, early.stdout) == (plain.returncode, plain.stdout)
    assert early.returncode == code
    *said, left = early.stderr.splitlines()
    assert said == plain.stderr.splitlines()[:-1]
    assert left == b"BEGUN [True] LEFT 0 0"
    assert plain.stderr.endswith(b"BEGUN [] LEFT 0 0\n")


@needs_libpcap
def test_an_early_start_leaves_no_thread(hay, without):
    without("")
    before = threading.active_count()
    _early.begin_early(["decode", str(hay)])
    _early.forget_early()
    assert threading.active_count() == before
