"""What is told of files that are no capture, and that names do not matter."""

from __future__ import annotations

import gzip
import os
import threading

import pytest

from lmdecode.capture import CaptureError
from lmdecode.capture.formats import open_capture
from tests.capture.building import as_bom_utf16, decode, exported, packets, pcap, section, talk, told

EXPORT = "tshark's exports -T json, -T jsonraw and -T ek"
LOG = "debug logs of lmdirect, lmcloud and pylamarzocco"


def kind(path, data):
    path.write_bytes(data)
    found, file = open_capture(path)
    with file:
        assert file.read() == data  # nothing was taken
    return found.name


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (pcap([], order="<"), "pcap"),
        (pcap([], order=">"), "pcap"),
        (pcap([], order="<", nanoseconds=True), "pcap"),
        (pcap([], order=">", nanoseconds=True), "pcap"),
        (section("<"), "pcapng"),
        (section(">"), "pcapng"),
        (b" \r\n\t[\n", EXPORT),
        (b"{}", EXPORT),
        (b"\xef\xbb\xbf\n[]", EXPORT),
        (as_bom_utf16(b"[ ]"), EXPORT),
        ("[ ]".encode("utf-16-be").join([b"\xfe\xff", b""]), EXPORT),
        (b'{"index":{}}\n{"timestamp":"1","layers":{}}', EXPORT),
        (b'[\n  {\n    "_index": "Message=401C0004, Data=03BC04D8"', EXPORT),
        (b"Message=401C0004, Data=03BC04D8", LOG),
        (b"[lmdirect.connection] Message=401C0004, Data=03BC04D8\n", LOG),
        (b"\xef\xbb\xbf2021-01-02 x\n09:26 Sending 40000020 with None None", LOG),
        (b"DEBUG (MainThread) [lmdirect.connection] Starting read task", LOG),
        (as_bom_utf16(b"Unexpected response: R60DA0012FF"), LOG),
    ],
)
def test_content_tells_the_format(data, expected, tmp_path):
    assert kind(tmp_path / "misleading.gz", data) == expected


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is empty; record again"),
        (gzip.compress(b"x", mtime=0), "is not a capture"),
        (b"\x28\xb5\x2f\xfd....", "zstd data end too early, or are damaged"),
        (b"PK\x03\x04....", "unzip"),
        (b"\xa1\xb2\xcd\x34....", "editcap"),
        (b"GMBU....", "Network Monitor"),
        (b"\xd4\xc3", "is cut off in its first bytes"),
        (b"hello world", r"text in which no line has a message of a machine; .* log on level debug: .* pylamarzocco"),
        (
            b"\x03\x02\x01" * 400,
            r"reads \(.*pcap, pcapng, .* json, .* jsonraw .* ek, .* gzip, xz, bzip2 or zstd\).*editcap",
        ),
        (b"\xff\xfehello", "is not a capture"),
        (b"\x00", "holds nothing but zeros"),
        (pcap([])[:20], "cut off or damaged in its header"),
        (section()[:20], "cut off or damaged in its header"),
        (section()[:4] + b"\xff" * 24, "cut off or damaged in its header"),
    ],
)
def test_what_is_no_capture_is_refused_in_one_line(data, text, tmp_path):
    path = tmp_path / "file"
    with pytest.raises(CaptureError, match=text) as caught:
        decode(path, data)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_directory_and_a_missing_file(tmp_path):
    with pytest.raises(CaptureError, match="is a directory; name a capture file in it"):
        open_capture(tmp_path)
    with pytest.raises(CaptureError, match="does not exist; check the path"):
        open_capture(tmp_path / "nothing")
    with pytest.raises(CaptureError, match="cannot be opened"):
        open_capture(tmp_path / "no\0file")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(pcap([]))

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    # Root may read everything, so the refusal is the test's own.
    monkeypatch.setattr("lmdecode.capture.formats.FileIO", refuse)
    with pytest.raises(CaptureError, match="cannot be read: permission denied; check its permissions"):
        open_capture(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("build", [lambda made: pcap(packets(made)), exported], ids=["pcap", "json"])
def test_a_pipe_will_do(build, tmp_path):
    segments = talk().segments
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(build(segments),))
    writer.start()
    records, statistics, _ = decode(path)
    writer.join()
    assert told(records) == told(decode(tmp_path / "file", build(segments))[0])
    assert len(records) == 4
    assert statistics.warnings == []
