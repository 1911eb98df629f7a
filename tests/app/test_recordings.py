"""Recorded traffic in everything that people pack it into, and what is said of files that cannot be read."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import time
import zipfile

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.app.credentials import search
from lmdecode.app.recordings import what_is_it
from lmdecode.capture.http.exchange import Exchange, Request
from lmdecode.codec.errors import LmdecodeError
from tests.cloud.archives import ALL, customer, found_in, har, login

HAR = json.dumps(har(login(), customer())).encode()
PACKERS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
    "br": brotli.compress,
}


def zipped(files, method=zipfile.ZIP_DEFLATED):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def flows(file):
    """Stands for what reads mitmproxy's flows."""
    yield Exchange(Request("GET", "cms.lamarzocco.io", "/", [("x", file.read().decode("latin-1"))]), None)


@pytest.fixture
def read(tmp_path):
    def run(content, name="login.har"):
        (tmp_path / name).write_bytes(content)
        return search([tmp_path / name], flows)

    return run


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_compressed_archives(read, kind, encoding):
    result = read(PACKERS[kind](HAR.decode().encode(encoding)), f"login.har.{kind}")
    assert (found_in(result.found), result.complaints, result.unread) == (ALL, [], False)


@pytest.mark.parametrize("name", ["login.flow", "login.flow.gz", "x.zip"])
def test_flows_are_given_to_what_reads_them(read, name):
    content = b"9:flow here}"
    packed = {"login.flow": content, "login.flow.gz": gzip.compress(content), "x.zip": zipped({"a.flow": content})}
    assert read(packed[name], name).requests == 1


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zst", "br"])
def test_a_compressed_archive_that_is_cut_short_gives_what_it_has(read, kind):
    several = json.dumps(har(login(), customer(), *(customer(str(i) * 100) for i in range(600)))).encode()
    packed = PACKERS[kind](several)
    result = read(packed[: len(packed) * 9 // 10], f"x.har.{kind}")
    assert result.unread
    assert found_in(result.found) == ALL or kind in {"bz2", "br"}  # these unpack in large blocks
    assert "cut short" in result.complaints[-1] or "damaged" in result.complaints[-1]


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
@pytest.mark.parametrize("bytes_lost", [1, 9])
def test_what_precedes_damage_is_used_however_small_the_archive(read, kind, bytes_lost):
    result = read(PACKERS[kind](HAR + b" " * 5000)[:-bytes_lost], f"login.har.{kind}")
    assert found_in(result.found) == ALL
    assert "end too early" in str(result.complaints)


def test_an_archive_of_which_nothing_is_left_is_not_called_empty(read):
    assert "cut short" in str(read(PACKERS["zst"](HAR)[:-9], "login.har.zst").complaints)


@pytest.mark.parametrize("kind", PACKERS)
def test_archives_that_were_compressed_twice_or_before_they_were_zipped(read, kind):
    packed = PACKERS[kind](HAR)
    assert found_in(read(PACKERS[kind](packed), f"login.har.{kind}.{kind}").found) == ALL
    result = read(zipped({f"login.har.{kind}": packed}), "logins.zip")
    assert (found_in(result.found), result.complaints) == (ALL, [])


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_with_an_archive_in_it(read, method):
    files = {"notes.txt": "hello", "a/": "", "__MACOSX/login.har": "{", "a/login.har": HAR}
    result = read(zipped(files, method), "login.zip")
    assert (found_in(result.found), result.complaints) == (ALL, [])


def test_fiddlers_sessions(read):
    host = "Host: cms.lamarzocco.io\r\n\r\n"
    files = {"raw/1_c.txt": f"POST https://cms.lamarzocco.io/oauth/v2/token HTTP/1.1\r\n{host}"}
    files["raw/1_c.txt"] += "username=a&password=b&client_id=c&client_secret=d"
    files["raw/1_s.txt"] = 'HTTP/1.1 200 OK\r\n\r\n{"access_token": "x"}'
    assert found_in(read(zipped(files), "x.saz").found)["client_id"] == "c"


def test_zips_that_give_nothing(read):
    assert "without HAR or flows" in read(zipped({"a.txt": "x"})).complaints[0]
    assert "without HAR or flows" in read(zipped({"a.zip": zipped({"a.har": HAR})})).complaints[0]
    assert "is a zip in another archive" in read(gzip.compress(zipped({"a.har": HAR}))).complaints[0]
    assert "is damaged" in read(zipped({"login.har": HAR})[:-30]).complaints[0]
    locked = bytearray(zipped({"login.har": HAR}))
    for start in (locked.index(b"PK\x03\x04") + 6, locked.index(b"PK\x01\x02") + 8):
        locked[start] |= 1
    assert "with a password" in read(bytes(locked)).complaints[0]


@given(st.integers(0, 3000), st.integers(0, 9), st.binary(max_size=4), st.sampled_from([*PACKERS, "zip"]))
def test_whatever_is_damaged_nothing_is_raised(tmp_path_factory, at, removed, put, kind):
    content = PACKERS[kind](HAR) if kind != "zip" else zipped({"login.har": HAR})
    at %= len(content)
    path = tmp_path_factory.getbasetemp() / f"damaged.har.{kind}"
    path.write_bytes(content[:at] + put + content[at + removed :])
    result = search([path], flows)
    assert "hush" not in "".join(result.complaints)


NAMED = {
    b"": "is empty",
    b" \n": "is empty",
    b"nonsense": "is neither flows that mitmproxy saved nor an HTTP archive",
    b"\xd4\xc3\xb2\xa1\x02\x00": "is a capture of packets, in which TLS hides the login",
    b"\n\r\r\n\x1c\x00\x00\x00": "is a capture of packets",
    b"btsnoop\0\0\0\0\1": "is a log of Bluetooth, not of a login. The token",
    b"2026-11-21 07:29:50 DEBUG (MainThread) [pylamarzocco.clients._cloud] Getting": "is a debug log, not of a login",
    b'[\n  {\n    "_index": "packets-2026-11-21",\n': "is tshark's JSON",
    b"curl 'https://cms.lamarzocco.io/' \\\n -H 'a: b'": "is a command (Copy as cURL)",
    b'curl.exe ^"https://cms.lamarzocco.io': "is a command (Copy as cURL)",
    b"HTTP-Trace-Version: 1.0\n": "is a trace of Charles",
    b"\xac\xed\x00\x05sr": "is a session of Charles",
    b"<?xml version='1.0'?>\n<charles-session>": "is a session of Charles",
    b'<?xml version="1.0"?>\n<!DOCTYPE items [\n]>\n<items burpVersion="2026.1">': "is an export of Burp",
    b"<!DOCTYPE html><html>": "is a web page",
    b"bplist00\xd1": "is a property list or web archive",
    b"# TLS secrets\nCLIENT_RANDOM 0123 4567": "has keys of TLS",
    b"7z\xbc\xaf\x27\x1c\x00": "is an archive of files",
    b"a.har".ljust(257, b"\0") + b"ustar": "is an archive of files",
    b"POST /oauth/v2/token HTTP/1.1\r\nHost: x\r\n": "is one HTTP message as text",
    b"HTTP/2 200\r\n": "is one HTTP message as text",
    b"SQLite format 3\0": "is a database",
    "1996:9:websocket".encode("utf-16"): "is binary that was turned into text",
}


@pytest.mark.parametrize("content", NAMED)
def test_what_cannot_be_read_is_named(read, content):
    result = read(content, "login")
    assert NAMED[content] in result.complaints[0]
    assert result.unread


@pytest.mark.parametrize(
    ("name", "words"),
    [("x.chls", "session of Charles"), ("x.chlz", "session of Charles"), ("x.proxymanlog", "log of Proxyman")],
)
def test_what_its_name_tells(read, name, words):
    assert words in read(b"\x80\x02whatever", name).complaints[0]


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_any_beginning_has_one_line(start):
    assert what_is_it(start).isprintable()


def test_a_file_that_unpacks_without_end_is_read_up_to_a_limit(read, monkeypatch):
    monkeypatch.setattr("lmdecode.app.recordings._FREE", 1 << 20)
    monkeypatch.setattr("lmdecode.app.recordings._RATIO", 1)
    bomb = b'{"log":{"entries":[' + json.dumps(login()).encode() + b"," + b" " * (8 << 20)
    for packed, name in ((gzip.compress(bomb), "x.har.gz"), (zipped({"x.har": bomb}), "x.zip")):
        result = read(packed, name)
        assert result.found.client is not None
        assert "unpacks to far more than recorded traffic does" in "".join(result.complaints)


def test_a_zip_whose_directory_is_large_is_refused(read):
    packed = bytearray(zipped({"x.har": HAR}))
    at = packed.rindex(b"PK\x05\x06")
    packed[at + 12 : at + 16] = (1 << 30).to_bytes(4, "little")
    assert "of more files than a recording has" in read(bytes(packed)).complaints[0]


@pytest.mark.parametrize("unit", [b"1", b"9:", b"12:a;", b"# \n", b"<?xml ", b"[ ", b'"log" ', b"\n", b"curl"])
def test_no_beginning_takes_long(unit):
    start = time.process_time()
    what_is_it((unit * 4096)[:4096])
    assert time.process_time() - start < 0.5


def test_a_reader_that_fails_is_told_and_ends_nothing(tmp_path):
    class BrokenError(LmdecodeError):
        pass

    def broken(file):
        yield from flows(file)
        raise BrokenError("it is broken")

    for name in ("1", "2"):
        (tmp_path / name).write_bytes(b"1:x}")
    result = search([tmp_path / "1", tmp_path / "2"], broken)
    assert result.requests == 2
    assert [each.rpartition(": ")[2] for each in result.complaints[-1:]] == ["it is broken"]


def test_a_complaint_that_is_made_often_is_made_once(read):
    refused = [login(response_status=status, response_content={"text": "{}"}) for status in [401] * 500]
    result = read(json.dumps(har(*refused)).encode())
    assert len(result.complaints) == 1
    assert result.complaints[0].endswith("(500 times)")
    named = [customer(str(number) * 3, "short") for number in range(200)]
    assert len(read(json.dumps(har(*named)).encode()).complaints) <= 51
