"""The seam with several dialects: each gets its own payloads, and nothing that another one predecoded."""

from __future__ import annotations

import pytest

from lmdecode.codec.dialect import Dialect, Simple
from lmdecode.codec.speakers import Speakers


class Upper(Simple):
    """A speaker that predecodes a payload to its name and the payload."""

    def __init__(self, name, surplus=0):
        super().__init__(lambda _place, _tally: None)
        self.name = name
        self.surplus = surplus

    def predecode(self, payloads, *, fields_as):
        return [(self.name, payload, fields_as) for payload in payloads] + [None] * self.surplus


def dialect(name):
    return Dialect(name, name, (), sniff=lambda _: True, open=lambda _: Upper(name), fields=dict)


def speakers(by_port, surplus=0):
    known = {name: (dialect(name), Upper(name, surplus)) for names in by_port.values() for name in names}
    return Speakers({port: [known[name] for name in names] for port, names in by_port.items()})


def test_each_dialect_predecodes_the_payloads_of_its_ports():
    both = speakers({1: ["one"], 2: ["two"]})
    payloads = [(b"a", 1, 50), (b"b", 50, 2), (b"c", 50, 51), (b"d", 50, 1)]
    assert both.predecode(payloads, fields_as="json") == [
        ("one", b"a", "json"),
        ("two", b"b", "json"),
        None,
        ("one", b"d", "json"),
    ]


@pytest.mark.parametrize("ports", [(1, 2), (2, 1), (3, 50), (50, 3), (1, 3)])
def test_a_payload_that_may_be_of_several_dialects_is_not_predecoded(ports):
    both = speakers({1: ["one"], 2: ["two"], 3: ["one", "two"]})
    assert both.predecode([(b"a", *ports)], fields_as="values") == [None]


def test_a_wrong_number_of_results_names_the_dialect():
    with pytest.raises(ValueError, match="dialect one predecoded 2 of 1 payloads"):
        speakers({1: ["one"], 2: ["two"]}, surplus=1).predecode([(b"a", 1, 50)], fields_as="values")
