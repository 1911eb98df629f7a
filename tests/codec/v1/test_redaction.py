"""The machine's own cloud account, 0x0111 to 0x014F, is kept out of all that is shown unless asked for.

The strongest test here compares what is shown of two machines that differ only in their secret: not a character may
differ.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.redaction import masked_data, masked_plaintext, touches_secret
from tests.codec.v1.samples import KEY_BYTES, frame, with_check

FIRST, LAST = 0x0111, 0x014F
ACCOUNT = b"0f8fad5b-d9cb-469f-a165-70867728950e\0" + b"correct-horse-battery-stp\0"
OTHER = b"7c9e6679-7425-40de-944b-e07fc1f90ae7\0" + b"Ljmno_zJKLMNO-pqrstuv!JKZ\0"
WINDOWS = {
    "all of it": (0x0111, 0x3F),
    "the serial number and all of it": (0x0100, 0x50),
    "its first byte": (0x0111, 1),
    "its last byte": (0x014F, 1),
    "one byte of it": (0x0130, 1),
    "across its start": (0x0108, 0x10),
    "across its end": (0x0148, 0x10),
    "far around it": (0x00F0, 0x80),
    "a part of it": (0x0120, 0x10),
}


def memory(account: bytes) -> bytes:
    """Memory from 0 to 0x01FF with an account in it."""
    assert len(account) == 0x3F
    image = bytearray(0x200)
    image[0x00D0:0x00E0] = b"machine".ljust(16, b"\0")
    image[0x0100:0x0111] = b"ZGS012345".ljust(17, b"\0")
    image[0x0111:0x0150] = account
    image[0x0150:0x016C] = b"mqtts://broker.example".ljust(28, b"\0")
    return bytes(image)


def message_text(letter: str, window: tuple[int, int], account: bytes) -> str:
    address, length = window
    return f"{letter}{address:04X}{length:04X}" + memory(account)[address : address + length].hex().upper()


def shown(
    plaintext: bytes, *, asked: bytes = b"", sender: str = "machine", show_secrets: bool = False
) -> dict[str, object]:
    """The line of one frame, but for the ciphertext."""
    talk = Conversation(FrameDecoder(Key(KEY_BYTES), show_secrets=show_secrets))
    if asked:
        talk.receive(0, "app", frame(asked))
    (record,) = talk.receive(0, sender, frame(plaintext))
    line = record.as_dict()
    line.pop("raw", None)
    return line


def masked(window: tuple[int, int]) -> str:
    address, length = window
    digits = memory(ACCOUNT)
    return "".join(
        "**" if FIRST <= cell <= LAST else f"{digits[cell]:02x}" for cell in range(address, address + length)
    )


@pytest.mark.parametrize("address", [0, 0x0100, 0x0110, 0x0111, 0x0112, 0x0130, 0x014F, 0x0150, 0xFFFF])
@pytest.mark.parametrize("length", [0, 1, 2, 0x11, 0x50, 0x200])
def test_which_windows_touch_the_secret(address, length):
    assert touches_secret(address, length) is any(FIRST <= cell <= LAST for cell in range(address, address + length))


@pytest.mark.parametrize("letter", ["R", "W", "Z"])
@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_each_secret_byte_is_masked_and_no_other(letter, window):
    text = message_text(letter, window, ACCOUNT)
    line = shown(with_check(text), sender="app" if letter == "W" else "machine")
    assert line["data"] == masked(window)
    assert line["plaintext"] == text[:9] + masked(window).upper() + "**"
    assert "**" in line["data"]
    assert line["problems"] == []
    names = {name for name, start, end in PUBLIC if window[0] <= start and end <= window[0] + window[1]}
    assert set(line["fields"]) >= names


PUBLIC = [("machine_ser_num", 0x0100, 0x0111), ("cloud_broker", 0x0150, 0x016C)]


@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_secrets_are_shown_when_asked_for(window):
    plaintext = with_check(message_text("R", window, ACCOUNT))
    line = shown(plaintext, show_secrets=True)
    assert line["plaintext"] == plaintext.decode("ascii")
    assert line["data"] == plaintext[9:-2].decode("ascii").lower()
    assert line["problems"] == []


@pytest.mark.parametrize("window", [(0x0100, 0x11), (0x0150, 28), (0x0111, 0), (0x0300, 7)])
def test_other_windows_are_shown_whole(window):
    plaintext = with_check(f"R{window[0]:04X}{window[1]:04X}" + "00" * window[1])
    assert shown(plaintext)["plaintext"] == plaintext.decode("ascii")


@pytest.mark.parametrize("plaintext", [with_check("R0111003F"), with_check("W01110001OK")])
def test_what_holds_no_data_is_shown(plaintext):
    assert shown(plaintext)["plaintext"] == plaintext.decode("ascii")


def spoilt(text: str, index: int, character: str = "g") -> bytes:
    return with_check(text[:index] + character + text[index + 1 :])


DAMAGES = {
    "none": with_check,
    "wrong check byte": lambda text: text.encode("ascii") + b"zz",
    "check byte missing": lambda text: text.encode("ascii"),
    "cut by a digit": lambda text: text[:-1].encode("ascii"),
    "cut by five digits": lambda text: text[:-5].encode("ascii"),
    "one digit short, check byte right": lambda text: with_check(text[:-1]),
    "one byte more": lambda text: with_check(text + "00"),
    "one byte less": lambda text: with_check(text[:-2]),
    "length too large": lambda text: with_check(text[:5] + "00FF" + text[9:]),
    "length too small": lambda text: with_check(text[:5] + "0001" + text[9:]),
    "length of nothing": lambda text: with_check(text[:5] + "0000" + text[9:]),
    "first digit not hex": lambda text: spoilt(text, 9),
    "last digit not hex": lambda text: spoilt(text, len(text) - 1),
    "a digit not ASCII": lambda text: (
        with_check(text).replace(b"0", b"\xe9", 20)[:9] + with_check(text)[9:10] + b"\xe9" + with_check(text)[11:]
    ),
    "length too small and first digit not hex": lambda text: spoilt(text[:5] + "0001" + text[9:], 9),
    "lower case": lambda text: with_check(text[0] + text[1:].lower()),
    "kind not known": lambda text: with_check("X" + text[1:]),
    "kind in lower case": lambda text: with_check(text[0].lower() + text[1:]),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("letter", ["R", "W"])
@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
def test_two_secrets_look_the_same_however_damaged(window, letter, damage):
    sender = "app" if letter == "W" else "machine"
    one, other = (shown(damage(message_text(letter, window, account)), sender=sender) for account in (ACCOUNT, OTHER))
    assert one == other


@pytest.mark.parametrize("digits", ["7A", "7a", "7G", "G", "A"])
def test_a_write_of_one_secret_byte(digits):
    line = shown(with_check("W01110001" + digits), sender="app")
    assert digits not in str(line["plaintext"])[9:]
    assert digits.lower() != line["data"]


ANSWER = message_text("R", (0x0111, 0x3F), ACCOUNT)
OTHER_ANSWER = message_text("R", (0x0111, 0x3F), OTHER)
PIECES = {
    "the middle of an answer": lambda text: text[20:60].encode("ascii"),
    "the last eight digits": lambda text: text[-8:].encode("ascii"),
    "an answer without its kind": lambda text: text[1:].encode("ascii"),
    "R, then data": lambda text: b"RG" + text[20:60].encode("ascii"),
    "bytes of text": lambda text: bytes.fromhex(text[9:]).replace(b"\0", b" "),
}


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_what_is_no_message_is_withheld_while_a_secret_is_asked_for(piece):
    asked = with_check("R0111003F")
    one, other = (shown(piece(text), asked=asked) for text in (ANSWER, OTHER_ANSWER))
    assert one["plaintext"] is None
    assert any("withheld" in problem for problem in one["problems"])
    assert one == other


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_what_is_no_message_is_not_withheld_when_secrets_may_be_shown(piece):
    line = shown(piece(ANSWER), asked=with_check("R0111003F"), show_secrets=True)
    assert line["plaintext"] == piece(ANSWER).decode("ascii")


def test_what_is_no_message_is_shown_when_no_secret_was_asked_for():
    assert shown(b"hello, machine", asked=with_check("R40000020"))["plaintext"] == "hello, machine"


@pytest.mark.parametrize("address", ["0211", "0011", "8111"])
def test_a_damaged_address_does_not_unmask_the_answer_that_was_asked_for(address):
    asked = with_check("R0111003F")
    one, other = (
        shown(f"R{address}{text[5:]}".encode("ascii") + with_check(text)[-2:], asked=asked)
        for text in (ANSWER, OTHER_ANSWER)
    )
    for line, text in ((one, ANSWER), (other, OTHER_ANSWER)):
        assert text[20:60] not in str(line).upper()


def test_the_cache_keeps_masked_and_shown_apart():
    body = frame(with_check(ANSWER))[1:-1]
    key = Key(KEY_BYTES)
    assert FrameDecoder(key, show_secrets=True).decode(body).plaintext == with_check(ANSWER).decode("ascii")
    assert FrameDecoder(key).decode(body).plaintext == "R0111003F" + "**" * 0x3F + "**"


@given(st.integers(0x00D0, 0x0160), st.binary(min_size=1, max_size=0x90))
@example(0x0111, b"z")
def test_any_window(address, data):
    message = Message(Kind.READ, address, len(data), data)
    text = with_check(f"R{message.preamble}{data.hex().upper()}").decode("ascii")
    expected = "".join("**" if FIRST <= address + i <= LAST else f"{byte:02x}" for i, byte in enumerate(data))
    assert masked_data(message) == expected
    check = "**" if "*" in expected else text[-2:]
    assert masked_plaintext(message, text) == text[:9] + expected.upper() + check
