from __future__ import annotations

import base64
import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis import identification
from lmdecode.analysis.identification import Fit, Identification
from lmdecode.analysis.keyless_pairing import KNOWN_OPENING, KNOWN_READS, KNOWN_REPORTS, KNOWN_WRITES, GroupKind
from lmdecode.capture import decode_capture
from lmdecode.codec.dialect import Place
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import KeylessDecoder
from lmdecode.codec.v1.message import letter_of
from lmdecode.render.identification import as_dict, as_tables
from lmdecode.render.terminal import text_of
from tests.capture.building import CAPTURES, SECOND, message, new_decoder, seal

SAMPLES = ("gs3av-settings.pcap", "gs3mp-standby.pcapng")
CERTAIN = (Fit.ONLY_FIT, Fit.BEST_FIT)


def identify(records):
    identified = Identification()
    for record in records:
        identified.add(record)
    return identified.result()


def told(*said):
    """What is identified of (seconds, sender, plaintext) on one connection."""
    conversation = Conversation(KeylessDecoder(), Place(app="app:1", machine="machine:1774"))
    records = []
    for seconds, sender, plaintext in said:
        data = plaintext if isinstance(plaintext, bytes) else seal(message(plaintext))
        records += conversation.receive(int(seconds * SECOND), sender, data)
    return identify(records)


def only_group(result, part):
    groups = [group for group in result.groups if group.kind is part]
    assert len(groups) == 1
    return groups[0]


def names(group):
    return {known.preamble for known in group.candidates}


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_likely_in_the_sample_captures_is_so(name):
    """Measured frame by frame against what the key says."""
    truth = list(decode_capture(CAPTURES / name, speakers_with(new_decoder())))
    sealed = list(decode_capture(CAPTURES / name, speakers_with(KeylessDecoder())))
    assert len(truth) == len(sealed)
    result = identify(sealed)
    requests = {group.request: group for group in result.groups if group.kind is GroupKind.EXCHANGE}
    reports = {group.machine_blocks: group for group in result.groups if group.kind is GroupKind.REPORT}
    asked, hits, certain = {}, 0, 0
    for true, seen in zip(truth, sealed, strict=True):
        window = (true.kind, true.address, true.length)
        ciphertext = base64.b64decode(seen.raw[1:-1])
        if true.role == "request":
            asked[window] = group = requests[ciphertext]
        else:
            group = asked[window] if true.role == "response" else reports[len(ciphertext) // 16]
        fits = [(known.kind, known.address, known.length) for known in group.candidates]
        hits += window in fits
        if group.confidence in CERTAIN:
            certain += 1
            assert fits[0] == window, "what is said to be the one that fits is it"
    assert hits == len(truth)
    assert certain > 0.4 * len(truth)
    assert sum(group.answered for group in requests.values()) == sum(record.role == "response" for record in truth)
    assert sum(group.seen for group in reports.values()) == sum(record.role == "report" for record in truth)


def test_the_opening_is_that_of_the_samples():
    """The order is a fact about lmdirect 0.9.4, which the captures are of."""
    for name in SAMPLES:
        asked = [
            record for record in decode_capture(CAPTURES / name, speakers_with(new_decoder())) if record.sender == "app"
        ][:8]
        for record, expected in zip(asked, KNOWN_OPENING, strict=True):
            assert (record.address, record.length) in {(known.address, known.length) for known in expected}


@pytest.mark.parametrize("known", [*KNOWN_READS, *KNOWN_REPORTS, *KNOWN_WRITES])
def test_sizes_are_those_of_real_frames(known):
    plaintext = message(f"{letter_of(known.kind)}{known.address:04X}{known.length:04X}{'00' * known.length}")
    assert len(base64.b64decode(seal(plaintext)[1:-1])) == 16 * known.data_blocks


def updates(seed, lost, cycles):
    """What an app asks again and again, some of it unanswered, and reports at any time; and what each request is."""
    random = Random(seed)
    said = []
    for cycle in range(cycles):
        asked = answered = 20.0 * cycle
        for known, *_ in KNOWN_OPENING:
            asked += 0.002
            answered = max(answered, asked) + random.uniform(0.02, 0.08)
            said.append((asked, "app", known.preamble))
            if random.random() >= lost:
                said.append((answered, "machine", known.preamble + "00" * known.length))
    for at in range(20 * cycles):
        temperatures = f"R401C000403{random.randrange(180, 188):02X}04{random.randrange(200, 210):02X}"
        report = random.choice([temperatures, "R4022000105", f"R03000007{at % 60:02X}{at // 60:02X}0906020115"])
        said.append((at + random.random(), "machine", report))
    truth = {base64.b64decode(seal(message(known.preamble))[1:-1]): known for known, *_ in KNOWN_OPENING}
    return truth, told(*sorted(said))


@pytest.mark.parametrize(("lost", "cycles"), [(0, 1), (0, 5), (0.05, 1), (0.05, 5), (0.2, 1), (0.2, 5)])
def test_claims_are_right_where_answers_are_missing(lost, cycles):
    right = wrong = 0
    for seed in range(10):
        truth, result = updates(seed, lost, cycles)
        for group in result.groups:
            if group.kind is GroupKind.EXCHANGE and group.confidence in CERTAIN:
                right += group.candidates[0] == truth[group.request]
                wrong += group.candidates[0] != truth[group.request]
    assert wrong <= 0.05 * (right + wrong)
    assert right >= (8 if lost else 50), "of 80"


def test_a_lone_request_fits_all_of_its_size():
    answer = "R0310001D" + "FF" * 29
    group = only_group(told((0, "app", "R0310001D"), (0.1, "machine", answer)), GroupKind.EXCHANGE)
    assert group.confidence is Fit.FITS
    assert names(group) == {"R0000001F", "R0310001D", "R40000020", "R40600020"}


def test_an_unanswered_request_may_be_any():
    group = only_group(told((0, "app", "R40000023")), GroupKind.EXCHANGE)
    assert (group.answered, group.confidence) == (0, Fit.FITS)
    assert {"R40000023", "W00000001"} <= names(group)


def test_a_report_long_after_a_request_does_not_answer_it():
    result = told((0, "app", "R40000023"), (5, "machine", "R401C000403BC04D8"))
    assert only_group(result, GroupKind.REPORT).seen == 1
    assert only_group(result, GroupKind.EXCHANGE).answered == 0


def test_a_report_among_answers_is_known_by_its_first_block():
    report = "R401C000403BC04D8"
    answer = "R40000023" + "00" * 0x23
    result = told(
        (0, "machine", report),
        (1, "app", "R40000023"),
        (1.1, "machine", report),
        (1.2, "machine", answer),
    )
    assert only_group(result, GroupKind.REPORT).seen == 2
    assert names(only_group(result, GroupKind.EXCHANGE)) == {"R40000023"}


def test_two_values_of_one_register_have_the_same_answer():
    result = told(
        (0, "app", "W0000000101"),
        (0.1, "machine", "W00000001OK"),
        (1, "app", "W0000000100"),
        (1.1, "machine", "W00000001OK"),
    )
    assert {known.kind for group in result.groups for known in group.candidates} == {Kind.WRITE}


def test_a_long_request_is_a_write():
    result = told((0, "app", "W030000070B0F15070D0C14"), (0.1, "machine", "W03000007OK"))
    group = only_group(result, GroupKind.EXCHANGE)
    assert (names(group), group.confidence) == ({"W03000007"}, Fit.ONLY_FIT)


def test_two_requests_cannot_both_be_the_one_that_fits():
    answers = [(at + 0.1, "machine", f"R{address}002C{'00' * 0x2C}") for at, address in enumerate(("0020", "8000"))]
    asks = [(at, "app", f"R{address}002C") for at, address in enumerate(("0020", "8000"))]
    result = told(*sorted([*asks, *answers]))
    assert {group.confidence for group in result.groups} == {Fit.FITS}


def test_water_flow_begins_alike():
    flow = [(at, "machine", f"Z60000016{'53' * 12}0401{at:04X}001B03BB04FD") for at in range(5)]
    group = only_group(told(*flow), GroupKind.REPORT)
    assert (group.confidence, group.same_blocks, group.period, group.steady) == (Fit.ONLY_FIT, 2, 1.0, True)
    other = told(*flow, (9, "machine", "R00500018" + "00" * 24))
    assert only_group(other, GroupKind.REPORT).confidence is Fit.FITS


def test_what_no_known_message_is_as_long_as():
    group = only_group(told((0, "app", "R80000040"), (0.1, "machine", f"R80000040{'00' * 64}")), GroupKind.EXCHANGE)
    assert (group.confidence, group.candidates) == (Fit.NOTHING, ())


def test_frames_that_cannot_be_ours_are_counted_apart():
    result = told((0, "app", b"@!!!%"), (1, "app", b"@MDEy%"), (2, "app", b"@%junk"), (3, "app", b"@"))
    (connection,) = result.connections
    assert connection.unusable == {"not base64": 1, "not whole cipher blocks": 2}
    assert connection.bytes_skipped == 4
    assert not result.groups


def test_different_frames_are_bounded_and_repeated_ones_cost_nothing(monkeypatch):
    monkeypatch.setattr(identification, "MAX_DIFFERENT", 10)
    reports = [(at, "machine", f"R401C0004{at:04X}04D8") for at in range(10)] * 2
    assert not told(*reports).bounded
    result = told(*reports, (30, "machine", "R401C0004FFFF04D8"))
    assert result.bounded
    assert only_group(result, GroupKind.REPORT).seen == 21


def test_requests_are_bounded(monkeypatch):
    monkeypatch.setattr(identification, "_MAX_REQUESTS", 3)
    result = told(*((at, "app", f"W00140002{at:04X}") for at in range(9)))
    assert result.bounded
    assert sum(group.seen for group in result.groups) == 9
    assert len(result.groups) == 4


FRAMES = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lambda blocks, byte: b"@" + base64.b64encode(bytes([byte]) * 16 * blocks) + b"%",
        st.integers(0, 9),
        st.integers(0, 3),
    ),
    st.builds(lambda raw: b"@" + base64.b64encode(raw) + b"%", st.binary(max_size=120)),
)


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(-SECOND, 5 * SECOND), st.sampled_from(["app", "machine"]), FRAMES),
        max_size=60,
    )
)
def test_nothing_crashes_and_no_frame_is_lost(events):
    talks = [Conversation(KeylessDecoder(), Place(stream=number)) for number in range(3)]
    records: list[Record] = []
    now = 0
    for number, delay, sender, data in events:
        now += delay
        records += talks[number].receive(now, sender, data)
        if not data:
            records += talks[number].gap(now, sender, 5, "gap: 5 bytes")
    result = identify(records)
    frames = sum(talk.tally.frames for talk in talks)
    unusable = sum(connection.unusable.total() for connection in result.connections)
    seen = sum(group.seen + group.answered * (group.kind is GroupKind.EXCHANGE) for group in result.groups)
    assert seen + unusable == frames
    json.dumps(as_dict(result))
    assert text_of(as_tables(result)) or not records


def test_nothing_at_all():
    assert identify([]) == Identification().result()
