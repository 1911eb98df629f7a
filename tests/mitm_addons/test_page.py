"""What is on a message's page, for any bytes in any pieces, without mitmproxy."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from lmdecode.capture.http.flow import sender
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key
from lmdecode.mitm.page import Transcript, blocks, page_text, reencoded
from tests.codec.v1.samples import KEY_TEXT, SAMPLES, frame, with_check

KEY = Key.parse(KEY_TEXT)


class Message(NamedTuple):
    from_client: bool
    content: bytes
    timestamp: float = 0.0


plaintexts = st.one_of(
    st.sampled_from([sample.plaintext for sample in SAMPLES]),
    st.sampled_from([b"R01110010" + b"41" * 16, b"R0111", b"W00000001", b"R401C0004  ", b" R401C0004", b"# = hello"]),
    st.sampled_from(["R01110010", "R01110010" + "41" * 16, "W0000000101", "W01110001" + "41"]).map(with_check),
    st.binary(min_size=1, max_size=40),
    st.text("RWZ0123456789ABCDEF \t*=#", min_size=1, max_size=30).map(str.encode),
)
streams = st.lists(
    st.one_of(
        plaintexts.map(frame), st.binary(max_size=12), st.sampled_from([b"@", b"%", b"@@", b"= x", b"  ", b"\n"])
    ),
    max_size=6,
).map(b"".join)


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """Both directions' streams, cut anywhere, in any order that keeps each in its own."""
    messages: list[Message] = []
    for from_client in (True, False):
        stream = draw(streams)
        cuts = sorted(draw(st.sets(st.integers(0, len(stream)), max_size=8)) | {0, len(stream)})
        parts = [Message(from_client, stream[start:end]) for start, end in pairwise(cuts)]
        for part in parts:
            messages.insert(draw(st.integers(_after(messages, from_client=from_client), len(messages))), part)
    return messages


def _after(messages: list[Message], *, from_client: bool) -> int:
    """Where the next message of a direction can come first."""
    return max((index + 1 for index, message in enumerate(messages) if message.from_client == from_client), default=0)


@given(messages=conversations(), show_secrets=st.booleans())
@example(messages=[Message(from_client=False, content=frame(with_check("R60EF0002" + "2020")))], show_secrets=False)
def test_nothing_is_lost_and_what_is_not_edited_stays(messages: list[Message], *, show_secrets: bool) -> None:
    transcript = Transcript(FrameDecoder(KEY, show_secrets=show_secrets))
    for _ in range(2):  # as they come, and when all have come
        for message in messages:
            pieces = transcript.page(messages, message)
            assert b"".join(piece.raw for piece in pieces) == message.content
            page = blocks(pieces)
            text = page_text(page)
            assert all(line.isprintable() for line in text.split("\n"))
            assert show_secrets or "4141" not in text
            if message.content:
                assert reencoded(text, page, sender(message), KEY) == message.content


def test_a_part_says_what_the_whole_says() -> None:
    whole = frame(with_check("R401C000403BC04D8"))
    messages = [Message(from_client=False, content=part) for part in (whole[:5], whole[5:9], whole[9:] + b"@abc", b"@")]
    transcript = Transcript(FrameDecoder(KEY))
    first = page_text(blocks(transcript.page(messages[:1], messages[0])))
    assert first == "# the beginning of a frame; the rest has not come yet\n= @YaWN"
    texts = [page_text(blocks(transcript.page(messages, message))) for message in messages]
    later = "of a frame; the rest of it is in a later message: machine report temperatures"
    assert texts[0] == f"# the beginning {later}\n= @YaWN"
    assert texts[1] == f"# a part {later}\n= 6Ab+"
    assert texts[2].startswith(
        "# machine report temperatures (its frame began in an earlier message)\n= R401C000403BC04D8"
    )
    assert texts[2].endswith("# the beginning of a frame that has no end\n= @abc")
