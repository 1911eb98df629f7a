"""Which host a flow is with: the one whose certificate mitmproxy has checked, in every mode."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # at what mitmproxy imports
    pytest.importorskip("mitmproxy")
    from mitmproxy.test import tflow, tutils

from lmdecode.capture.http.flow import claimed_host, exchange, verified_host

CLOUD, EVIL, ADDRESS = "cms.lamarzocco.io", "www.example.com", "93.184.215.14"


def flow(host=CLOUD, header=CLOUD, sni=CLOUD, scheme="https", *, live=True, tls=(True, True)):
    made = tflow.tflow(req=tutils.treq(host=host, scheme=scheme.encode(), port=443), resp=True)
    made.request.headers["host"] = header
    made.live = live
    made.server_conn.sni = sni
    for end, encrypted in zip((made.client_conn, made.server_conn), tls, strict=True):
        end.timestamp_tls_setup = 1.0 if encrypted else None
    return made


@pytest.mark.parametrize(
    "given",
    [
        flow(),
        flow(header=f"{CLOUD}:443"),
        flow(host=CLOUD.upper(), header=f"{CLOUD}."),
        flow(host=ADDRESS),  # a transparent proxy, or one that has looked the name up
        flow(host="2001:db8::7"),
        flow(host=ADDRESS, header=""),
        flow(live=False, tls=(False, False), sni=None),  # made of another format
        flow(live=False, scheme="http", tls=(False, False), sni=None),
        flow(live=False, sni="address"),
        flow(live=False, host=ADDRESS),
    ],
)
def test_the_makers(given):
    assert verified_host(given) == CLOUD
    assert exchange(given).request.host == CLOUD


@pytest.mark.parametrize(
    "given",
    [
        flow(scheme="http"),
        flow(tls=(False, True)),
        flow(tls=(True, False)),
        flow(host=EVIL),
        flow(host=EVIL, sni=EVIL),
        flow(host=ADDRESS, sni=EVIL),
        flow(host=ADDRESS, sni=ADDRESS),
        flow(host=ADDRESS, sni=None),
        flow(sni=EVIL),
        flow(sni="gw.lamarzocco.io"),
        flow(host=ADDRESS, scheme="http", live=False, tls=(False, False)),
        flow(host=EVIL, scheme="http", live=False, tls=(False, False)),
        flow(host=ADDRESS, sni=EVIL, live=False),
        flow(sni=f"{CLOUD}.example.com", host=ADDRESS),
    ],
)
def test_not_the_makers(given):
    assert claimed_host(given) == CLOUD
    assert verified_host(given) is None
    assert exchange(given) is None


names = st.one_of(st.sampled_from([CLOUD, EVIL, ADDRESS, "gw.lamarzocco.io", "", "::1"]), st.text(max_size=20))


@given(host=names, sni=names, live=st.booleans(), scheme=st.sampled_from(["http", "https"]))
def test_whoever_did_not_show_the_certificate_is_nobody(host, sni, live, scheme):
    made = flow(sni=sni, scheme=scheme, live=live)
    made.request.data.host = host
    name = verified_host(made)
    assert name in {None, CLOUD}
    if name and live:
        assert (sni, scheme) == (CLOUD, "https")
        assert host in {CLOUD, ADDRESS, "::1"}
