"""The shares of a capture together are the capture as one process decodes it: rows, numbers, counts, warnings."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.capture.reader import decode_capture
from lmdecode.capture.source import CaptureError, CaptureStatistics
from lmdecode.capture.splitting import SharedSpeakers, share_of
from lmdecode.codec.dialect import MachineKey, OwnerAccess, Tallies
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers
from lmdecode.codec.v1.key import Key
from tests.capture.building import APP, MACHINE, SECOND, ethernet, new_decoder, packets, pcap, talk

CAPTURES = Path(__file__).parents[2] / "captures"
SAMPLES = [
    "bluetooth-morning.btsnoop",
    "gs3av-settings.pcap",
    "gs3av-settings.tshark.json",
    "gs3mp-standby.pcapng",
    "v3-morning.pcap",
]
ACCESS = OwnerAccess((MachineKey("kitchen", Key.parse("12345678901234567890123456789012")),))


def decoded(path: Path, index: int = 0, count: int = 1) -> tuple[list[Record], CaptureStatistics]:
    speakers = Speakers.open(ACCESS)
    statistics = CaptureStatistics()
    shared = SharedSpeakers(speakers, index, count) if count > 1 else speakers
    return list(decode_capture(path, shared, statistics=statistics)), statistics


def check(path: Path, count: int) -> list[int]:
    """That the shares are the whole. Returns how many rows each has."""
    whole, statistics = decoded(path)
    shares = [decoded(path, index, count) for index in range(count)]
    # In the order of one process, but for that between connections.
    assert Counter(map(repr, whole)) == Counter(repr(record) for records, _ in shares for record in records)
    for stream in {record.stream for record in whole}:
        alone = [[record for record in records if record.stream == stream] for records, _ in shares]
        assert [record for record in whole if record.stream == stream] in alone
    tallies = Tallies()
    for _, found in shares:
        for name, tally in found.tallies.items():
            tallies[name].add(tally)
        assert (found.connections, found.packets, found.port_packets, found.warnings) == (
            statistics.connections,
            statistics.packets,
            statistics.port_packets,
            statistics.warnings,
        )
    assert tallies.total() == statistics.tallies.total()
    return [len(records) for records, _ in shares]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_shares_of_a_sample_are_the_sample(name):
    assert sum(check(CAPTURES / name, 3)) > 0


@pytest.mark.parametrize("name", ["homeassistant.log", "lion-morning.har"])
def test_what_has_no_connections_is_the_first_share_s(name):
    whole, _ = decoded(CAPTURES / name)
    assert decoded(CAPTURES / name, 0, 2)[0] == whole
    with suppress(CaptureError):  # of a log it is said that nothing is in it
        assert decoded(CAPTURES / name, 1, 2)[0] == []


apps = st.integers(50000, 50003).map(lambda port: APP._replace(port=port))
talks = st.builds(
    lambda app, reports, seqs, start: talk(reports, app=app, seqs=seqs, time_ns=1_700_000_000 * SECOND + start),
    apps,
    st.integers(0, 4),
    st.sampled_from([(1000, 5000), (1000, 7000), (2**32 - 40, 2**32 - 90)]),
    st.integers(0, 3).map(lambda minutes: minutes * 50 * SECOND),
)


@given(st.lists(talks, min_size=1, max_size=6), st.data())
@settings(max_examples=60)
def test_the_shares_of_a_damaged_capture_are_the_capture(tmp_path_factory, made, data):
    """Ports used again, at the same time or soon, by copies behind a router; packets lost, doubled, late and cut."""
    segments = sorted(segment for each in made for segment in each.segments)
    if data.draw(st.booleans(), "a copy behind a router"):
        ends = {APP.host: "203.0.113.9", MACHINE.host: MACHINE.host}
        copies = [
            each._replace(
                time_ns=each.time_ns + 1000,
                source=each.source._replace(host=ends[each.source.host]),
                destination=each.destination._replace(host=ends[each.destination.host]),
            )
            for each in segments
        ]
        segments = sorted([*segments, *copies])
    for _ in range(data.draw(st.integers(0, 6), "damages")):
        at = data.draw(st.integers(0, len(segments) - 1), "where")
        kind = data.draw(st.sampled_from(["lost", "twice", "late", "cut"]), "how")
        if kind == "lost" and len(segments) > 1:
            del segments[at]
        elif kind == "twice":
            segments.insert(data.draw(st.integers(at, len(segments))), segments[at])
        elif kind == "late":
            segments.insert(data.draw(st.integers(0, len(segments) - 1)), segments.pop(at))
        else:
            segments[at] = segments[at]._replace(payload=segments[at].payload[:5])
    path = tmp_path_factory.mktemp("shares") / "x.pcap"
    path.write_bytes(pcap(packets(segments)))
    check(path, data.draw(st.integers(2, 4), "shares"))


def test_each_share_has_some_of_the_connections(tmp_path):
    made = [talk(2, app=APP._replace(port=port)) for port in range(50000, 50040)]
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap(packets(segment for each in made for segment in each.segments)))
    assert all(rows >= 12 for rows in check(path, 4))


def test_a_port_of_a_tunnel_is_shared_as_well(tmp_path):
    """A connection whose dialect its first bytes decide."""
    made = [talk(2, app=APP._replace(port=port), machine=MACHINE._replace(port=9999)) for port in range(50000, 50010)]
    path = tmp_path / "x.pcap"
    path.write_bytes(pcap([(each.time_ns, ethernet(each)) for one in made for each in one.segments]))
    speakers = Speakers.open(OwnerAccess((MachineKey("kitchen", new_decoder()._key),)), 9999)
    whole = list(decode_capture(path, speakers))
    shares = [list(decode_capture(path, SharedSpeakers(speakers, index, 3))) for index in range(3)]
    assert whole
    assert Counter(map(repr, whole)) == Counter(repr(each) for records in shares for each in records)


@given(st.integers(0, 65535), st.integers(1, 64))
def test_every_port_is_one_share_s(port, count):
    assert 0 <= share_of(port, count) < count


@pytest.mark.parametrize("step", [1, 2])
def test_ports_that_a_computer_counts_up_are_spread(step):
    counts = Counter(share_of(port, 4) for port in range(32768, 60999, step))
    assert max(counts.values()) < 1.05 * min(counts.values())


@pytest.mark.parametrize("count", [2, 3, 4, 8])
def test_a_few_ports_in_a_row_are_spread(count):
    counts = Counter(share_of(port, count) for port in range(50000, 50000 + 4 * count))
    assert set(counts) == set(range(count))
    assert max(counts.values()) <= 5
