"""What a terminal obeys is replaced, and nothing else: names stay right."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.printable import printable, printable_lines

ANY = st.text(st.characters(exclude_categories=()))  # also halves of characters
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_obeyed(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} or unicodedata.bidirectional(char) in BIDI


@given(ANY)
def test_nothing_of_it_is_obeyed(text):
    shown = printable(text)
    assert not any(map(is_obeyed, shown))
    assert printable(shown) == shown
    shown.encode()  # no half of a character is left, which would fail here


@given(ANY)
def test_lines_stay_lines(text):
    shown = printable_lines(text)
    assert not any(map(is_obeyed, shown.replace("\n", "").replace("\t", "")))
    assert shown.count("\n") == text.count("\n")


@given(st.text())
def test_json_keeps_its_value(text):
    line = json.dumps(text, ensure_ascii=False)
    assert json.loads(printable_lines(line)) == text


@pytest.mark.parametrize(
    "name",
    [
        "Küche 2",
        "👨\u200d👩\u200d👧",
        "❤\ufe0f",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می\u200cخواهم",  # noqa: RUF001 -- Persian
        "台所\u3000二",
        "Café\u00a0bar",
        "e\u0301",
        "\U0001fae9",  # younger than some Pythons
        "",
    ],
)
def test_names_stay_as_they_are(name):
    assert printable(name) == printable_lines(name) == name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J", "\\x9b2J"),
        ("a\r\nb\tc\x7f", "a\\r\\nb\\tc\\x7f"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2028", "\\u2028"),
        ("caff\udce9", "caff\\udce9"),
    ],
)
def test_how_it_is_replaced(text, shown):
    assert printable(text) == shown
