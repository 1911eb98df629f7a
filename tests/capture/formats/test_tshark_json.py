"""tshark's JSON export in all the forms that it comes in, and what is no such export."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.capture import CaptureError
from lmdecode.capture.formats import _tshark_fields as tshark_fields
from lmdecode.capture.formats._tshark_fields import printed_time, time_ns
from lmdecode.capture.formats._tshark_layers import LayerReader
from tests.capture.building import (
    APP,
    APP6,
    ASK,
    MACHINE,
    MACHINE6,
    SECOND,
    START_NS,
    Talk,
    as_bom_utf16,
    decode,
    ether_type,
    ethernet,
    exported,
    ip,
    packets,
    pcap,
    report,
    seal,
    talk,
    told,
)

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

SEGMENTS = talk().segments
COMMAND = r"tshark -r FILE -Y 'tcp.port==1774' -T json"
LINKS = {
    "Ethernet": (1, ethernet),
    "Ethernet 6": (1, ethernet),
    "VLAN": (1, lambda segment: ethernet(segment, tags=b"\x81\x00\x00\x05")),
    "raw": (101, ip),
    "raw 6": (101, ip),
    "loopback": (0, lambda segment: b"\x02\0\0\0" + ip(segment)),
    "SLL": (113, lambda segment: bytes(14) + ether_type(segment) + ip(segment)),
    "SLL2 6": (276, lambda segment: ether_type(segment) + bytes(18) + ip(segment)),
}
FORMS = [
    ["json", "-x", "--no-duplicate-keys"],
    ["jsonraw"],
    ["jsonraw", "-x", "--no-duplicate-keys"],
    ["jsonraw", "-j", "ip"],
    ["jsonraw", "-J", "ip tcp"],
    ["ek"],
    ["ek", "-x"],
]


@pytest.fixture
def expected(tmp_path):
    records, _, _ = decode(tmp_path / "expected", pcap(packets(SEGMENTS)))
    assert len(records) == 4
    return records


def flat(data):
    """As with tshark's -e: no layers, and every value a list."""
    items = json.loads(data)
    for item in items:
        layers = item["_source"]["layers"]
        item["_source"]["layers"] = {
            name: [value] for layer in layers.values() for name, value in layer.items() if name.partition(".")[2]
        }
    return json.dumps(items).encode()


@pytest.mark.parametrize(
    "data",
    [
        exported(SEGMENTS),
        exported(SEGMENTS, iso=True),
        exported(SEGMENTS, colons=False),
        exported(SEGMENTS, raw=False),
        exported(SEGMENTS, payload="data.data"),
        exported(SEGMENTS, payload="data.data", colons=False, iso=True, raw=False),
        exported(SEGMENTS, lacking=("frame.len", "frame.cap_len", "tcp.len")),
        b"\xef\xbb\xbf" + exported(SEGMENTS),
        b"\n\n " + exported(SEGMENTS),
        as_bom_utf16(exported(SEGMENTS)),
        flat(exported(SEGMENTS)),
    ],
    ids=[
        "plain",
        "ISO times",
        "no colons",
        "relative numbers",
        "data.data",
        "all at once",
        "no lengths",
        "byte order mark",
        "white space first",
        "UTF-16",
        "-e",
    ],
)
def test_every_form_of_export(data, expected, tmp_path):
    records, statistics, _ = decode(tmp_path / "x", data)
    assert records == expected
    assert statistics.warnings == []
    assert statistics.packets == statistics.port_packets == len(SEGMENTS)


def test_ipv6_and_other_ports_and_other_protocols(tmp_path):
    six = talk(1, app=APP6, machine=MACHINE6).segments
    items = json.loads(exported(six))
    items.insert(0, {"_source": {"layers": {"frame": {"frame.number": "1"}, "arp": {}}}})
    other = json.loads(exported(SEGMENTS[:1]))[0]
    other["_source"]["layers"]["tcp"]["tcp.dstport"] = "443"
    items.insert(0, other)
    records, statistics, _ = decode(tmp_path / "x", json.dumps(items).encode())
    assert [record.source for record in records] == ["[fe80::1]:36364", "[fe80::2]:1774"]
    assert (statistics.packets, statistics.port_packets) == (len(six) + 2, len(six))


def test_times_are_exact():
    assert time_ns("1700000000.000000001") == START_NS + 1
    assert time_ns("1700000000.123456") == START_NS + 123_456_000
    assert time_ns("1700000000") == START_NS
    assert time_ns("2023-11-14T22:13:20.000000001Z") == START_NS + 1
    assert time_ns("2023-11-14T23:13:20.5+0100") == START_NS + 500_000_000
    assert time_ns("2023-11-14T22:13:20Z") == START_NS


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'{"index": {}}\n{"layers": {}}', "its packets are not as tshark exports them"),
        (b'{\n "a": 1\n}\n', "its packets are not as tshark exports them"),
        (b"[1, 2]", "its packets are not as tshark exports them"),
        (b'[{"a": "b"}]', "its packets are not as tshark exports them"),
        (b'[{"_source": {"layers": {}}}]', "its packets are not as tshark exports them"),
        (exported(SEGMENTS, payload=None), "was exported without the packets' payload"),
        (exported(SEGMENTS, lacking=("tcp.seq", "tcp.seq_raw")), "was exported without tcp.seq;"),
        (exported(SEGMENTS, lacking=("ip.src",)), "was exported without ip.src;"),
        (exported(SEGMENTS, lacking=("tcp.flags",)), "was exported without tcp.flags;"),
        (exported(SEGMENTS, lacking=("tcp.srcport",)), "was exported without tcp.srcport;"),
        (b'[{"_source": {"layers": {"tcp": {"filtered": "tcp"}}}}]', "was exported without tcp.srcport;"),
        (b'[{"_source": {"layers": {"data.data": ["40"]}}}]', "was exported without tcp.srcport;"),
    ],
)
def test_what_is_no_export_is_refused_with_the_command_that_makes_one(data, text, tmp_path):
    with pytest.raises(CaptureError, match=text) as caught:
        decode(tmp_path / "x", data)
    assert COMMAND in str(caught.value)


def test_an_empty_export_holds_nothing(tmp_path):
    assert decode(tmp_path / "x", b"[]\n")[0] == []


def test_packets_that_cannot_be_read_after_others_that_could_are_counted(tmp_path):
    items = json.loads(exported(SEGMENTS))
    without = items[5]["_source"]["layers"]["tcp"]
    assert without.pop("tcp.payload")
    items.append({"_source": {"layers": {"tcp": {"tcp.srcport": "x"}}}})
    items.append({"_source": {"layers": {"tcp": {"tcp.srcport": {"1774": 1}}}}})
    records, statistics, _ = decode(tmp_path / "x", json.dumps(items).encode())
    assert [plaintext for _, plaintext in told(records)].count(None) == 1  # the gap that it leaves
    assert len(records) == 4
    assert [warning.partition(";")[0] for warning in statistics.warnings] == [
        "1 of the JSON's packets have no payload",
        "2 of the JSON's packets could not be read",
    ]


def test_packets_that_the_capture_cut_short(tmp_path):
    segment = SEGMENTS[3]
    kept = segment._replace(payload=segment.payload[:10], missing=len(segment.payload) - 10)
    records, _, _ = decode(tmp_path / "x", exported([*SEGMENTS[:3], kept, *SEGMENTS[4:]]))
    problems = [problem for record in records for problem in record.problems]
    assert f"packet cut short by the capture: {kept.missing} bytes are missing (capture with -s 0)" in problems
    empty = segment._replace(payload=b"", missing=len(segment.payload))
    assert decode(tmp_path / "x", exported([*SEGMENTS[:3], empty, *SEGMENTS[4:]]))[2].bytes_missing == empty.missing


@pytest.mark.parametrize("damage", [b"", b"}", b'"\xff\xfe"', b"nonsense"])
def test_what_stands_before_a_break_is_decoded(damage, expected, tmp_path):
    data = exported(SEGMENTS)
    cut = data.rindex(b'{\n    "_index"')
    records, statistics, _ = decode(tmp_path / "x", data[:cut] + damage)
    assert records == expected
    number = len(SEGMENTS) - 1
    assert statistics.warnings == [f"the JSON is cut off or damaged after packet {number}; all before it was decoded"]


def test_utf16_cut_off_in_the_middle_of_a_character(tmp_path):
    data = as_bom_utf16(exported(SEGMENTS))
    records, statistics, _ = decode(tmp_path / "x", data[: len(data) // 2 | 1])
    assert 0 < len(records) < 4
    assert len(statistics.warnings) == 1


@needs_tshark
def test_what_tshark_makes_of_our_packets(expected, tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(packets(SEGMENTS)))
    for more in ([], ["-x"], ["--no-duplicate-keys"]):
        done = subprocess.run(["tshark", "-r", path, "-T", "json", *more], capture_output=True, check=True)
        records, statistics, _ = decode(tmp_path / "y", done.stdout)
        assert records == expected
        assert statistics.warnings == []


def test_in_a_tunnel_the_innermost_addresses_count(expected, tmp_path):
    items = json.loads(exported(SEGMENTS))
    for item in items:
        layers = item["_source"]["layers"]
        tunnel = {"ipv6": {"ipv6.src": "2001:db8::1", "ipv6.dst": "2001:db8::2"}}
        item["_source"]["layers"] = {"frame": layers.pop("frame"), **tunnel, **layers}
    assert decode(tmp_path / "x", json.dumps(items).encode())[0] == expected


def test_an_export_without_times_is_decoded_with_one_warning(expected, tmp_path):
    records, statistics, _ = decode(tmp_path / "x", exported(SEGMENTS, lacking=("frame.time_epoch",)))
    assert told(records) == told(expected)
    assert {record.time_ns for record in records} == {0}
    (warning,) = statistics.warnings
    assert warning.startswith("the JSON's packets have no times (frame.time_epoch); all stand at 1970-01-01; export")
    assert COMMAND in warning


def with_told_times(tell):
    """An export that has its times for people only."""
    items = json.loads(exported(SEGMENTS))
    for item in items:
        frame = item["_source"]["layers"]["frame"]
        frame["frame.time"] = tell(frame.pop("frame.time_epoch"))
    return json.dumps(items).encode()


def for_people(zone, form="%b %d, %Y %H:%M:%S", hours=0):
    def tell(epoch):
        seconds, fraction = epoch.split(".")
        return datetime.fromtimestamp(int(seconds) + 3600 * hours, UTC).strftime(form) + f".{fraction}{zone}"

    return tell


@pytest.mark.parametrize(
    "tell",
    [
        for_people(" UTC"),
        for_people(" GMT"),
        for_people(" Coordinated Universal Time"),
        for_people(" +0530", hours=5.5),
        for_people(" UTC-03:00", hours=-3),
        for_people("Z", "%Y-%m-%dT%H:%M:%S"),
        for_people("-0500", "%Y-%m-%dT%H:%M:%S", hours=-5),
    ],
)
def test_times_for_people_will_do(tell, expected, tmp_path):
    records, statistics, _ = decode(tmp_path / "x", with_told_times(tell))
    assert records == expected
    assert statistics.warnings == statistics.notes == []


@pytest.mark.parametrize("zone", ["CST", "W. Europe Standard Time", "Mitteleurop\u00e4ische Zeit", "\x1b[2J"])
def test_a_zones_name_is_taken_for_utc_and_told(zone, expected, tmp_path):
    records, statistics, _ = decode(tmp_path / "x", with_told_times(for_people(f" {zone}")))
    assert records == expected
    assert statistics.warnings == []
    (note,) = statistics.notes
    assert f"in the zone {zone!r}, which was taken for UTC" in note
    assert note.startswith(f"{len(SEGMENTS)} of")


def test_a_time_without_any_zone(tmp_path):
    _, statistics, _ = decode(tmp_path / "x", with_told_times(for_people("")))
    assert "in the zone 'none'" in statistics.notes[0]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Jan  1, 1970 00:00:00.000000001 UTC", 1),
        ("Jan 2, 1970 00:00:00 UTC", 86_400 * SECOND),
        ("Feb 30, 2026 00:00:00.0 UTC", None),
        ("Mai 30, 2026 00:00:00.0 UTC", None),
        ("Nov 21, 2026 23:59:60.0 UTC", None),
        ("Nov 21, 2026 02:55:55.1 +9900", None),
        ("Nov 21, 0000 02:55:55.1 UTC", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_for_people(text, time):
    assert printed_time(text) == (None if time is None else (time, ""))


@given(st.text(max_size=40) | st.from_regex(tshark_fields._PRINTED_TIME, fullmatch=True))
def test_no_time_for_people_is_too_much(text):
    assert printed_time(text) is None or isinstance(printed_time(text)[0], int)


@needs_tshark
@pytest.mark.parametrize(("zone", "hours"), [("UTC", 0), ("America/New_York", -5)])
def test_times_for_people_of_a_real_tshark(zone, hours, expected, tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(packets(SEGMENTS)))
    fields = "frame.time ip.src ip.dst tcp.srcport tcp.dstport tcp.seq_raw tcp.ack_raw tcp.flags tcp.payload tcp.len"
    chosen = [part for name in fields.split() for part in ("-e", name)]
    made = subprocess.run(
        ["tshark", "-r", path, "-T", "json", *chosen],
        capture_output=True,
        check=True,
        env=os.environ | {"TZ": zone},
    )
    records, statistics, _ = decode(tmp_path / "x", made.stdout)
    is_iso = json.loads(made.stdout)[0]["_source"]["layers"]["frame.time"][0][10] == "T"  # from 4.6 on
    off = 0 if is_iso else hours * 3600 * SECOND
    assert [record.time_ns - off for record in records] == [record.time_ns for record in expected]
    assert len(statistics.notes) == (off != 0)


def test_a_packet_without_time_stands_at_that_of_the_one_before(expected, tmp_path):
    items = json.loads(exported(SEGMENTS))
    del items[3]["_source"]["layers"]["frame"]["frame.time_epoch"]
    records, statistics, _ = decode(tmp_path / "x", json.dumps(items).encode())
    assert records[0].time_ns == SEGMENTS[2].time_ns
    assert told(records) == told(expected)
    assert [warning.partition(";")[0] for warning in statistics.warnings] == ["1 of the JSON's packets have no time"]


def test_an_export_that_selects_all_but_the_payload(tmp_path):
    data = flat(exported(SEGMENTS, payload=None, lacking=("tcp.len",)))
    _, statistics, _ = decode(tmp_path / "x", data)
    assert [warning.partition(";")[0] for warning in statistics.warnings] == [
        "none of the JSON's packets has a payload (tcp.payload)"
    ]


def test_what_was_reassembled_is_never_taken_for_a_payload(expected, tmp_path):
    items = json.loads(exported(SEGMENTS))
    whole = items[3]["_source"]["layers"]["tcp"]["tcp.payload"]
    for item in items[3:]:
        layers = item["_source"]["layers"]
        layers["tcp.segments"] = {"tcp.reassembled.data": whole, "tcp.reassembled.length": "26"}
        layers["data"] = {"data.data": whole}
    assert decode(tmp_path / "x", json.dumps(items).encode())[0] == expected
    # Without tcp.payload: its part of it is as good, and else nothing is.
    tcp = items[3]["_source"]["layers"]["tcp"]
    tcp["tcp.segment_data"] = tcp.pop("tcp.payload")
    assert decode(tmp_path / "y", json.dumps(items).encode())[0] == expected
    tcp["tcp.segment_data"] = [whole, whole]
    tcp["tcp.len"] = "52"
    with pytest.raises(CaptureError, match="without the packets' payload"):
        decode(tmp_path / "z", json.dumps(items[3:]).encode())


def test_packets_of_others_are_counted_and_not_read(expected, tmp_path):
    segments = [segment._replace(source=MACHINE._replace(port=443), destination=APP) for segment in SEGMENTS]
    mixed = [each for pair in zip(segments, SEGMENTS, strict=True) for each in pair]
    records, statistics, _ = decode(tmp_path / "x", exported(mixed))
    assert records == expected
    assert (statistics.packets, statistics.port_packets) == (len(mixed), len(SEGMENTS))


@needs_tshark
@pytest.mark.parametrize(
    ("link", "form"),
    [("Ethernet", form) for form in FORMS] + [(link, form) for link in LINKS for form in FORMS[3::2]],
    ids=str,
)
def test_what_tshark_makes_of_every_link_layer(link, form, tmp_path):
    six = link.endswith("6")
    segments = talk(2, app=APP6, machine=MACHINE6).segments if six else talk(2).segments
    link_type, wrap = LINKS[link]
    data = pcap(packets(segments, wrap), link_type=link_type)
    expected, _, _ = decode(tmp_path / "x.pcap", data)
    assert len(expected) == 3
    done = subprocess.run(["tshark", "-r", tmp_path / "x.pcap", "-T", *form], capture_output=True, check=True)
    records, statistics, _ = decode(tmp_path / "y", done.stdout)
    assert (statistics.packets, statistics.port_packets) == (len(segments), len(segments))
    if form[0] == "jsonraw":
        assert told(records) == told(expected)
        assert [record.source for record in records] == [record.source for record in expected]
        assert len(statistics.warnings) == 1
        assert "have no times" in statistics.warnings[0]
    else:
        assert records == expected
        assert statistics.warnings == []


@needs_tshark
@pytest.mark.parametrize("form", ["json", "ek"])
def test_what_tshark_exports_of_chosen_fields(form, expected, tmp_path):
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(packets(SEGMENTS)))
    names = "frame.time_epoch ip.src ip.dst tcp.srcport tcp.dstport tcp.seq_raw tcp.ack_raw tcp.flags tcp.payload"
    wanted = [part for name in names.split() for part in ("-e", name)]
    done = subprocess.run(["tshark", "-r", path, "-T", form, *wanted], capture_output=True, check=True)
    records, statistics, _ = decode(tmp_path / "y", done.stdout)
    assert records == expected
    assert statistics.warnings == []
    done = subprocess.run(["tshark", "-r", path, "-T", form, *wanted[:-2]], capture_output=True, check=True)
    assert "has a payload (tcp.payload)" in decode(tmp_path / "y", done.stdout)[1].warnings[0]


@needs_tshark
@pytest.mark.parametrize("form", ["json", "ek", "jsonraw"])
def test_frames_that_another_dissector_put_together(form, tmp_path):
    frame = seal(report(1))
    made = Talk().open().send("app", seal(ASK))
    made.send("machine", b"\0\x40" + frame[:9], acked=False).send("machine", frame[9:] + b"\0" * 40 + b"@A").close()
    expected, _, _ = decode(tmp_path / "x.pcap", pcap(packets(made.segments)))
    done = subprocess.run(
        ["tshark", "-r", tmp_path / "x.pcap", "-d", "tcp.port==1774,dns", "-T", form], capture_output=True, check=True
    )
    records, _, tally = decode(tmp_path / "y", done.stdout)
    assert [(each.raw, each.plaintext) for each in records] == [(each.raw, each.plaintext) for each in expected]
    assert tally.bytes_missing == 0


@needs_tshark
@pytest.mark.parametrize("form", ["json", "ek", "jsonraw"])
def test_packets_that_the_capture_cut_short_in_every_form(form, tmp_path):
    data = pcap(packets(SEGMENTS), snap=70)
    expected, _, tally = decode(tmp_path / "x.pcap", data)
    assert tally.bytes_missing
    done = subprocess.run(["tshark", "-r", tmp_path / "x.pcap", "-T", form], capture_output=True, check=True)
    records, _, found = decode(tmp_path / "y", done.stdout)
    assert [each.problems for each in records] == [each.problems for each in expected]
    assert found.bytes_missing == tally.bytes_missing


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.just("1e999999999"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
SPOTS = [
    (layer, name)
    for layer, fields in json.loads(exported(SEGMENTS))[3]["_source"]["layers"].items()
    for name in [None, *fields]
] + [("tcp_raw", None), ("ip_raw", None), ("frame_raw", None), ("tcp", "tcp.payload_raw"), ("ipv6", None)]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SPOTS), JSON_VALUES, st.sampled_from([None, 1774]))
def test_no_value_in_any_place_is_too_much(spot, value, port):
    item = json.loads(exported(SEGMENTS))[3]
    layers = item["_source"]["layers"]
    layer, name = spot
    if name is None:
        layers[layer] = value
    else:
        layers[layer][name] = value
    reader = LayerReader("x", None if port is None else frozenset({port}))
    with contextlib.suppress(CaptureError):
        segment = reader.read(item)
        assert segment is None or (isinstance(segment.payload, bytes) and isinstance(segment.time_ns, int))
    assert all("\n" not in warning for warning in reader.warnings())
