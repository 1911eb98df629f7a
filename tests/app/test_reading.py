from __future__ import annotations

import pytest

from lmdecode.analysis.columns import field_kinds
from lmdecode.app.reading import window_of
from lmdecode.codec.v1.memory_map import by_name
from lmdecode.codec.v1.windows import LARGEST_READ


@pytest.mark.parametrize("name", [name for name in field_kinds() if not by_name(name) or by_name(name)[0].readable])
def test_every_value_can_be_had_with_one_read(name):
    address, length = window_of(name)
    assert 0 < length <= LARGEST_READ
    assert 0 <= address <= 0xFFFF
