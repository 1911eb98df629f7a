"""One connection: requests and answers paired, everything counted, nothing lost."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.dialect import Place, Tally
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.conversation import ANSWER_TIMEOUT_NS, Conversation
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key
from tests.codec.v1.samples import KEY_BYTES, SAMPLES, frame, with_check

KEY = Key(KEY_BYTES)
SECOND = 1_000_000_000
TEMPERATURES = "R401C000403BC04D8"
STATUS = SAMPLES[0].plaintext.decode("ascii")[:-2]


class Talk:
    """A conversation to which messages are said in plain text, without their check bytes."""

    def __init__(self) -> None:
        self.conversation = Conversation(
            FrameDecoder(KEY), Place(stream=7, app="192.168.1.150:36364", machine="192.168.1.215:1774")
        )

    def app(self, text: str, time_ns: int = 0) -> Record:
        return self._say("app", text, time_ns)

    def machine(self, text: str, time_ns: int = 0) -> Record:
        return self._say("machine", text, time_ns)

    def _say(self, sender: str, text: str, time_ns: int) -> Record:
        (record,) = self.conversation.receive(time_ns, sender, frame(with_check(text)))
        return record


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_a_read_and_its_answer(talk):
    request = talk.app("R401C0004", 5 * SECOND)
    answer = talk.machine(TEMPERATURES, 5 * SECOND + 31_250_000)
    assert (request.role, request.kind, request.fields, request.data, request.ok) == (
        "request",
        Kind.READ,
        {},
        None,
        None,
    )
    assert (request.elapsed, request.problems, request.raw) == (None, (), None)
    assert (answer.role, answer.kind, answer.ok, answer.elapsed) == ("response", Kind.READ, None, 0.03125)
    assert (answer.address, answer.length, answer.data) == (0x401C, 4, "03bc04d8")
    assert answer.fields == {"coffee_temp": 95.6, "steam_temp": 124.0}
    assert (answer.problems, answer.raw, answer.time_ns) == ((), None, 5 * SECOND + 31_250_000)
    assert (request.stream, answer.stream) == (7, 7)
    assert (request.source, request.destination) == ("192.168.1.150:36364", "192.168.1.215:1774")
    assert (answer.source, answer.destination) == ("192.168.1.215:1774", "192.168.1.150:36364")


def test_what_nobody_asked_for_is_a_report(talk):
    assert talk.machine(TEMPERATURES).role == "report"
    talk.app("R40000020")
    report = talk.machine(TEMPERATURES)
    assert (report.role, report.elapsed) == ("report", None)
    assert talk.machine(STATUS).role == "response"


def test_an_answer_is_to_the_same_kind_and_window(talk):
    talk.app("R401C0004")
    assert talk.machine("R401C000203BC").role == "report"
    assert talk.machine("R401D0004BC04D800").role == "report"
    assert talk.machine("Z401C000403BC04D8").role == "report"
    assert talk.machine(TEMPERATURES).role == "response"


def test_water_flow_is_a_report(talk):
    record = talk.machine("Z60000016" + "00" * 12 + "0201" + "0009" + "0123" + "03BC04D8")
    assert (record.kind, record.role) == (Kind.STREAM, "report")
    assert record.fields["flow_seconds"] == 0.5625


def test_answers_in_another_order(talk):
    talk.app("R401C0004", 1 * SECOND)
    talk.app("R40000020", 2 * SECOND)
    talk.app("R60EF0010", 3 * SECOND)
    assert talk.machine(STATUS, 4 * SECOND).elapsed == 2.0
    assert talk.machine(TEMPERATURES, 4 * SECOND).elapsed == 3.0
    assert talk.machine(TEMPERATURES, 5 * SECOND).role == "report"


def test_the_same_request_twice(talk):
    talk.app("R401C0004", 1 * SECOND)
    talk.app("R401C0004", 2 * SECOND)
    assert [talk.machine(TEMPERATURES, 3 * SECOND)[6:7] for _ in range(3)] == [
        ("response",),
        ("response",),
        ("report",),
    ]


def test_the_same_request_twice_is_answered_in_order(talk):
    talk.app("R401C0004", 1 * SECOND)
    talk.app("R401C0004", 2 * SECOND)
    assert [talk.machine(TEMPERATURES, 3 * SECOND).elapsed for _ in range(3)] == [2.0, 1.0, None]


@pytest.mark.parametrize(("late_by", "role"), [(0, "response"), (1, "report")])
def test_a_late_answer_is_a_report(talk, late_by, role):
    talk.app("R401C0004", 0)
    assert talk.machine(TEMPERATURES, ANSWER_TIMEOUT_NS + late_by).role == role


def test_an_unanswered_request_does_not_spoil_later_ones(talk):
    talk.app("R00B00100", 0)
    for second in range(1, 40):
        talk.app("R401C0004", second * SECOND)
        answer = talk.machine(TEMPERATURES, second * SECOND + SECOND // 4)
        assert (answer.role, answer.elapsed) == ("response", 0.25)


def test_a_machine_that_never_answers_does_not_fill_the_memory(talk):
    for number in range(3000):
        talk.app(f"R{number:04X}0001", number)
    assert len(talk.conversation._pending) < 3000
    assert talk.machine("R0BB70001" + "00", 3000).role == "response"  # 0x0BB7 = 2999, the last one


def test_a_write_and_its_answer(talk):
    request = talk.app("W0007000203A7", 0)
    answer = talk.machine("W00070002OK", SECOND)
    assert (request.role, request.kind, request.fields, request.ok) == (
        "request",
        Kind.WRITE,
        {"coffee_set_temp": 93.5},
        None,
    )
    assert (answer.role, answer.kind, answer.fields, answer.ok) == ("response", Kind.WRITE, {}, True)
    assert (answer.elapsed, answer.problems, answer.data) == (1.0, (), None)
    assert answer.plaintext == with_check("W00070002OK").decode("ascii")


@pytest.mark.parametrize("answer", ["EE", "NO", "ERROR 5", "ok", "0", "03A7", "KO"])
def test_anything_but_ok_is_a_failure(talk, answer):
    talk.app("W0007000203A7")
    record = talk.machine("W00070002" + answer)
    assert (record.role, record.ok, record.fields) == ("response", False, {})
    assert record.as_dict()["ok"] is False
    assert record.plaintext[9:-2] == answer


def test_an_answer_to_a_write_that_was_not_seen(talk):
    record = talk.machine("W00000001OK")
    assert (record.role, record.ok, record.elapsed, record.problems) == ("response", True, None, ())


@pytest.mark.parametrize("text", ["W0007000203", "W000700020G", "W00070002OK", "W00070002"])
def test_a_write_request_that_sets_nothing_has_a_problem(talk, text):
    record = talk.app(text)
    assert record.role == "request"
    assert record.ok is None
    assert record.problems


def test_an_echoed_request(talk):
    talk.app("R01110001")
    record = talk.machine("R01110001")
    assert (record.role, record.data, record.fields) == ("response", None, {})
    assert record.problems == ("an answer without data: the machine echoed the request",)


def test_an_echo_that_nobody_asked_for_is_kept(talk):
    record = talk.machine("R401C0004")
    assert (record.role, record.address, record.data) == ("report", 0x401C, None)


def test_an_answer_that_is_not_hex_is_no_echo(talk):
    talk.app("R401C0004")
    record = talk.machine("R401C0004XX")
    assert (record.role, record.data) == ("response", None)
    assert record.problems == ("the data is not hexadecimal from digit 1 on",)


def test_a_damaged_answer_is_still_an_answer(talk):
    talk.app("R401C0004")
    (record,) = talk.conversation.receive(SECOND, "machine", frame(b"R401C000403BC04D8B7"))
    assert (record.role, record.elapsed) == ("response", 1.0)
    assert record.fields == {"coffee_temp": 95.6, "steam_temp": 124.0}
    assert record.problems == ("check byte is B7, should be B6",)
    assert record.raw == frame(b"R401C000403BC04D8B7")


def test_the_two_directions_are_read_apart(talk):
    conversation = talk.conversation
    request, answer = frame(with_check("R401C0004")), frame(with_check(TEMPERATURES))
    assert conversation.receive(0, "app", request[:9]) == []
    assert conversation.receive(1, "machine", answer[:20]) == []
    assert [record.role for record in conversation.receive(2, "app", request[9:])] == ["request"]
    assert [record.role for record in conversation.receive(3, "machine", answer[20:])] == ["response"]


def test_several_frames_in_one_segment(talk):
    data = b"".join(frame(with_check(text)) for text in ("R401C0004", "R40000020", "W0000000101"))
    records = talk.conversation.receive(9, "app", data)
    assert [record.address for record in records] == [0x401C, 0x4000, 0x0000]
    assert {record.time_ns for record in records} == {9}


def test_what_does_not_decrypt_is_kept(talk):
    (record,) = talk.conversation.receive(4, "machine", b"@not base64%")
    assert (record.kind, record.role, record.address, record.plaintext) == (None, None, None, None)
    assert record.raw == b"@not base64%"
    assert record.problems == ("the frame's body is not base64",)
    assert (record.time_ns, record.stream, record.sender) == (4, 7, "machine")


@pytest.mark.parametrize(("junk", "words"), [(b"x", "1 byte that belongs"), (b"junk", "4 bytes that belong")])
def test_bytes_between_frames_are_kept(talk, junk, words):
    records = talk.conversation.receive(0, "machine", junk + frame(with_check(TEMPERATURES)))
    assert records[0].raw == junk
    assert len(records[0].problems) == 1
    assert words in records[0].problems[0]
    assert (records[1].address, records[1].problems) == (0x401C, ())


def test_a_gap(talk):
    conversation = talk.conversation
    assert conversation.receive(0, "machine", b"@QUJD") == []
    held, gap = conversation.gap(5, "machine", 100, "100 bytes are not in the capture")
    assert held.raw == b"@QUJD"
    assert held.problems
    assert (gap.problems, gap.raw, gap.time_ns, gap.sender) == (
        ("100 bytes are not in the capture",),
        None,
        5,
        "machine",
    )
    rest, whole = conversation.receive(6, "machine", b"QUJD%" + frame(with_check(TEMPERATURES)))
    assert rest.raw == b"QUJD%"
    assert whole.fields == {"coffee_temp": 95.6, "steam_temp": 124.0}
    assert conversation.tally == Tally(
        frames=1, valid_frames=1, messages=1, problems=3, bytes_skipped=10, bytes_missing=100
    )


def test_a_gap_in_one_direction_leaves_the_other_alone(talk):
    conversation = talk.conversation
    request = frame(with_check("R401C0004"))
    conversation.receive(0, "app", request[:10])
    assert len(conversation.gap(1, "machine", 10, "lost")) == 1
    assert [record.role for record in conversation.receive(2, "app", request[10:])] == ["request"]


def test_late_bytes_are_read_apart_and_marked(talk):
    conversation = talk.conversation
    start, end = frame(with_check(STATUS))[:30], frame(with_check(STATUS))[30:]
    conversation.receive(0, "machine", start)
    late = conversation.receive_late(1, "machine", frame(with_check(TEMPERATURES)) + b"@QU", "arrived late")
    assert [record.problems[-1] for record in late] == ["arrived late", "arrived late"]
    assert late[0].fields == {"coffee_temp": 95.6, "steam_temp": 124.0}
    assert late[1].raw == b"@QU"
    (whole,) = conversation.receive(2, "machine", end)
    assert (whole.address, whole.problems) == (0x4000, ())
    assert conversation.tally == Tally(frames=2, valid_frames=2, messages=2, problems=2, bytes_skipped=3)


def test_a_frame_cut_by_the_end_of_the_connection(talk):
    conversation = talk.conversation
    conversation.receive(0, "machine", b"@QUJD")
    conversation.receive(0, "app", b"@QU")
    records = conversation.close(9)
    assert {(record.sender, record.raw, record.time_ns) for record in records} == {
        ("machine", b"@QUJD", 9),
        ("app", b"@QU", 9),
    }
    for record in records:
        assert record.problems[-1] == "the connection ended inside this frame"
    assert conversation.close(9) == []
    assert conversation.tally == Tally(problems=2, bytes_skipped=8)


def test_junk_at_the_end_of_the_connection_is_no_frame(talk):
    talk.conversation.receive(0, "machine", b"junk")
    (record,) = talk.conversation.close(9)
    assert record.raw == b"junk"
    assert not [problem for problem in record.problems if "inside this frame" in problem]


def test_nothing_is_held_back_at_the_end_of_a_whole_connection(talk):
    talk.app("R401C0004")
    talk.machine(TEMPERATURES)
    assert talk.conversation.close(1) == []


def test_the_tally():
    tally = Tally()
    decoder = FrameDecoder(KEY)
    one, two = Conversation(decoder, tally=tally), Conversation(decoder, Place(stream=1), tally=tally)
    one.receive(0, "app", frame(with_check("R401C0004")))
    two.receive(0, "machine", frame(with_check(TEMPERATURES)))
    assert tally == Tally(frames=2, valid_frames=2, messages=2)
    one.receive(1, "machine", frame(b"R401C000403BC04D8B7"))
    assert tally == Tally(frames=3, valid_frames=2, messages=3, problems=1)
    two.receive(1, "machine", b"@????%" + b"junk" + frame(b"\xfe" * 20))
    assert tally == Tally(frames=5, valid_frames=2, messages=3, problems=4, bytes_skipped=4)
    one.gap(2, "app", 12, "lost")
    assert tally == Tally(frames=5, valid_frames=2, messages=3, problems=5, bytes_skipped=4, bytes_missing=12)


def test_a_valid_message_with_a_value_that_cannot_be_read(talk):
    record = talk.machine("R0000000107")
    assert record.problems == ("power: 7 is neither 0 nor 1",)
    assert talk.conversation.tally == Tally(frames=1, valid_frames=1, messages=1, problems=1)


said = st.tuples(
    st.sampled_from(["app", "machine"]),
    st.sampled_from(["R401C0004", TEMPERATURES, "W00000001OK", "W0000000101", "R0111000141", STATUS])
    .map(with_check)
    .map(frame)
    | st.sampled_from(
        [frame(b"R401C000403BC04D8B7"), b"@", b"%", b"@??%", b"junk", frame(b"what?"), frame(b"\xff\xff")]
    ),
)


@given(st.lists(said, max_size=25), st.integers(0, 2**32))
def test_records_do_not_depend_on_the_segments_and_lose_nothing(speeches, seed):
    chance = random.Random(seed)
    whole, cut = Talk().conversation, Talk().conversation
    expected, found = [], []
    for sender, data in speeches:
        expected += whole.receive(0, sender, data)
        middle = chance.randint(0, len(data))
        found += [*cut.receive(0, sender, data[:middle]), *cut.receive(0, sender, data[middle:])]
    expected += whole.close(0)
    found += cut.close(0)
    assert found == expected
    assert cut.tally == whole.tally
    tally = whole.tally
    assert tally.problems == sum(bool(record.problems) for record in expected)
    assert tally.messages == sum(record.kind is not None for record in expected)
    assert tally.frames == len(expected) - sum("to no whole frame" in str(record.problems) for record in expected)
    assert tally.valid_frames <= tally.messages <= tally.frames
    assert all(record.raw for record in expected if record.kind is None)


TEXTS = "R401C0004", "R401C000403BC04D8", "W0000000101", "W00000001OK", "R01110010", "R0000000107", "W0000000107"
PIECES = st.sampled_from([frame(sample.plaintext) for sample in SAMPLES]) | st.sampled_from(
    [frame(with_check(text)) for text in TEXTS]
)
STREAM = st.lists(
    st.tuples(
        st.sampled_from(["app", "machine"]),
        st.integers(0, 6_000_000_000),
        PIECES | PIECES.map(lambda piece: piece[:-3]) | st.binary(max_size=6),
    ),
    max_size=30,
)


def told(stream, found):
    """The Records and the counts, if something was predecoded of the pieces."""
    conversation = Conversation(FrameDecoder(KEY))
    records, now = [], 1_795_229_755_000_000_000
    for (sender, later, piece), each in zip(stream, found, strict=True):
        now += later
        records += conversation.receive(now, sender, piece, each)
    return records + conversation.close(now), conversation.tally


@given(STREAM)
def test_what_was_foreseen_makes_no_difference(stream):
    """Whatever the pieces are, and whoever sends what the other should."""
    found = FrameDecoder(KEY).predecode([piece for _, _, piece in stream], fields_as="values")
    assert told(stream, found) == told(stream, [None] * len(stream))


@pytest.mark.usefixtures("with_all_parts")
def test_what_windows_have_in_common_is_kept_for_few():
    conversation = Conversation(FrameDecoder(KEY))
    for address in range(200):
        piece = frame(with_check(f"R{address:04X}0001"))
        (found,) = FrameDecoder(KEY).predecode([piece], fields_as="values")
        if found is not None:
            conversation.receive(0, "app", piece, found)
    assert conversation.tally.messages > 100
    assert len(conversation._prepared["request"]) <= 64
