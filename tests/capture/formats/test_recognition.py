"""What a file is shows in what it holds, wherever that begins and however a pipe cuts it."""

from __future__ import annotations

import base64
import bz2
import gzip
import importlib.util
import os
import re
import struct
import subprocess
import sys
import threading
import zipfile
from io import BufferedReader, BytesIO
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmdecode.capture import CaptureError
from lmdecode.capture.formats import open_capture
from lmdecode.capture.formats._foreign import BINARY, TEXTS
from lmdecode.capture.source import OpenCapture
from tests.capture.building import as_bom_utf16, decode, exported, packets, pcap, section, talk, told
from tests.capture.formats.test_pieces import Pieces

DOCS = Path(__file__).parents[3] / "docs"
SEGMENTS = talk().segments
PCAP = pcap(packets(SEGMENTS))
JSON = exported(SEGMENTS)
RUNNING = b'Running as user "root" and group "root". This could be dangerous.\n'
OTHERS = b"2021-01-02 09:26:00 DEBUG (MainThread) [homeassistant.core] Bus:Handling <Event a=[1, 2] {x}>\n"
OURS = b"2021-01-02 09:26:01 DEBUG (MainThread) [lmdirect.connection] Message=401C0004, Data=03BC04D8\n"


def zipped(name, data=b"x"):
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, data)
    return file.getvalue()


def tar(data):
    head = b"x.pcap".ljust(257, b"\0") + b"ustar\x0000"
    return head.ljust(512, b"\0") + data + bytes(1024)


def dump(*command, data=PCAP):
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def powershell_5(data, page="cp437"):
    lines = re.split("\r\n|\n|\r", data.decode(page, "replace"))
    return b"\xff\xfe" + ("\r\n".join(lines) + "\r\n").encode("utf-16-le")


def powershell_7(data):
    lines = re.split("\r\n|\n|\r", data.decode("utf-8", "replace"))
    return ("\r\n".join(lines) + "\r\n").encode()


FOREIGN = {
    "saz": (zipped("raw/01_c.txt"), "is a session of Fiddler .*HTTPArchive.* lmdecode credentials FILE"),
    "docx": (zipped("[Content_Types].xml"), "is a document"),
    "zip": (zipped("morning.pcap", PCAP), "is a ZIP archive; unpack it first: unzip FILE"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(90), "7z x FILE"),
    "rar": (b"Rar!\x1a\x07\x00" + bytes(90), "unrar x FILE"),
    "tar": (tar(PCAP), "is a tar archive; unpack it first: tar xf FILE"),
    "tar.gz": (gzip.compress(tar(PCAP), mtime=0), "is a tar archive"),
    "lz4": (b"\x04\x22\x4d\x18" + bytes(90), "lz4 -d"),
    "etl": (
        struct.pack("<III", 65536, 4096, 4096).ljust(72, b"\1") + b"\2\0\2\xc0" + bytes(900),
        "etl.*pktmon etl2pcap FILE --out NEW.pcapng",
    ),
    "snoop": (b"snoop\0\0\0\0\0\0\2\0\0\0\4" + bytes(90), "snoop capture; convert it: editcap"),
    "btsnoop": (b"btsnoop\0\0\0\0\1\0\0\3\xec" + bytes(90), "link type 1004 .*btmon"),
    "sqlite": (b"SQLite format 3\0" + bytes(900), "database .*home-assistant.log"),
    "pdf": (b"%PDF-1.7\n1 0 obj\n" + b"text " * 900, "is a PDF"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(90), "screenshot"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(90), "screenshot"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n", "git lfs pull"),
    "html": (b"<!DOCTYPE html>\n<html><head><title>Issue 7</title>" + b"<p>" * 50, "you saved the page, not the file"),
    "pdml": (b'<?xml version="1.0"?>\n<?xml-stylesheet type="x"?>\n<!-- x -->\n<pdml>\n', "tshark's XML.*-T json"),
    "base64": (base64.encodebytes(PCAP), "base64 -di FILE > NEW.pcap"),
    "base64 of certutil": (
        b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(PCAP) + b"-----END CERTIFICATE-----\n",
        "base64 between two lines; decode it: grep .*certutil -decode FILE",
    ),
    "base64 of uuencode": (b"begin-base64 644 x.pcap\n" + base64.encodebytes(PCAP), "uudecode -o NEW.pcap FILE"),
    "uuencode": (b"begin 644 x.pcap\nMU,.RH0(`!```````````\n", "uudecode -o NEW.pcap FILE"),
    "mail": (
        b"Return-Path: <a@example.org>\r\nSubject: my capture\r\nContent-Type: multipart/mixed\r\n\r\n--x\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(PCAP) + b"--x--\r\n",
        "a mail with something attached; save what is attached",
    ),
    "mail of Google": (
        b"MIME-Version: 1.0\nFrom: a\n\ncontent-transfer-encoding: BASE64\n\n" + base64.encodebytes(PCAP),
        "a mail with something attached",
    ),
    "pcapng without returns": (section().replace(b"\r\n", b"\n"), "carriage returns were taken away.*scp"),
    "base64 gz": (base64.b64encode(gzip.compress(PCAP, mtime=0)), "base64 -di FILE"),
    "xxd": (dump("xxd"), "xxd -r FILE"),
    "xxd -p": (dump("xxd", "-p"), "xxd -r -p FILE"),
    "hexdump": (dump("hexdump", "-C"), "cut -c 11-59 FILE . xxd -r -p > NEW.pcap"),
    "od": (dump("od", "-A", "x", "-t", "x1"), "xxd -r"),
    "hexdump words": (dump("hexdump"), "xxd CAPTURE > NEW"),
    "od words": (dump("od"), "xxd CAPTURE > NEW"),
    "hexdump of packets": (b"0000  02 00 00 00 00 01 02 00 00 00 00 02 08 00 45 00   ........\n", "text2pcap FILE"),
    "tshark": ("    1   0.000000 10.0.0.1 → 10.0.0.2 TCP 74\n".encode(), "what tshark prints"),
    "tshark -V": (b"Frame 1: 74 bytes on wire (592 bits), 74 bytes captured (592 bits)\n", "what tshark prints"),
    "tshark's stream": (b"\n" + b"=" * 67 + b"\nFollow: tcp,hex\nFilter: tcp.stream eq 0\n", "what tshark prints"),
    "printed": (
        b"tcpdump: verbose output\n12:34:56.789012 IP 10.0.0.1.1774 > 10.0.0.2.5: Flags [P.]\n",
        "tcpdump prints",
    ),
    "csv": (b'"No.","Time","Source","Destination"\n"1","0.0","a","b"\n', "table of packets"),
    "zeros": (bytes(5000), "nothing but zeros"),
    "empty": (b"", "is empty"),
    "empty gz": (gzip.compress(b"", mtime=0), "compressed content is missing"),
    "pcapng by a terminal": (section().replace(b"\n", b"\r\n"), "carriage return before each line feed.*adb exec-out"),
    "ps5": (powershell_5(PCAP), "PowerShell made text.*PowerShell 5.*cmd /c"),
    "ps5 850": (powershell_5(PCAP, "cp850"), "PowerShell made text.*PowerShell 5.*cmd /c"),
    "ps5 1252": (powershell_5(PCAP, "cp1252"), "PowerShell made text.*PowerShell 5"),
    "ps5 ng": (powershell_5(section() * 3), "PowerShell made text.*PowerShell 5"),
    "ps5 gz": (powershell_5(gzip.compress(PCAP, mtime=0)), "PowerShell made text.*PowerShell 5"),
    "ps7": (powershell_7(PCAP), "PowerShell made text.*PowerShell 7.*scp"),
    "ps7 ng": (powershell_7(section() * 3), "PowerShell made text.*PowerShell 7"),
    "ps7 gz": (powershell_7(gzip.compress(PCAP, mtime=0)), "PowerShell made text.*PowerShell 7"),
    "latin": (PCAP.decode("latin-1").encode(), "took its bytes for text"),
    "blank": (b"\n", "not a capture.*text in which no line has a message"),
    "notes": (b"Dear diary,\n" * 9000, "not a capture.*text in which no line has a message.*debug: .*pylamarzocco"),
    "json lines": (b'{"level": "info"}\n{"level": "info"}\n', "not a capture.*text in which no line"),
}


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_what_is_no_capture_is_named_with_what_to_do(name, tmp_path):
    data, said = FOREIGN[name]
    with pytest.raises(CaptureError, match=said) as caught:
        decode(tmp_path / "x", data)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.binary(max_size=2000).map(lambda data: b"\x9d\x01\xfe\x02" + data) | st.integers(4, 9000).map(bytes))
@settings(max_examples=20, deadline=None)
def test_a_capture_behind_what_is_no_text_is_found(before):
    with TemporaryDirectory() as folder:
        records, statistics, *_ = decode(Path(folder, "x"), before + PCAP)
        assert told(records) == told(decode(Path(folder, "y"), PCAP)[0])
    said = f"{len(before):,} bytes before the capture, which are no text, were passed over"
    assert statistics.warnings == ([said] if before.strip(b"\0") else [])


@pytest.mark.parametrize("between", [b"", b"\n", b"Running as user root\n"])
@pytest.mark.parametrize(
    ("other", "name"),
    [
        (JSON, "tshark's exports"),
        (JSON[:300], "tshark's exports"),
        (b"2023-03-20 11:03:12.122 DEBUG [lmdirect.connection] Message=401C0004, Data=03BC04D8\n", "debug logs"),
    ],
)
def test_another_format_behind_a_pcap_is_no_text(between, other, name, tmp_path):
    """What it holds may not be lost as text that is passed over."""
    records, statistics, *_ = decode(tmp_path / "x", PCAP + between + other)
    assert records == decode(tmp_path / "y", PCAP)[0]
    (warning,) = statistics.warnings
    assert warning.startswith("another format stands behind byte")
    assert name in warning
    assert warning.endswith(f"decode it by itself: tail -c +{len(PCAP) + 1} FILE | lmdecode decode -")


def test_a_compressed_file_that_went_through_a_terminal(tmp_path):
    data = bz2.compress(PCAP + Random(0).randbytes(5000))
    assert data.count(b"\n") >= 3
    try:
        said = str(decode(tmp_path / "x", data.replace(b"\n", b"\r\n"))[1].warnings)
    except CaptureError as error:
        said = str(error)
    assert re.search("the bzip2 was damaged: a terminal.*adb exec-out", said), said


def test_each_of_the_table_has_advice_and_an_example():
    for each in (*BINARY, *TEXTS):
        assert each.magics or each.recognises, each.what
        assert each.what.isprintable()
        assert each.advice.isprintable()
    common = {each.what for each in (*BINARY, *TEXTS) for data, _ in FOREIGN.values() if each.has(data)}
    assert len(common) > 22


READ = {
    "pcap": PCAP,
    "text, pcap": b"dropped privs to tcpdump\n" + PCAP,
    "much text, pcap": b"# " * 30_000 + PCAP,
    "text, gzip": b"Welcome to the router!\n" + gzip.compress(PCAP, mtime=0),
    "zstd of text, pcap": zstandard.compress(b"Welcome\n" + PCAP),
    "gzip of gzip": gzip.compress(gzip.compress(PCAP), mtime=0),
    "json": JSON,
    "text, json": RUNNING + JSON + b"\n94 packets captured\n",
    "mark, text, json": b"\xef\xbb\xbf" + RUNNING + JSON,
    "bracket, json": b"[12:00:01] Capturing on 'eth0'\n" + JSON,
    "wide json": as_bom_utf16(RUNNING + JSON),
    "wide json without mark": as_bom_utf16(RUNNING + JSON)[2:],
    "big wide json": (RUNNING + JSON).decode().encode("utf-16-be"),
    "two lists": exported(SEGMENTS[:6]) + b"\n" + RUNNING + exported(SEGMENTS[6:]),
}


@pytest.mark.parametrize("name", sorted(READ))
def test_what_stands_around_a_capture_is_passed_over_and_said(name, tmp_path):
    records, statistics, _ = decode(tmp_path / "x", READ[name])
    assert told(records) == told(decode(tmp_path / "plain", PCAP)[0])
    assert statistics.warnings == []
    assert any("passed over" in note for note in statistics.notes) == (
        "text" in name or name[:3] in ("big", "bra", "two", "wid")
    )


LOGS = {
    "log": OURS * 3,
    "late": OTHERS * 40_000 + OURS,
    "wide": as_bom_utf16(OTHERS * 3 + OURS),
    "wide without mark": as_bom_utf16(OTHERS * 3 + OURS)[2:],
    "brackets": b"[12:00:00] [x]\n" * 9 + OURS,
    "json lines": b'{"log":"x\\n"}\n' * 3 + b'{"log":"' + OURS.strip() + b'"}\n',
    "after a power cut": bytes(4096) + OTHERS + OURS,
}


@pytest.mark.parametrize("name", sorted(LOGS))
def test_a_log_whose_first_message_comes_late(name, tmp_path):
    records, _, _ = decode(tmp_path / "x", LOGS[name])
    assert records
    assert {record.address for record in records} == {0x401C}


def what(data, cuts=()):
    """What a file is, and what is in it, or what is said of it."""
    try:
        kind, file = open_capture(OpenCapture(BufferedReader(Pieces(data, cuts))))
    except CaptureError as error:
        return str(error)
    with file:
        return kind.name, file.read()


SHORT = {name: data for name, (data, _) in FOREIGN.items()} | READ | LOGS
SHORT = {name: data for name, data in SHORT.items() if len(data) < 1 << 17}


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(sorted(SHORT)), cuts=st.lists(st.integers(0, 700) | st.integers(0, 1 << 17), max_size=8))
@example(name="pcap", cuts=[1, 2, 3])
@example(name="wide json without mark", cuts=[1, 2, 3, 63])
@example(name="tar", cuts=[100, 257, 262])
@example(name="log", cuts=list(range(300)))
def test_how_a_pipe_cuts_it_changes_nothing(name, cuts):
    assert what(SHORT[name], cuts) == what(SHORT[name])


@settings(max_examples=100, deadline=None)
@given(start=st.binary(max_size=80), cuts=st.lists(st.integers(0, 80), max_size=4))
def test_any_bytes_are_something_or_refused(start, cuts):
    assert what(start, cuts) == what(start)


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes of this kind")
def test_a_log_that_grows_is_read_as_it_is_written():
    """`tail -f`: the first message comes out before the next line is there, and lines of others do not hold it up."""
    reading, writing = os.pipe()
    came = threading.Event()

    def write():
        os.write(writing, OTHERS)
        os.write(writing, OTHERS + OURS + OURS)
        came.wait(10)
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        kind, file = open_capture(OpenCapture(BufferedReader(pipe)))
        assert kind.records is not None
        assert file.read1(10) == OTHERS[:10]
        came.set()
        writer.join()
        file.close()


def test_a_random_file_is_not_taken_for_a_capture():
    magic = PCAP[:4]
    for prefix in (bytes(9), b"\x01\x02\x03" * 200, b"text\n"):
        said = what(prefix + magic + b"\xff" * 900)
        assert isinstance(said, str), said
        assert "not a capture" in said


def test_the_page_of_the_docs_has_the_tables_of_the_code():
    spec = importlib.util.spec_from_file_location("make_formats", DOCS / "make_formats.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.PAGE.read_text(encoding="utf-8")
    assert module.page(text) == text, "run `make docs`"
    assert "is a tar archive" not in text
    assert "| a tar archive | unpack it first: tar xf FILE |" in text


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
@pytest.mark.parametrize("at", [16, 60, 300])
def test_damage_behind_the_first_sign_does_not_decide_what_a_file_is(at, size):
    data = b'{"index":{"_index":"packets"}}\n{"layers":{"frame":{}}}\n' * 20
    data = data[:at] + b"\0\1" + data[at:]
    kind, file = open_capture(OpenCapture(BufferedReader(Pieces(data, range(0, len(data), size)))))
    with file:
        assert "tshark" in kind.name
