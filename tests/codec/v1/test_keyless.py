from __future__ import annotations

import pytest

from lmdecode.codec.errors import FrameError
from lmdecode.codec.v1.decoder import KeylessDecoder, ciphertext_of


def test_a_whole_frame_is_passed_on_without_a_word():
    decoded = KeylessDecoder().decode(b"/EvNHlfIE/xwlY2eKvFjXw==")
    assert decoded.message is None
    assert not decoded.problems


@pytest.mark.parametrize("body", [b"", b"MDEy", b"!!", b"/EvNHlfIE/xwlY2eKvFjXw"])
def test_what_cannot_be_a_frame_of_ours_says_why(body):
    assert KeylessDecoder().decode(body).problems
    with pytest.raises(FrameError):
        ciphertext_of(body)
