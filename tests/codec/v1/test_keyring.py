"""A connection's key is found by its frames."""

from __future__ import annotations

import pytest

from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import FrameDecoder, Keyring
from lmdecode.codec.v1.key import Key
from tests.codec.v1.samples import KEY_BYTES, SAMPLES, frame

KEY = Key(KEY_BYTES)
OTHERS = [MachineKey(name, Key(name[:1].encode() * 32)) for name in ("office", "bar")]
RING = [OTHERS[0], MachineKey("kitchen", KEY), OTHERS[1]]
TIME = 1_795_229_755_000_000_000


def receive(decoder, *bodies, sender="machine", predecoded=False):
    conversation = Conversation(decoder)
    frames = [b"@" + body + b"%" for body in bodies]
    found = decoder.predecode(frames, fields_as="values") if predecoded else [None] * len(frames)
    return [
        record
        for frame, each in zip(frames, found, strict=True)
        for record in conversation.receive(TIME, sender, frame, each)
    ]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.plaintext[:9].decode())
@pytest.mark.parametrize("predecoded", [False, True])
@pytest.mark.parametrize("sender", ["app", "machine"])
def test_it_says_what_the_right_key_says(sample, predecoded, sender):
    body = frame(sample.plaintext)[1:-1]
    records = receive(Keyring(RING), body, body, predecoded=predecoded, sender=sender)
    expected = receive(FrameDecoder(KEY), body, body, sender=sender)
    assert [record._replace(machine=None) for record in records] == expected
    assert {record.machine for record in records} == {"kitchen" if expected[0].raw is None else None}


@pytest.mark.usefixtures("with_all_parts")
def test_a_connection_keeps_to_its_key_whatever_was_foreseen():
    """As once in 10**8 frames a wrong key fits."""
    keyring = Keyring(RING)
    body = frame(b"R401C000403BC04D8B6")[1:-1]
    conversation = Conversation(keyring)
    conversation.receive(TIME, "machine", b"@" + body + b"%")
    (other,) = keyring.predecode([b"@" + body + b"%"], fields_as="values")
    *_, number, start, window = other
    assert number == 1
    foreign = ("R401C000400000000A1", {}, ("what a wrong key made of it",), 2, start, window)
    for found, problems in ((foreign, ()), (other, ()), ((*foreign[:3], 1, start, window), foreign[2])):
        (record,) = conversation.receive(TIME, "machine", b"@" + body + b"%", found)
        assert (record.machine, record.problems) == ("kitchen", problems)


def test_before_the_first_message_the_machine_is_not_known():
    good = frame(b"R401C000403BC04D8B6")[1:-1]
    records = receive(Keyring(RING), b"AAAA", good, b"AAAA", good)
    assert [record.machine for record in records] == [None, "kitchen", "kitchen", "kitchen"]


def test_connections_are_told_apart():
    keyring = Keyring(RING)
    ours = frame(b"R401C000403BC04D8B6")[1:-1]
    (kitchen,) = receive(keyring, ours)
    assert kitchen.machine == "kitchen"
    assert receive(Keyring(OTHERS), ours)[0].machine is None
    assert receive(keyring, b"AAAA")[0].machine is None


def test_a_frame_that_no_key_decrypts_is_kept_whole():
    body = frame(b"R401C000403BC04D8B6")[1:-1]
    (record,) = receive(Keyring(OTHERS), body)
    assert record.raw == b"@" + body + b"%"
    assert record.problems == ("does not decrypt to a message with any of the 2 keys",)


def test_a_damaged_message_is_read_with_the_key_that_reads_it():
    (record,) = receive(Keyring(RING), frame(b"R401C000403BC04D8B7")[1:-1])
    assert record.fields == {"coffee_temp": 95.6, "steam_temp": 124.0}
    assert "check byte" in record.problems[0]
    assert record.machine is None


def test_secrets_stay_masked():
    frame_of_secret = frame(b"R011000024142" + b"00")[1:-1]
    assert "4142" not in repr(receive(Keyring(RING), frame_of_secret))
    assert Keyring(RING, show_secrets=True).show_secrets
    assert not Keyring(RING).show_secrets
