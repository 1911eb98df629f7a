"""A capture read by a second process gives what it gives without, and the process never outlives the reading."""

from __future__ import annotations

import os
import signal
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmdecode.capture import CaptureError, CaptureStatistics, decode_capture, decode_capture_into
from lmdecode.capture import prefetch as ahead
from lmdecode.capture import reader as decoder
from lmdecode.capture.net import libpcap
from lmdecode.codec.dialect import RECORDS, MachineKey
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.decoder import FrameDecoder, KeylessDecoder, Keyring
from lmdecode.codec.v1.key import Key
from lmdecode.render.records.jsonl import JsonLines, json_line
from tests.capture.building import APP, CAPTURES, KEY_TEXT, MACHINE, Talk, message, packets, pcap, report, seal, talk

KEY = Key.parse(KEY_TEXT)
OTHER = Key(bytes(range(32)))
DECODERS = {
    "one key": lambda: FrameDecoder(KEY),
    "with secrets": lambda: FrameDecoder(KEY, show_secrets=True),
    "wrong key": lambda: FrameDecoder(OTHER),
    "two keys": lambda: Keyring([MachineKey("kitchen", OTHER), MachineKey("cellar", KEY)]),
    "no key": KeylessDecoder,
}

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),  # the runner of tests may have threads
]


@pytest.fixture(autouse=True)
def forks(monkeypatch):
    """The processes that were started; small captures are worth one here."""
    started = []
    real = os.fork

    def fork():
        process = real()
        if process:
            started.append(process)
        return process

    monkeypatch.setattr(os, "fork", fork)
    monkeypatch.setattr(decoder, "worth_reading_ahead", lambda _: True)
    yield started
    for process in started:
        with pytest.raises(ChildProcessError):  # it is over, and was waited for
            os.waitpid(process, os.WNOHANG)


@pytest.fixture(params=[None, True, False], ids=["as it comes", "waiting", "busy"])
def waiting(request, monkeypatch):
    """Whether the process that makes the Records waits for more, and so decrypts itself."""
    if request.param is not None:
        monkeypatch.setattr(ahead, "_is_empty", lambda _: request.param)


def decode(path, new_decoder, make=RECORDS, **how):
    """All that comes of a capture: what is made, what was counted, what was wrong."""
    statistics = CaptureStatistics()
    made, error = [], None
    reached = []
    try:
        for one in decode_capture_into(
            path, make, speakers_with(new_decoder()), statistics=statistics, progress=reached.append, **how
        ):
            made.append(one)  # noqa: PERF402 -- those before an error count too
    except CaptureError as raised:
        error = str(raised)
    return made, statistics, error, reached[-1:]


def as_lines(records, *rest):
    """What comes of a capture, if lines are made of it."""
    return [json_line(record) for record in records], *rest


PLAINTEXTS = [
    message("R40000020"),
    message("R401C000403BC04D8"),
    message("R40000020" + "0178020000000000000000000000000100000000000000010100001003B804D6"),
    message("R0310001D" + "F0611061106110611061106110611000000000000000000000000000000000"),
    message("R03000007" + "001A0906020115"),
    message("W00000001" + "01"),
    message("W00000001OK"),
    message("W00000001NO"),
    message("W00E10001"),
    message("R01110010"),
    message("R01110010" + "41" * 16),
    message("R00000001" + "77"),
    "R401C000403BC04D800",
    "no message",
    "\x1b[31m" + message("R401C000403BC04D8"),
]
FRAME = st.sampled_from(PLAINTEXTS).map(seal) | st.integers(0, 0xFFFF).map(lambda number: seal(report(number)))
PIECE = (
    FRAME
    | st.tuples(FRAME, FRAME).map(b"".join)
    | st.tuples(FRAME, st.integers(0, 40)).map(lambda cut: cut[0][cut[1] :])
    | st.tuples(FRAME, st.integers(1, 40)).map(lambda cut: cut[0][: -cut[1]])
    | st.binary(min_size=1, max_size=30).map(lambda data: b"@" + data + b"%")
    | st.binary(min_size=1, max_size=20)
)
STEP = st.tuples(st.sampled_from(["app", "machine"]), PIECE)
SPOILT = st.tuples(st.sampled_from(["lose", "repeat", "swap"]), st.integers(0, 30))


def spoil(segments, faults):
    """Segments as a bad capture has them."""
    for fault, place in faults:
        if place + 1 >= len(segments):
            continue
        if fault == "lose":
            del segments[place]
        elif fault == "repeat":
            segments.insert(place + 1, segments[place])
        else:
            segments[place], segments[place + 1] = segments[place + 1], segments[place]
    return segments


@pytest.mark.usefixtures("waiting")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    talks=st.lists(st.lists(STEP, max_size=12), min_size=1, max_size=3),
    faults=st.lists(SPOILT, max_size=4),
    snap=st.none() | st.integers(40, 120),
    end=st.integers(0, 40),
    new_decoder=st.sampled_from([*DECODERS.values()]),
)
def test_it_gives_what_one_process_gives(  # noqa: PLR0917 -- strategies and fixtures
    talks, faults, snap, end, new_decoder, tmp_path, forks
):
    segments = []
    for number, steps in enumerate(talks):
        made = Talk(app=APP._replace(port=40_000 + number)).open()
        for sender, piece in steps:
            made.send(sender, piece, acked=False)
        segments += made.close().segments
    segments.sort(key=lambda segment: segment.time_ns)  # one connection among the others
    data = pcap(packets(spoil(segments, faults)), snap=snap)
    path = tmp_path / "x.pcap"
    path.write_bytes(data[: len(data) - end])
    before = len(forks)
    alone = decode(path, new_decoder)
    assert decode(path, new_decoder, ahead=True) == alone
    assert len(forks) == before + 1
    assert decode(path, new_decoder, JsonLines()) == as_lines(*alone)
    assert decode(path, new_decoder, JsonLines(), ahead=True) == as_lines(*alone)


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize("new_decoder", DECODERS.values(), ids=DECODERS)
@pytest.mark.parametrize("name", ["gs3av-settings.pcap", "gs3av-settings.tshark.json", "gs3mp-standby.pcapng"])
def test_the_samples(name, new_decoder):
    path = CAPTURES / name
    found = decode(path, new_decoder, ahead=True)
    assert found == decode(path, new_decoder)
    assert found[0]
    assert as_lines(*found) == decode(path, new_decoder, JsonLines(), ahead=True)


def test_no_secret_that_is_masked_crosses(tmp_path):
    path = tmp_path / "x.pcap"
    asked = Talk().open().send("app", seal(message("R01110010")))
    path.write_bytes(pcap(packets(asked.send("machine", seal(message("R01110010" + "41" * 16))).segments)))
    lines = "".join(decode(path, DECODERS["one key"], JsonLines(), ahead=True)[0])
    assert "**" in lines
    assert "4141" not in lines


def long_capture(path):
    """A capture of more than fits into the pipe."""
    segments = talk(reports=2000).segments
    path.write_bytes(pcap(packets(segments) * 20))
    return path


def test_stopping_early_ends_the_reader(tmp_path, forks):
    records = decode_capture(long_capture(tmp_path / "x.pcap"), speakers_with(FrameDecoder(KEY)), ahead=True)
    assert len(list(islice(records, 10))) == 10
    assert not os.waitpid(forks[0], os.WNOHANG)[0]  # it is there
    records.close()


def test_a_reader_that_is_killed_is_an_error(tmp_path, forks):
    """A stand-in for the kernel, which does this when memory runs out."""
    path = long_capture(tmp_path / "x.pcap")
    records = decode_capture(path, speakers_with(FrameDecoder(KEY)), ahead=True)
    next(records)
    os.kill(forks[0], signal.SIGKILL)
    with pytest.raises(CaptureError, match=r"x\.pcap: the process that read it was killed.*--jobs 1"):
        list(records)


def test_an_error_of_the_reader_is_raised_here_after_what_came_before(tmp_path):
    def read(_statistics, _progress):
        yield talk().segments
        raise ZeroDivisionError("a bug")

    batches = ahead.read_ahead(tmp_path, read, lambda segments: [None] * len(segments), CaptureStatistics())
    assert next(batches)[0] == talk().segments
    with pytest.raises(ZeroDivisionError, match="a bug"):
        next(batches)


def test_few_at_a_time_are_gathered_and_none_is_lost(tmp_path):
    one = talk().segments[0]

    def read(_statistics, _progress):
        for _ in range(5000):
            yield [one]
        raise CaptureError("damaged")

    batches = ahead.read_ahead(tmp_path, read, lambda segments: [None] * len(segments), CaptureStatistics())
    sizes = []
    with pytest.raises(CaptureError, match="damaged"):
        sizes.extend((len(segments), len(predecoded)) for segments, predecoded in batches)
    assert all(size == found for size, found in sizes)
    sizes = [size for size, _ in sizes]
    assert sum(sizes) == 5000
    assert min(sizes[:-1]) > 500


def test_ends_are_the_same_objects_throughout(tmp_path):
    """The way for ordinary segments depends on it, which takes half the time of the other."""
    batches = ahead.read_ahead(tmp_path, lambda *_: iter([talk().segments] * 2), len, CaptureStatistics())
    sources = {id(segment.source) for segments, _ in list(batches) for segment in segments}
    assert len(sources) == len({APP, MACHINE})


def test_which_captures_are_worth_it(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(bytes(100))
    monkeypatch.setattr(ahead.threading, "active_count", lambda: 1)
    monkeypatch.setattr(ahead, "_cores", lambda: 2)
    monkeypatch.setattr(ahead.sys, "platform", "linux")
    monkeypatch.setattr(ahead, "_WORTH", 101)
    assert not ahead.worth_reading_ahead(path)
    monkeypatch.setattr(ahead, "_WORTH", 100)
    assert ahead.worth_reading_ahead(path)
    assert not ahead.worth_reading_ahead(tmp_path / "missing")
    assert not ahead.worth_reading_ahead(tmp_path)
    monkeypatch.setattr(ahead, "_cores", lambda: 1)
    assert not ahead.worth_reading_ahead(path)
    monkeypatch.setattr(ahead, "_cores", lambda: 2)
    monkeypatch.setattr(ahead.threading, "active_count", lambda: 2)
    assert not ahead.worth_reading_ahead(path)


@pytest.mark.skipif(libpcap.find_library() is None, reason="libpcap is not installed")
def test_what_libpcap_screens_is_read_here(tmp_path, forks, monkeypatch):
    """There is a thread beside this one already, and a third would only be in their way."""
    monkeypatch.setattr(decoder, "_WORTH_SCREENING", 0)
    monkeypatch.setattr(libpcap, "_FEW", 0)
    path = long_capture(tmp_path / "x.pcap")
    found = decode(path, lambda: FrameDecoder(KEY), ahead=True)
    assert forks == []
    monkeypatch.setattr(libpcap, "_FEW", 4)
    assert decode(path, lambda: FrameDecoder(KEY), ahead=True) == found
    assert len(forks) == 1
