"""The types of values in JSON messages: what they read can be written down."""

from __future__ import annotations

import pytest

from lmdecode.codec.json_types import OtherFormError, integer


@pytest.mark.parametrize("value", [1e300, -1e17, "1e25"])
def test_an_integer_beyond_all_machines_is_kept_as_it_came(value):
    with pytest.raises(OtherFormError):
        integer().read(value)
