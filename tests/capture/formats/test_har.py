"""HTTP archives as captures: which they are, whose requests are read, and what is said of the others."""

from __future__ import annotations

import base64
import codecs
import gzip
import io
import json
import lzma
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.capture import CaptureError, CaptureStatistics, decode_capture
from lmdecode.capture.formats import open_capture
from lmdecode.capture.source import OpenCapture
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.speakers import Speakers

LION = "https://lion.lamarzocco.io/api/customer-app/things"
AT_HOME = "http://192.168.1.215:8081/api/v1/config"


def entry(url=LION, *, text='[{"serialNumber":"MR012345"}]', status=200, at="2026-11-21T06:30:00.250Z", **more):
    return {
        "startedDateTime": at,
        "time": 125.5,
        "request": {"method": "GET", "url": url, "headers": []},
        "response": {"status": status, "headers": [], "content": {"text": text}},
        **more,
    }


def archive(*entries, **more):
    return json.dumps({"log": {"version": "1.2", "entries": entries}, **more}).encode()


def decode(content, **access):
    statistics = CaptureStatistics()
    file = OpenCapture(io.BytesIO(content))
    records = list(decode_capture(file, Speakers.open(OwnerAccess(**access)), statistics=statistics))
    return records, statistics


def test_a_request_and_its_answer_with_their_times():
    (asked, answered), statistics = decode(archive(entry()))
    assert (asked.subject, asked.sender, asked.generation) == ("GET /api/customer-app/things", "app", "lion")
    assert (asked.destination, answered.source) == ("lion.lamarzocco.io:443", "lion.lamarzocco.io:443")
    assert asked.time.isoformat() == "2026-11-21T06:30:00.250000+00:00"
    assert (answered.elapsed, answered.request) == (0.1255, asked)
    assert (statistics.packets, statistics.port_packets, statistics.connections) == (1, 1, 1)


def test_each_dialect_has_its_hosts():
    urls = [LION, AT_HOME, "https://gw-lmz.lamarzocco.io/v1/home/machines/GS012345/status"]
    records, statistics = decode(archive(*map(entry, urls)))
    assert [record.generation for record in records if record.sender == "app"] == ["lion", "v3", "cloud1"]
    assert statistics.connections == 3


@pytest.mark.parametrize("host", ["lion.lamarzocco.io.example.com", "www.example.com:8081", "93.184.215.14:8081"])
def test_other_hosts_are_counted_and_not_read(host):
    other = entry(f"https://{host}/api/v1/config", text='{"secret": "of somebody else"}')
    records, statistics = decode(archive(other, entry(), other))
    assert len(records) == 2
    assert statistics.notes == ["2 requests to other hosts were passed over"]


def test_nothing_of_ours_says_what_to_record():
    with pytest.raises(CaptureError, match=r"none of its 2 requests is to La Marzocco's cloud \(lion\.lamarzocco\.io"):
        decode(archive(entry("https://a.example/"), entry("https://b.example/")))
    with pytest.raises(CaptureError, match="no requests"):
        decode(archive())


def test_messages_of_a_websocket_in_either_form():
    messages = [
        {"type": "send", "time": 1795242600.5, "opcode": 1, "data": "CONNECT\n\n\0"},
        {"type": "receive", "time": 1795242601.25, "opcode": 2, "data": base64.b64encode(b"\x01\x02").decode()},
        {"type": "receive", "time": {}, "opcode": {}, "data": []},
    ]
    socket = entry(
        "wss://lion.lamarzocco.io/ws/connect", status=101, text="", at=1795242600, _webSocketMessages=messages
    )
    records, statistics = decode(archive(socket, entry(connection="1")))
    texts = [record for record in records if "GET" not in record.subject]
    assert [(record.sender, record.time_ns) for record in texts] == [
        ("app", 1795242600_500_000_000),
        ("machine", 1795242601_250_000_000),
    ]
    assert statistics.connections == 2


def test_all_is_told_in_the_order_of_time():
    late, early = entry(at="2026-11-21T06:31:00Z"), entry(at="2026-11-21T06:30:00Z")
    records, _ = decode(archive(late, early))
    assert [record.time_ns for record in records] == sorted(record.time_ns for record in records)
    assert [record.stream for record in records] == [0, 0, 0, 0]


def test_answers_come_in_any_order_on_one_connection():
    slow, fast = entry(f"{LION}/slow", connection="7"), entry(f"{LION}/fast", connection="7")
    slow["time"], fast["time"] = 300, 100
    records, _ = decode(archive(slow, fast))
    assert [record.subject.split("/")[-1] for record in records] == ["slow", "fast", "fast", "slow"]
    assert [record.elapsed for record in records[2:]] == [0.1, 0.3]


def test_a_body_in_any_wrapping():
    packed = base64.b64encode(gzip.compress(b'{"connected": true}', mtime=0)).decode()
    whole = entry()
    whole["response"] = {
        "status": 200,
        "headers": [{"name": "content-encoding", "value": "gzip"}],
        "content": {"text": packed, "encoding": "base64"},
    }
    (_, answered), _ = decode(archive(whole))
    assert answered.plaintext == '{"connected": true}'


def test_a_body_that_is_cut_short_is_read_as_far_as_it_goes():
    packed = gzip.compress(json.dumps({f"name {number}": str(number) for number in range(1000)}).encode(), mtime=0)
    whole = entry(f"{LION}/MR012345/settings")
    whole["response"]["headers"] = [{"name": "content-encoding", "value": "gzip"}]
    whole["response"]["content"] = {"text": base64.b64encode(packed[:-200]).decode(), "encoding": "base64"}
    (_, answered), _ = decode(archive(whole))
    assert "the body is gzip that is cut short" in answered.problems
    assert answered.plaintext.startswith('{"name 0": "0"')


def test_what_a_recording_leaves_out_is_said():
    unanswered, bare = entry(), entry()
    unanswered["response"] = {"status": 0}
    bare["response"]["content"] = {"size": 312}
    records, _ = decode(archive(unanswered, bare))
    assert records[0].problems == ("it has no answer in the recording",)
    assert records[-1].problems == ("the body of the answer was not recorded",)


def test_secrets_are_masked_unless_asked_for():
    text = '{"accessToken":"hush-token"}'
    records, _ = decode(archive(entry(text=text)))
    assert "hush" not in str([record.as_dict() for record in records])
    records, _ = decode(archive(entry(text=text)), show_secrets=True)
    assert "hush-token" in records[1].plaintext


CHARLES = {
    "status": "COMPLETE",
    "method": "GET",
    "protocolVersion": "HTTP/1.1",
    "scheme": "http",
    "host": "192.168.1.215",
    "actualPort": 8081,
    "path": "/api/v1/config",
    "query": None,
    "times": {"start": "2026-11-21T06:30:00.000Z", "end": "2026-11-21T06:30:00.125Z"},
    "request": {"header": {"headers": []}},
    "response": {"status": 200, "header": {"headers": []}, "body": {"text": '{"version": "v1"}'}},
}


@pytest.mark.parametrize(
    "content",
    [
        archive(entry()),
        b"\n  " + archive(entry()),
        codecs.BOM_UTF8 + archive(entry()),
        archive(entry()).decode().encode("utf-16"),
        archive(entry()).decode().encode("utf-16-le"),
        gzip.compress(archive(entry()), mtime=0),
        lzma.compress(gzip.compress(archive(entry()), mtime=0)),
        json.dumps({"entries": [entry()]}).encode(),
        json.dumps([CHARLES]).encode(),
    ],
    ids=["plain", "blanks", "mark", "16", "16 without mark", "gz", "gz.xz", "no log", "chlsj"],
)
def test_an_archive_is_known_by_what_it_holds(content):
    kind, file = open_capture(OpenCapture(io.BytesIO(content)))
    file.close()
    assert kind.name == "HTTP archives (HAR)"
    records, _ = decode(content)
    assert len(records) == 2
    assert records[1].elapsed == pytest.approx(0.125, abs=0.001)


@pytest.mark.parametrize(
    "content", [b'{"log": {"level": "debug"}, "message": "x"}', b'{"log":"a line\\n","stream":"x"}']
)
def test_a_log_of_another_program_is_no_archive(content):
    kind, file = open_capture(OpenCapture(io.BytesIO(content)))
    file.close()
    assert "HAR" not in kind.name


def test_an_archive_that_is_cut_short_gives_what_is_whole():
    content = archive(entry(), entry())
    records, statistics = decode(content[: content.rindex(b'"time"')])
    assert len(records) == 2
    assert "cut short after 1 request" in statistics.warnings[0]


@given(st.binary(max_size=60), st.integers(0, 1000))
def test_damage_never_raises_anything_else(noise, at):
    content = archive(entry(), entry("wss://lion.lamarzocco.io/ws/connect", _webSocketMessages=[{"data": "x"}]))
    at %= len(content)
    with suppress(CaptureError):
        records, _ = decode(content[:at] + noise + content[at:])
        assert {record.generation for record in records} <= {"lion", "v1", "v3"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(LION),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*entry(), "url", "text"]), inner),
    max_leaves=10,
)


@settings(max_examples=40)
@given(
    st.dictionaries(st.sampled_from(["startedDateTime", "time", "response", "connection", "_webSocketMessages"]), _JSON)
)
def test_any_json_in_an_entry_is_taken(parts):
    records, _ = decode(archive(entry(), {**entry(), **parts}))
    assert len(records) >= 3
