"""The log of lmdirect as owners post it: every prefix, every line, and what is missing or damaged in it."""

from __future__ import annotations

import gzip
import io
import json
import logging
import os
import quopri
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.capture import CaptureError, CaptureStatistics, busiest_ports, decode_capture, decode_packets
from lmdecode.capture.formats.debug_log import read_log
from lmdecode.codec.record import Kind
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.redaction import WITHHELD
from tests.capture.building import START_NS, as_bom_utf16, decode, message, new_decoder

HOME_ASSISTANT = "2023-11-14 22:13:20.{:03} DEBUG (MainThread) [lmdirect.connection] {}"
PYTHON = "2023-11-14 22:13:20,{:03} DEBUG {}"
SAID = [
    "Starting read task",
    "Sending 401C0004 with None None",
    "Message=401C0004, Data=03BC04D8",
    "Sending 03100002 with 0610 11",
    "Message=03110002, Data=OK",
    "Command Succeeded: 03110002: OK",
    "Message=40220001, Data=01",
    "Message=60DA0012, Data=" + "00" * 18,
    "Unexpected response: " + message("R60DA0012" + "00" * 18),
    "Message=60000016, Data=" + "00" * 22,
    "Received all responses",
]
OTHER = b"2023-11-14 22:13:20.000 DEBUG (MainThread) [homeassistant.helpers.entity] Updating the kitchen took 0.4 s\n"
NO_ZONE = "the log's times have no zone, and were taken as UTC"
NO_TIME = "the log's messages have no time; all stand at 1970-01-01"


def log(form="{1}", said=SAID):
    return "".join(form.format(index, line) + "\n" for index, line in enumerate(said)).encode()


def read(data, *, show_secrets=False):
    class File(io.BytesIO):
        name = "x.log"

    statistics = CaptureStatistics()
    file = io.BufferedReader(File(data))
    speakers = speakers_with(new_decoder(show_secrets=show_secrets))
    return list(read_log(file, statistics, None, speakers)), statistics, statistics.tallies.total()


def test_all_that_the_lines_tell():
    records, statistics, tally = read(log(HOME_ASSISTANT))
    assert [(each.sender, each.kind, each.role) for each in records] == [
        ("app", Kind.READ, "request"),
        ("machine", Kind.READ, "response"),
        ("app", Kind.WRITE, "request"),
        ("machine", Kind.WRITE, "response"),
        ("machine", Kind.READ, "report"),
        ("machine", Kind.READ, "report"),
        ("machine", Kind.STREAM, "report"),
    ]
    ask, status, write, taken, _, whole, _ = records
    assert (ask.plaintext, ask.source, ask.destination) == (message("R401C0004"), "app", "machine")
    assert status.fields == {"coffee_temp": 95.6, "steam_temp": 124.0}
    assert (status.data, status.plaintext, status.source) == ("03bc04d8", None, "machine")
    assert status.elapsed == pytest.approx(0.001)
    assert write.plaintext == message("W031100020610")
    assert write.address == 0x0311
    assert (taken.ok, taken.fields, taken.data) == (True, {}, None)
    assert whole.plaintext == message("R60DA0012" + "00" * 18)
    assert [each.time_ns - START_NS for each in records] == [number * 1_000_000 for number in (1, 2, 3, 4, 6, 7, 9)]
    assert all(not each.problems and each.raw is None and each.stream == 0 for each in records)
    assert (statistics.packets, statistics.connections) == (len(SAID), 1)
    assert (tally.frames, tally.valid_frames, tally.messages, tally.problems) == (7, 7, 7, 0)
    assert statistics.notes == [NO_ZONE]


@pytest.mark.parametrize(
    ("form", "notes"),
    [
        (PYTHON, [NO_ZONE]),
        ("2023-11-14T23:13:20.{:03}000000+01:00 app | \x1b[32m{}\x1b[0m", []),
        ("2023-11-14T22:13:20.{:03}Z {}", []),
        ("2023-11-14 17:13:20.{:03} -0500 {}", []),
        ("14.11.2023 22:13:20,{:03};{}", [NO_ZONE]),
        ("14.11.23, 22:13:20.{:03} - {}", [NO_ZONE]),
        ("2023/11/14 22:13:20.{:03} [debug] {}", [NO_ZONE]),
        ("11/14/2023, 10:13:20.{:03} PM: {}", [NO_ZONE]),
        ("14/11/2023 10:13:20.{:03} p.m. {}", [NO_ZONE]),
        ("1700000000.{:03} DEBUG {}", []),
        ("(1700000000{:03}) {}", []),
        ("1700000000{:03}000000 {}", []),
    ],
)
def test_every_kind_of_time(form, notes):
    expected, _, _ = read(log(HOME_ASSISTANT))
    records, statistics, _ = read(log(form))
    assert records == expected
    assert statistics.notes == notes


@pytest.mark.parametrize(
    "form",
    [
        "{1}",
        "DEBUG:lmdirect.connection:{1}",
        "22:13:20 {1}",
        "2023-14-14 22:13:20 {1}",
        "04/03/2023 22:13:20 {1}",  # of April, or of March
        "31.02.2023 22:13:20 {1}",
        "Nov 14 22:13:20 {1}",
    ],
)
def test_no_times(form):
    expected, _, _ = read(log(HOME_ASSISTANT))
    records, statistics, _ = read(log(form))
    without = [each._replace(time_ns=0, elapsed=None, request=None) for each in expected]
    assert [each._replace(request=None) for each in records] == without
    assert [each.request is None for each in records] == [each.request is None for each in expected]
    assert statistics.notes == [NO_TIME]


def test_lines_joined_without_a_blank():
    """The date of the next line stands right behind the data, and its digits are hexadecimal as well."""
    said = [line for line in SAID if line.startswith("Message=") and not line.endswith("OK")]
    expected, _, _ = read(log(HOME_ASSISTANT, said))
    assert read(log(HOME_ASSISTANT, said).replace(b"\n", b""))[0] == expected


def test_a_soft_line_end_may_be_the_last_of_a_piece():
    """A mail comes in pieces, and none of its lines is whole without the next."""
    body = quopri.encodestring(log(HOME_ASSISTANT) * 2000)
    records, _, _ = read(b"Content-Transfer-Encoding: quoted-printable\n\n" + body)
    assert len(records) == 2000 * len(read(log(HOME_ASSISTANT))[0])
    assert not any(each.problems for each in records)


def test_a_line_without_time_among_others():
    records, statistics, _ = read(log(HOME_ASSISTANT) + b"Message=40220001, Data=01\n")
    assert records[-1].time_ns == records[-2].time_ns
    assert statistics.notes[-1].startswith("1 of the log's messages have no time")


@pytest.mark.parametrize("wrap", [as_bom_utf16, lambda data: b"\xef\xbb\xbf" + data, lambda data: data[:-1]])
def test_every_encoding(wrap):
    assert read(wrap(log(PYTHON)))[0] == read(log(PYTHON))[0]


def test_a_refused_write():
    said = ["Sending 00070002 with 03A7 None", "Message=00070002, Data=EE", "Command Failed: 00070002: EE"]
    for lines in (said, said[1:], said[2:]):
        records, _, tally = read(log(PYTHON, lines))
        assert (records[-1].kind, records[-1].role, records[-1].ok) == (Kind.WRITE, "response", False)
        assert tally.problems == 0
        assert len(records) == len(lines) - ("Message" in str(lines))
    assert read(log(PYTHON, ["Sending 00070002 with 03A7 None", "Message=00070002, Data=NO"]))[0][-1].ok is False


def test_a_wrong_check_byte_is_told():
    records, _, tally = read(log(PYTHON, ["Unexpected response: R401C000403BC04D8B7"]))
    assert records[0].problems == ("check byte is B7, should be B6",)
    assert (tally.problems, tally.valid_frames) == (1, 0)


def test_damaged_data_and_damaged_lines():
    said = ["Message=401C0004, Data=03BC04", "Message=401C0004, Data=", "Message=401C, Data=03BC04D8", "Message=x"]
    records, statistics, tally = read(log(PYTHON, said))
    assert [each.problems for each in records] == [
        ("the length says 4 bytes, the message holds 3 bytes",),
        ("an answer without data: the machine echoed the request",),
    ]
    assert tally.problems == 2
    assert statistics.warnings[0].startswith("1 line of the log mentions a message that cannot be read")


def test_the_cloud_account_stays_secret():
    secret = "5345435245542121"
    said = [f"Message=01110008, Data={secret}", f"Message=01110009, Data={secret}"]
    records, _, _ = read(log(PYTHON, [*said, f"Unexpected response: {message('R01110008' + secret)}"]))
    assert secret not in str(records)
    assert records[0].data == "**" * 8
    assert records[1].problems == (WITHHELD,)
    assert read(log(PYTHON, said), show_secrets=True)[0][0].data == secret


def test_a_log_without_messages_is_refused():
    with pytest.raises(CaptureError, match="without a message in it; log on level debug"):
        read(log(HOME_ASSISTANT, SAID[:1]))


def test_what_logging_itself_prints(caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("lmdirect.connection").debug("Message=%s, Data=%s", "401C0004", "03BC04D8")
    assert read(caplog.text.encode())[0][0].fields["coffee_temp"] == 95.6


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SAID), st.integers(0, 60), st.integers(0, 9), st.text(max_size=5))))
def test_no_damage_is_too_much(parts):
    lines = [line[:start] + other + line[start + size :] for line, start, size, other in parts]
    data = "\n".join([SAID[2], *lines]).encode("utf-8", "replace")
    records, statistics, tally = read(data)
    assert 1 <= len(records) == tally.frames <= statistics.packets
    assert all(isinstance(each.as_dict(), dict) for each in records)


def test_a_log_is_decoded_like_any_capture(tmp_path):
    path = tmp_path / "home-assistant.log"
    records, statistics, tally = decode(path, log(HOME_ASSISTANT))
    assert records == read(log(HOME_ASSISTANT))[0]
    assert (statistics.connections, tally.messages, statistics.notes) == (1, 7, [NO_ZONE])
    assert decode(path, gzip.compress(log(HOME_ASSISTANT)))[0] == records
    assert busiest_ports(path) == []
    with pytest.raises(CaptureError, match="has no packets as they were on the wire"):
        next(decode_packets(path, new_decoder()))


def test_several_logs_are_numbered_on(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(log())
    statistics = CaptureStatistics(connections=3)
    assert {each.stream for each in decode_capture(path, speakers_with(new_decoder()), statistics=statistics)} == {3}
    assert statistics.connections == 4


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_request_comes_out_as_soon_as_its_line_is_there(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    try:
        os.write(writer, b"Sending 401C0004 with None None\n")
        records = decode_capture(path, speakers_with(new_decoder()))
        assert next(records).role == "request"
        os.write(writer, b"Message=401C0004, Data=03BC04D8\nMessage=40220001, Data=01\n")
        assert next(records).role == "response"
    finally:
        os.close(writer)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n", b"\r\r\n"])
def test_a_message_is_not_held_back_while_a_log_does_not_grow(tmp_path, end):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    late = threading.Timer(6, os.write, (writer, b"Message=40220001, Data=00\n"))  # a test that fails must end
    late.start()
    try:
        os.write(writer, b"DEBUG [lmdirect] Requesting status" + end)
        records = decode_capture(path, speakers_with(new_decoder()))
        threading.Timer(0.2, os.write, (writer, b"Message=401C0004, Data=03BC04D8" + end)).start()
        begin = time.monotonic()
        assert next(records).data == "03bc04d8"
        assert time.monotonic() - begin < 4
        # What belongs to it comes too late, and is no second message; the next one is.
        os.write(writer, b"Command Succeeded: 401C0004: 03BC04D8" + end + b"Message=40220001, Data=01" + end)
        assert next(records).data == "01"
        assert time.monotonic() - begin < 5
    finally:
        late.cancel()
        os.close(writer)


def test_a_log_that_grows_through_the_command(tmp_path):
    """The first line of ours comes after megabytes of others, each in its time."""
    command = [sys.executable, "-m", "lmdecode", "decode", "-", "--key", "1" * 32]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path) as process:
        process.stdin.write(b"2023-11-14 22:13:19.000 DEBUG (MainThread) [lmdirect] Requesting status\n")
        for _ in range(20):
            process.stdin.write(OTHER * 1000)
            process.stdin.flush()
        for number in range(3):
            process.stdin.write(f"2023-11-14 22:13:20.000 DEBUG Message=4022000{number + 1}, Data=01\n".encode())
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["address"] == 0x4022
        process.stdin.close()
        assert process.stdout.read() == b""


def test_what_is_not_ours_costs_little():
    """A log of other programs' lines is read much faster than one of ours."""
    others = OTHER * 20_000
    ours = log(HOME_ASSISTANT, ["Message=401C0004, Data=03BC04D8"] * 2_000)

    def seconds(data):
        begin = time.process_time()
        assert read(data + log())[0]
        return time.process_time() - begin

    assert min(seconds(others) for _ in range(3)) < min(seconds(ours) for _ in range(3))


def test_a_damaged_answer_that_may_be_a_secret_is_withheld(tmp_path):
    text = (
        b"2021-01-02 09:26:00,123 DEBUG lmdirect Sending 01110008 with None None\n"
        b"2021-01-02 09:26:00,323 DEBUG lmdirect Unexpected response: R031100085345435245542121FF\n"
    )
    records, _, _ = decode(tmp_path / "x.log", text)
    assert len(records) == 2
    assert "5345435245" not in repr(records)
