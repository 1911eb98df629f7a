"""Every message that the documentation shows is one, with the right check byte, and every frame decrypts to one."""

from __future__ import annotations

import re

import pytest

from lmdecode.codec.v1.framing import unwrap
from lmdecode.codec.v1.key import Key, decrypt
from lmdecode.codec.v1.message import parse, parse_leniently
from lmdecode.config import SAMPLE_KEY
from tests.docs.pages import PAGES, README, text_of

MESSAGE = re.compile(r"(?<![0-9A-Za-z])[RWZ][0-9A-F]{8}(?:[0-9A-F]*|OK|NO)[0-9A-F]{2}(?![0-9A-Za-z*…])")
FRAME = re.compile(r"@[A-Za-z0-9+/]{20,}={0,2}%")
SHOWN_WITHOUT = {"W0007000203A7"}  # as mitmproxy's screen has it: the check byte is not for editing


def messages():
    """By page: what looks like a message. What is only searched for may be a part of one."""
    for page in (README, *PAGES):
        for line in text_of(page).splitlines():
            if "| grep" not in line:
                yield from ((page, found) for found in MESSAGE.findall(line) if found not in SHOWN_WITHOUT)


@pytest.mark.parametrize(("page", "text"), sorted(set(messages())))
def test_a_message_has_its_right_check_byte(page, text):
    assert not parse_leniently(text.encode()).problems, page


def test_there_are_messages():
    found = {text for _, text in messages()}
    assert len(found) > 15
    assert {"R40000020D8", "R0000001FE9", "R0310001DEB", "W000000010139", "W000000010038"} <= found


def test_every_frame_decrypts():
    key = Key.parse(SAMPLE_KEY)
    frames = {frame for page in (README, *PAGES) for frame in FRAME.findall(text_of(page))}
    assert len(frames) >= 3
    for frame in frames:
        parse(decrypt(key, unwrap(frame[1:-1].encode())))
