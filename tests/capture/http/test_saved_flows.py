"""Flows that mitmproxy saved: whole, of other versions, damaged in any way, and made to do harm."""

from __future__ import annotations

import copy
import io
import json
from urllib.parse import urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lmdecode.cloud.collection import Collection
from lmdecode.extras import install_packages
from tests.cloud.archives import ALL, FORM, LOGIN, TOKENS, fleet, found_in

pytest.importorskip("mitmproxy", reason="mitmproxy is not installed beside lmdecode")

from mitmproxy.io import FlowWriter, tnetstring
from mitmproxy.test import tflow, tutils
from mitmproxy.version import FLOW_FORMAT_VERSION

from lmdecode.capture.http.saved_flows import SavedFlowsError, read_saved


def state(method: bytes, path: bytes, sent: bytes, answer: object, host: str = "cms.lamarzocco.io"):
    request = tutils.treq(method=method, host=host, path=path, content=sent, scheme=b"https", authority=b"")
    request.headers["content-type"] = FORM
    flow = tflow.tflow(req=request, resp=tutils.tresp(content=json.dumps(answer).encode()))
    flow.server_conn.sni = host
    return flow.get_state()


LOGGED_IN = state(b"POST", b"/oauth/v2/token", urlencode(LOGIN).encode(), TOKENS)
ASKED = state(b"GET", b"/api/customer", b"", fleet())
OTHER = state(b"GET", b"/", b"", {}, "www.example.com")


def saved(*states) -> bytes:
    return b"".join(map(tnetstring.dumps, states))


def changed(base, **values):
    return {**base, **values}


def search(content: bytes):
    collection = Collection()
    try:
        for exchange in read_saved(io.BytesIO(content)):
            collection.add(exchange)
    except SavedFlowsError as error:
        return found_in(collection), str(error)
    return found_in(collection), ""


def test_whole_ones():
    file = io.BytesIO()
    FlowWriter(file).add(tflow.ttcpflow())
    assert search(saved(LOGGED_IN, OTHER, ASKED) + file.getvalue()) == (ALL, "")
    assert search(b"") == ({}, "")


@pytest.mark.parametrize("version", [FLOW_FORMAT_VERSION + 1, 99, 10**6])
def test_a_newer_mitmproxy_is_named_and_what_to_do(version):
    found, end = search(saved(changed(LOGGED_IN, version=version), ASKED))
    assert list(found) == ["key"]
    assert f"it was saved by a newer mitmproxy (flow format {version}; mitmproxy " in end
    assert end.endswith(install_packages("mitmproxy", upgrade=True))
    assert "mitmdump -nr FILE --set hardump=NEW.har" in end
    assert "damaged" not in end


def test_a_very_old_mitmproxy_is_named():
    assert "too old for mitmproxy" in search(saved(changed(LOGGED_IN, version=[0, 5])))[1]


def test_an_older_format_is_converted():
    older = changed(ASKED, version=FLOW_FORMAT_VERSION - 1)
    assert list(search(saved(older))[0]) == ["key"]


@pytest.mark.parametrize(
    "damage",
    [
        {"version": None}, {"version": [0]}, {"version": "x"}, {"version": -1}, {"version": 19}, {"type": "x"},
        {"request": None}, {"response": 7}, {"client_conn": []}, {"server_conn": {}}, {"marked": 5},
        {"response": {**ASKED["response"], "status_code": "200"}},
        {"response": {**ASKED["response"], "content": [1, 2]}},
        {"request": {**ASKED["request"], "headers": [[b"a"]]}},
        {"request": {**ASKED["request"], "path": 5}},
    ],
)  # fmt: skip
def test_a_damaged_flow_costs_itself_only(damage):
    found, end = search(saved(LOGGED_IN, changed(OTHER, **damage), ASKED))
    assert found == ALL
    assert end in {"1 flow is damaged; 2 flows of it can be read and are used", ""} or "too old" in end


@pytest.mark.parametrize("moment", [1e300, -1e300, float("inf"), float("nan"), 1e17, 2**80, None, 0])
def test_a_time_that_no_clock_shows(moment):
    response = {**ASKED["response"], "timestamp_end": moment, "timestamp_start": moment}
    found, _ = search(saved(LOGGED_IN, changed(ASKED, response=response)))
    assert LOGIN.items() <= found.items()


@given(st.binary(min_size=1, max_size=40))
@example(b"5")
@example(b"0" * 13)
def test_what_is_between_flows_is_passed_over(junk):
    found, end = search(saved(LOGGED_IN) + junk + saved(ASKED))
    assert found == ALL
    assert f"{len(junk):,} bytes are no flow" in end or "1 flow is damaged" in end


@given(st.integers(0, len(saved(LOGGED_IN)) - 1))
def test_the_beginning_is_lost(cut):
    assert list(search(saved(LOGGED_IN)[cut:] + saved(ASKED))[0])[-1] == "key"


@given(st.integers(1, len(saved(ASKED)) - 1))
def test_the_end_is_lost(cut):
    found, end = search(saved(LOGGED_IN, ASKED)[:-cut])
    assert found == LOGIN
    assert end == "it is damaged or cut short after 1 flow; the flows before that are used: save it again"


@given(st.integers(0, len(saved(OTHER)) - 1), st.integers(1, 9), st.binary(max_size=4))
@example(len(saved(OTHER)) - 3, 3, b"")  # its last number and the next one's length are one number then
@example(len(saved(OTHER)) - 5, 5, b"")
@settings(max_examples=150)
def test_bytes_lost_or_put_into_one_do_not_cost_the_next(at, removed, put):
    damaged = saved(OTHER)[:at] + put + saved(OTHER)[at + removed :]
    found, _ = search(saved(LOGGED_IN) + damaged + saved(ASKED))
    assert found == ALL


SEED = saved(LOGGED_IN, ASKED)


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SEED)),
            st.integers(0, 20),
            st.binary(max_size=4) | st.sampled_from([b"9" * 13, b"1" * 5000 + b"#", b"0:~", b"0:}", b"4:true!", b":"]),
        ),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=300)
def test_whatever_is_damaged_nothing_is_raised(changes):
    content = SEED
    for at, removed, put in changes:
        content = content[:at] + put + content[at + removed :]
    assert "hush" not in search(content)[1]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary(max_size=5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "headers", "version"]), inner),
    max_leaves=6,
)


@given(st.data())
@settings(max_examples=100)
def test_whatever_value_is_where_another_should_be(data):
    damaged = copy.deepcopy(ASKED)
    place = damaged
    while True:
        name = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[name], dict) or not place[name] or data.draw(st.booleans()):
            break
        place = place[name]
    place[name] = data.draw(VALUES)
    try:
        content = saved(LOGGED_IN, damaged)
    except (ValueError, TypeError):
        return
    assert LOGIN.items() <= search(content)[0].items()


@pytest.mark.parametrize(
    "inner",
    [
        b"5:hello," * 100_000,
        b"0:~" * 1_000_000,
        b"0:]" * 1_000_000,
        b"1" * 2_000_000,
    ],
    ids=["texts", "nothings", "lists", "digits"],
)
def test_what_was_made_to_do_harm(inner):
    bomb = b"%d:%b]" % (len(inner), inner)
    frame = b"1:x," + bomb + b"1:y,18:cms.lamarzocco.io ,"
    found, end = search(saved(LOGGED_IN) + b"%d:%b}" % (len(frame), frame) + saved(ASKED))
    assert found == ALL
    assert end.startswith(("1 flow is damaged", "1 flow is far larger"))


def test_deep_nesting():
    inner = b"0:~"
    for _ in range(5000):
        inner = b"%d:%b]" % (len(inner), inner)
    frame = b"1:x," + inner
    assert search(b"%d:%b}" % (len(frame), frame) + saved(LOGGED_IN, ASKED))[0] == ALL


@pytest.mark.parametrize("host", ["www.example.com", "cms.lamarzocco.io"])
def test_a_download_is_passed_over_and_told_only_if_it_matters(monkeypatch, host):
    monkeypatch.setattr("lmdecode.capture.http.saved_flows._LARGEST", 20_000)
    monkeypatch.setattr("lmdecode.capture.http.saved_flows._PIECE", 1000)
    large = state(b"GET", b"/", b"12:a;" * 6_000, {}, host)
    found, end = search(saved(LOGGED_IN, large, ASKED))
    assert found == ALL
    assert bool(end) == (host == "cms.lamarzocco.io")
