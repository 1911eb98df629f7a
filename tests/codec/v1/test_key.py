"""Keys as people write them, and agreement with pycryptodome's own CBC."""

from __future__ import annotations

import base64
import copy
import pickle
import traceback

import pytest
from Crypto.Cipher import AES
from hypothesis import example, given
from hypothesis import strategies as st

from lmdecode.codec.errors import CodecError, FrameError, KeyFormatError
from lmdecode.codec.v1._fast import decrypt_many
from lmdecode.codec.v1.key import Key, decrypt, encrypt
from tests.codec.v1.samples import KEY_BYTES, KEY_TEXT, SAMPLE_NAMES, SAMPLES, seal

HIGH_KEY = "".join(map(chr, range(0xE0, 0x100)))  # 32 characters, each two bytes in UTF-8
keys = st.binary(min_size=32, max_size=32)
plaintexts = st.binary(max_size=200).map(lambda data: data.rstrip(b"\0"))


def test_the_documented_example():
    body = base64.b64decode(seal(b"R40000020D8"))
    assert len(body) == 16
    assert decrypt(Key.parse(KEY_TEXT), body) == b"R40000020D8"


@pytest.mark.parametrize("sample", SAMPLES, ids=SAMPLE_NAMES)
def test_frames_of_real_machines(sample):
    key = Key(KEY_BYTES)
    sealed = base64.b64decode(seal(sample.plaintext))
    assert encrypt(key, sample.plaintext) == sealed
    assert decrypt(key, sealed) == sample.plaintext


@given(keys, plaintexts)
@example(KEY_BYTES, b"")
@example(KEY_BYTES, b"x" * 16)
@example(KEY_BYTES, b"x" * 17)
def test_round_trip(key_bytes, plaintext):
    key = Key(key_bytes)
    if plaintext:
        assert decrypt(key, encrypt(key, plaintext)) == plaintext
    else:
        assert encrypt(key, plaintext) == b""


@given(keys, plaintexts)
def test_encryption_is_plain_cbc_with_a_zero_iv_and_zero_padding(key_bytes, plaintext):
    padded = plaintext + bytes(-len(plaintext) % 16)
    assert encrypt(Key(key_bytes), plaintext) == AES.new(key_bytes, AES.MODE_CBC, bytes(16)).encrypt(padded)


@given(keys, st.integers(1, 20).flatmap(lambda blocks: st.binary(min_size=16 * blocks, max_size=16 * blocks)))
def test_decryption_of_any_ciphertext_is_plain_cbc(key_bytes, ciphertext):
    plain = AES.new(key_bytes, AES.MODE_CBC, bytes(16)).decrypt(ciphertext)
    assert decrypt(Key(key_bytes), ciphertext) == plain.rstrip(b"\0")


def test_one_key_serves_many_frames_in_any_order():
    key = Key(KEY_BYTES)
    texts = [b"R40000020D8", b"W000000010139", b"x" * 100]
    sealed = [encrypt(key, text) for text in texts]
    assert [decrypt(key, data) for data in reversed(sealed)] == texts[::-1]
    assert [encrypt(key, text) for text in texts] == sealed


@pytest.mark.parametrize("size", [16, 32, 48])
def test_no_padding_when_the_blocks_are_full(size):
    assert len(encrypt(Key(KEY_BYTES), b"x" * size)) == size


@pytest.mark.parametrize("size", [0, 1, 15, 17, 31])
def test_a_ciphertext_that_is_not_whole_blocks_is_refused(size):
    with pytest.raises(FrameError, match=rf"{size} bytes"):
        decrypt(Key(KEY_BYTES), bytes(size))


@pytest.mark.parametrize("secret", [KEY_BYTES, HIGH_KEY.encode("latin-1"), bytes(range(32)), b"hex:" + b"0" * 28])
def test_the_three_forms_of_a_key(secret):
    key = Key(secret)
    assert Key.parse(secret.decode("latin-1")) == key
    assert Key.parse("hex:" + secret.hex()) == key
    assert Key.parse("hex:" + secret.hex().upper()) == key
    assert Key.parse("base64:" + base64.b64encode(secret).decode("ascii")) == key
    assert key.secret == secret


def test_equality_hash_and_copies():
    key = Key(KEY_BYTES)
    assert key != Key(bytes(32))
    assert key != KEY_BYTES
    assert len({key, Key.parse(KEY_TEXT)}) == 1
    assert pickle.loads(pickle.dumps(key)) == key
    assert decrypt(copy.deepcopy(key), encrypt(key, b"R40000020D8")) == b"R40000020D8"


# A text that is no key; what the error says of it.
WRONG_KEYS = {
    "too short": (KEY_TEXT[:-1], "31 bytes; it must have 32"),
    "too long": (KEY_TEXT + "3", "33 bytes; it must have 32"),
    "empty": ("", "0 bytes; it must have 32"),
    "UTF-8 read as latin-1": (HIGH_KEY.encode("utf-8").decode("latin-1"), "UTF-8 read as latin-1"),
    "JSON escapes": ("A" * 31 + r"\u00e9", r"JSON escapes \(\\u00xx\)"),
    "characters above U+00FF": ("Ł" + KEY_TEXT[1:], r"above U\+00FF"),
    "short hex": ("hex:" + "5e" * 31, "31 bytes after hex:; it must have 32"),
    "odd hex": ("hex:" + "5e" * 32 + "5", "not hex"),
    "no hex": ("hex:" + "xy" * 32, "not hex"),
    "hex beyond ASCII": ("hex:" + "é5" * 32, "not hex"),
    "short base64": (
        "base64:" + base64.b64encode(b"s3cr3tKey!" * 3).decode(),
        "30 bytes after base64:; it must have 32",
    ),
    "no base64": ("base64:" + "ab!~" * 11, "not base64"),
    "base64 beyond ASCII": ("base64:" + "é" * 44, "not base64"),
}


@pytest.mark.parametrize(("text", "message"), WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_errors_say_what_to_do_and_never_show_the_key(text, message):
    with pytest.raises(KeyFormatError, match=message) as caught:
        Key.parse(text)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(caught.value.args)
    assert "\n" not in str(caught.value)
    material = text.partition(":")[2] or text
    runs = {material[start : start + 6] for start in range(len(material) - 5)}
    assert not [run for run in runs if run in shown]


def test_a_hint_on_the_encoding_when_only_the_length_is_wrong():
    with pytest.raises(KeyFormatError, match="latin-1") as caught:
        Key.parse(HIGH_KEY + "é")
    assert "UTF-8" in str(caught.value)


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_key_has_32_bytes(size):
    with pytest.raises(KeyFormatError, match=f"{size} bytes"):
        Key(b"k" * size)


def test_no_way_of_printing_a_key_shows_it():
    key = Key.parse("a-very-secret-communication-key!")
    shown = [repr(key), str(key), f"{key}", f"{key!a}", repr([key]), repr({"key": key})]
    assert not [text for text in shown if "secret" in text]


@given(st.text(max_size=80) | st.text("0123456789abcdefg=", max_size=80).map("hex:{}".format))
@example("base64:" + "A" * 43)
@example(r"\u00zz" * 6)
@example('"\\u00e9", "' * 3)
def test_any_text_is_a_key_or_a_codec_error(text):
    try:
        key = Key.parse(text)
    except CodecError:
        return
    assert len(key.secret) == 32


@given(st.lists(st.binary(min_size=1, max_size=70)))
def test_many_at_once_is_each_by_itself(plaintexts):
    key = Key(KEY_BYTES)
    ciphertexts = [encrypt(key, plaintext) for plaintext in plaintexts]
    assert decrypt_many(key, ciphertexts) == [decrypt(key, ciphertext) for ciphertext in ciphertexts]
