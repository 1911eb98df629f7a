"""Copies that can be posted: nothing secret in them, in any spelling, and they say what the original says."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmdecode.app.asked import Asked
from lmdecode.app.errors import CommandError, UsageError
from lmdecode.app.redact import redact
from lmdecode.capture.net.packet import Endpoint
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.framing import wrap
from lmdecode.codec.v1.key import Key, encrypt
from lmdecode.codec.v1.message import Message, build
from lmdecode.config.keys import NoKeyError
from lmdecode.redaction.spellings import contains, is_telling, spellings
from lmdecode.redaction.v1 import Memory
from tests.capture.building import (
    CAPTURES,
    KEY_TEXT,
    Talk,
    block,
    decode,
    enhanced,
    interface,
    option,
    packets,
    pcap,
    section,
)

OWNERS = "Zx7#kP0q!mW2vB9tR4yL6nC8dF1gH3jS"
"""The key of a machine that is not the samples'."""
SERIAL, MODULE, NAME = "GS076543", "Sn2307902283", "La Kitchen"
ACCOUNT = b"0f3c91d2-7b64-4e0a-9a51-c0ffee5ca1ab\0Geheim!2019 pass\0".ljust(0x3F, b"\0")

quick = settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])


def sealed(message: Message, key: str = OWNERS) -> bytes:
    return wrap(encrypt(Key.parse(key), build(message)))


def answers(serial: str = SERIAL, module: str = MODULE, name: str = NAME, account: bytes = ACCOUNT) -> list[Message]:
    identity = b"Z" + serial.encode().ljust(16, b"\0")
    status = b"\x01\x8c\0" + module.encode()
    return [
        Message(Kind.READ, 0x00D0, 16, name.encode().ljust(16, b"\0")),
        Message(Kind.READ, 0x0100, 0x11 + 0x3F, identity + account),
        Message(Kind.READ, 0x4000, 3 + len(module), status),
        Message(Kind.READ, 0x0112, 8, account[1:9]),
        Message(Kind.READ, 0x401C, 4, bytes.fromhex("03bc04d8")),
        Message(Kind.READ, 0x2000, 20, b"SSID=HomeSweetHome\0\0"),
    ]


def recorded(messages: list[Message], key: str = OWNERS) -> bytes:
    talk = Talk(app=Endpoint("10.0.7.9", 50123), machine=Endpoint("10.0.7.215", 1774)).open()
    for each in messages:
        talk.send("app", sealed(Message(Kind.READ, each.address, each.length), key))
        talk.send("machine", sealed(each, key))
    return pcap(packets(talk.close().segments))


def plaintexts(path: Path) -> list[str | None]:
    return [record.plaintext for record in decode(path)[0]]


def copied(folder: Path, data: bytes, name: str = "in.pcap", key: str = OWNERS) -> Path:
    original, copy = folder / name, folder / f"copy-{name}"
    original.write_bytes(data)
    redact(Asked(keys=(key,)), original, copy)
    return copy


def test_a_capture_of_v1_is_readable_with_the_published_key_and_has_nothing_of_its_owner(tmp_path):
    copy = copied(tmp_path, recorded(answers()))
    records, statistics, _ = decode(copy)
    assert [record.problems for record in records] == [()] * 12
    assert statistics.packets > 12
    assert records[1].fields["machine_name"] == "name 1"
    assert records[3].fields["machine_ser_num"] == "GS000001"
    assert records[5].fields["module_ser_num"] == "Sn0000000001"
    assert records[9].fields == {"coffee_temp": 95.6, "steam_temp": 124.0}
    assert records[0].source == "192.168.0.1:50123"
    everything = copy.read_bytes() + "\n".join(filter(None, plaintexts(copy))).encode()
    for secret in (SERIAL, MODULE, NAME, "Geheim!2019 pass", "c0ffee5ca1ab", "HomeSweetHome", OWNERS, "10.0.7.215"):
        assert contains(everything, spellings(secret)) is None, secret


def test_times_lengths_and_all_that_is_no_identifier_stay(tmp_path):
    original = (CAPTURES / "gs3av-settings.pcap").read_bytes()
    copy = copied(tmp_path, original, "sample.pcap", KEY_TEXT)
    one, other = decode(tmp_path / "sample.pcap")[0], decode(copy)[0]
    assert [(each.time_ns, each.sender, each.address, each.length) for each in one] == [
        (each.time_ns, each.sender, each.address, each.length) for each in other
    ]
    for each, made in zip(one, other, strict=True):
        identity = {"module_ser_num"}
        assert {k: v for k, v in each.fields.items() if k not in identity} == {
            k: v for k, v in made.fields.items() if k not in identity
        }


def test_a_copy_of_a_copy_is_the_copy(tmp_path):
    copy = copied(tmp_path, recorded(answers()))
    again = copied(tmp_path, copy.read_bytes(), "again.pcap", KEY_TEXT)
    assert again.read_bytes() == copy.read_bytes()


def test_a_pcapng_keeps_no_comments_names_or_secrets_of_others(tmp_path):
    talk = Talk(machine=Endpoint("10.0.7.215", 1774)).open()
    talk.send("machine", sealed(answers()[0]))
    comment = option(1, b"on the NAS of Frau Holle") + option(0, b"")
    blocks = [
        section(),
        interface(options=option(2, b"wlan-holle") + option(3, b"the kitchen")),
        block(10, struct.pack("<II", 0x544C534B, 20) + b"CLIENT_RANDOM 012345"),
        *(enhanced(0, time_ns // 1000, data) for time_ns, data in packets(talk.segments)),
        block(6, struct.pack("<IIIII", 0, 0, 0, 60, 60) + bytes(60) + comment),
    ]
    copy = copied(tmp_path, b"".join(blocks), "in.pcapng")
    assert len(decode(copy)[0]) == 1
    for word in (b"holle", b"Holle", b"kitchen", b"CLIENT_RANDOM"):
        assert word not in copy.read_bytes()


TEXTS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_!#$", min_size=8, max_size=16).filter(
    is_telling
)


@quick
@given(
    st.from_regex(r"(GS|LM)0[0-9]{5}", fullmatch=True).filter(lambda each: each > "GS000009"),
    st.from_regex(r"Sn[1-9][0-9]{9}", fullmatch=True),
    TEXTS,
    st.binary(min_size=0x3F, max_size=0x3F),
)
def test_no_secret_of_v1_is_in_a_copy(tmp_path, serial, module, name, account):
    copy = copied(tmp_path, recorded(answers(serial, module, name, account)))
    everything = copy.read_bytes() + "\n".join(filter(None, plaintexts(copy))).encode()
    for secret in (serial, module, name):
        assert contains(everything, spellings(secret)) is None, secret


def test_without_the_key_there_is_no_copy_and_the_reason(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    (tmp_path / "in.pcap").write_bytes(recorded(answers()))
    with pytest.raises(NoKeyError, match="whoever finds the key later"):
        redact(Asked(), Path("in.pcap"), Path("out.pcap"))
    with pytest.raises(CommandError, match="keys check"):
        redact(Asked(keys=(KEY_TEXT,)), Path("in.pcap"), Path("out.pcap"))
    assert not Path("out.pcap").exists()


def test_damaged_frames_and_other_traffic_are_left_out_and_counted(tmp_path):
    other = Talk(app=Endpoint("10.0.7.9", 1), machine=Endpoint("10.0.7.1", 80)).open().send("app", b"GET /secret-path")
    talk = Talk(machine=Endpoint("10.0.7.215", 1774)).open()
    talk.send("machine", sealed(answers()[4]) + b"junk of somebody" + sealed(answers()[4])[:20] + b"%")
    talk.send("machine", sealed(answers()[4]))
    original, copy = tmp_path / "in.pcap", tmp_path / "copy.pcap"
    original.write_bytes(pcap(packets([*other.segments, *talk.segments])))
    made = redact(Asked(keys=(OWNERS,)), original, copy)
    assert made.messages == 2
    assert made.left_out["damaged frames of v1"] == 1
    assert made.left_out["bytes between frames of v1"] == 16
    assert made.left_out["packets, requests or lines of others"] == len(other.segments)
    assert b"secret-path" not in copy.read_bytes()
    assert not decode(copy)[2].problems


@pytest.mark.parametrize(
    ("original", "output", "message"),
    [
        ("-", "x.pcap", "save it to a file"),
        ("in.pcap", "-", "the copy needs a file name"),
        ("in.pcap", "in.pcap", "is the file that is read"),
        ("in.pcap", "x.pcap.zst", "not compressed"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, monkeypatch, original, output, message):
    monkeypatch.chdir(tmp_path)
    Path("in.pcap").write_bytes(recorded(answers()))
    before = Path("in.pcap").read_bytes()
    with pytest.raises(UsageError, match=message):
        redact(Asked(keys=(OWNERS,)), Path(original), Path(output))
    assert Path("in.pcap").read_bytes() == before


def test_a_kind_that_has_no_writer_is_refused_with_those_that_have(tmp_path):
    with pytest.raises(CommandError, match="redact the file that it was made from"):
        redact(Asked(keys=(KEY_TEXT,)), CAPTURES / "gs3av-settings.tshark.json", tmp_path / "copy.json")


def test_a_copy_that_says_something_secret_is_not_kept(tmp_path, monkeypatch):
    """If a substitution failed, the search of the copy finds it."""
    forgetful = Memory.message

    def message(self: Memory, machine: str, said: Message) -> Message:
        forgetful(self, machine, said)
        return said

    monkeypatch.setattr(Memory, "message", message)
    original = tmp_path / "in.pcap"
    original.write_bytes(recorded(answers()))
    with pytest.raises(CommandError, match=r"still has something secret of the original \([\w ,]+\)") as raised:
        redact(Asked(keys=(OWNERS,)), original, tmp_path / "copy.pcap")
    assert SERIAL not in str(raised.value)
    assert not (tmp_path / "copy.pcap").exists()
