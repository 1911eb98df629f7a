"""Addresses are written as the C library writes them."""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_ntop

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.capture.net.packet import ip_text


@given(st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16))
def test_as_the_c_library(packed):
    assert ip_text(packed) == inet_ntop(AF_INET if len(packed) == 4 else AF_INET6, packed)


@given(st.binary(max_size=20).filter(lambda packed: len(packed) not in {4, 16}))
def test_no_other_size_is_an_address(packed):
    with pytest.raises(ValueError, match="length"):
        ip_text(packed)
