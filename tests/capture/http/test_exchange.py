from __future__ import annotations

import pytest

from lmdecode.capture.http.exchange import within

ANSWER = {"data": {"fleet": [1], "none": None}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ((), ANSWER),
        (("data", "fleet"), [1]),
        (("data", "fleet", "0"), None),
        (("data", "none", "x"), None),
        (("nothing", "such"), None),
    ],
)
def test_what_stands_at_a_path_or_nothing(path: tuple[str, ...], found: object) -> None:
    assert within(ANSWER, *path) == found
