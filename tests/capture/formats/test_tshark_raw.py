"""What tshark's raw layers say, also when they are cut or not what their names say."""

from __future__ import annotations

import pytest

from lmdecode.capture.formats._tshark_layers import RawPacket

SIX = "60" + "00" * 7 + "11" * 16 + "22" * 16
FOUR = "45" + "00" * 11 + "c0a80107" + "c0a80108"


@pytest.mark.parametrize(
    ("layers", "addresses"),
    [
        (
            {"ipv6_raw": [SIX, 14]},
            ("1111:1111:1111:1111:1111:1111:1111:1111", "2222:2222:2222:2222:2222:2222:2222:2222"),
        ),
        ({"ip_raw": [FOUR, 14]}, ("192.168.1.7", "192.168.1.8")),
        ({"ip_raw": ["60" + "11" * 27, 14]}, None),
        ({"ip_raw": [FOUR[:-2], 14]}, None),
        ({"ip_raw": ["", 14]}, None),
        ({"ip_raw": [FOUR, 14], "ipv6_raw": [SIX[:-2], 34]}, ("192.168.1.7", "192.168.1.8")),
        ({}, None),
    ],
)
def test_addresses_are_those_of_the_innermost_whole_header(layers, addresses):
    assert RawPacket(layers).addresses() == addresses
