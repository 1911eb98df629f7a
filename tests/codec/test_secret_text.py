"""What is passed over quickly is what a whole scan would leave as it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lmdecode.codec.json_message import document
from lmdecode.codec.secret_text import _ENDINGS, _HINT, _WHOLE, is_plain_json, may_have_secret
from lmdecode.codec.secrets import masked

NAMES = st.sampled_from([*_ENDINGS, *_WHOLE, "address", "machine", "name", "value", "tip"])
PIECES = NAMES | st.sampled_from(
    [
        "@",
        "eyJ",
        "-----BEGIN",
        "00:11:22:33:44:55",
        "Bearer ",
        "%40",
        "%253a",
        "u0040",
        "X40",
        "&#",
        *'":_-. {}[],1x\\é',
        "İ",
    ]
)
TEXTS = st.lists(
    st.tuples(PIECES, st.sampled_from([str, str.upper, str.title, lambda text: text.replace(" ", "_")])).map(
        lambda pair: pair[1](pair[0])
    ),
    max_size=5,
).map("".join) | st.text(max_size=20)


@given(TEXTS)
@example("éZIPİ")  # in lower case the last one has two characters
@example("\u017fsid")  # a long s
def test_a_text_that_is_passed_over_has_no_hint_of_a_secret(text):
    assert may_have_secret(text) or _HINT.search(text) is None


@given(
    st.recursive(
        TEXTS | st.integers() | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=6,
    ),
    st.booleans(),
)
@example({"i.p": "10.0.0.7"}, True)
@example(["acc.ess tok!en", "abc"], True)
@example({"name": "m/a/c", "value": "abc"}, False)
def test_json_that_is_passed_over_has_no_secret(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert not is_plain_json(text) or masked(value) == value


@pytest.mark.parametrize("text", ['{"CoffeeBoiler1UpdateTemperature": 95.0}', '[{"name":"MR012345","on":true}]'])
def test_what_machines_say_most_is_passed_over(text):
    assert is_plain_json(text)
    assert document(text).text == text
