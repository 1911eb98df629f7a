"""The lines of entries, compared with what the parser of the standard library finds."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from lmdecode.config.json_lines import entry_lines, line_of

TEXTS = st.text(st.sampled_from('ab"\\\n,:{}[] é'), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def ways(value, before=()):
    if isinstance(value, dict):
        for name, each in value.items():
            yield (*before, name)
            yield from ways(each, (*before, name))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from ways(each, (*before, number))


@given(st.dictionaries(TEXTS, VALUES, max_size=4), st.booleans())
def test_every_entry_is_found(entries, escaped):
    text = json.dumps(entries, indent=1, ensure_ascii=escaped)
    assert [steps for steps, _ in entry_lines(text)] == list(ways(entries))
    lines = text.split("\n")
    for steps, line in entry_lines(text):
        assert lines[line - 1].lstrip().startswith(json.dumps(steps[-1], ensure_ascii=escaped))


def test_an_entry_that_is_there_twice_comes_twice():
    text = '{"host": "a",\n\n"host": "b", "machines": [\n{},\n{"key": ""}]}'
    assert list(entry_lines(text)) == [(("host",), 1), (("host",), 3), (("machines",), 3), (("machines", 1, "key"), 5)]
    assert (line_of(text, ("host",)), line_of(text, ("port",))) == (3, None)
