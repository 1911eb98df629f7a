"""Settings without a value: what is a question is never a change."""

from __future__ import annotations

import asyncio
import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.app.inquiry import answer, inquiry_of, on_model
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.settings import SETTINGS, writable_names
from lmdecode.device.v1.changes import changes_for
from lmdecode.device.v1.driver import MemoryDriver, is_readable
from lmdecode.simulator.faults import Faults
from tests.device.v1.test_settings import session
from tests.simulator.client import KEY, server

NAMES = [*SETTINGS, *writable_names()]
WORDS = st.sampled_from(["on", "off", "1", "3", "tue", "mon-fri", "daily", "global", "06:30", "now", "", "none"])


@given(st.sampled_from(NAMES), st.lists(WORDS | st.text(max_size=4), max_size=3))
def test_what_is_a_question_is_no_change(name, words):
    inquiry = None
    with contextlib.suppress(RegisterError):
        inquiry = inquiry_of(name, words, {})
    if inquiry is not None:
        assert all(map(is_readable, inquiry.names))
        with pytest.raises(RegisterError):
            changes_for(name, words, {}, model=None)


@pytest.mark.parametrize(
    ("name", "words", "names"),
    [
        ("power", [], ("power",)),
        ("coffee-temp", [], ("coffee_set_temp",)),
        ("steam_boiler_enable", [], ("steam_boiler_enable",)),
        ("preinfusion", ["2"], ("preinfusion_k2",)),
        ("prebrew", ["1"], ("prebrewing_ton_k1", "prebrewing_toff_k1")),
        ("schedule", ["sat,sun"], ("sat_on_time", "sat_off_time", "sun_on_time", "sun_off_time")),
        ("auto_on_off", ["global"], ("global_auto",)),
        ("command", [], ()),
    ],
)
def test_the_values_that_answer_it(name, words, names):
    assert inquiry_of(name, words, {}).names == names


@pytest.mark.parametrize(
    ("name", "words", "options"),
    [
        ("power", ["on"], {}),
        ("preinfusion", ["on"], {}),
        ("preinfusion", ["3", "4.4"], {}),
        ("prebrew", ["1"], {"on": "2.5"}),
        ("schedule", ["tue", "06:30"], {}),
        ("backflush", [], {}),
    ],
)
def test_a_value_makes_it_a_change(name, words, options):
    assert inquiry_of(name, words, options) is None


def test_only_what_the_model_has():
    inquiry = inquiry_of("dose", [], {}, model="Linea Mini")
    assert inquiry.names == ("dose_k1",)
    with pytest.raises(RegisterError, match=re.escape("dose_k1 to dose_k5 is not on a GS3 MP, only on the GS3 AV")):
        on_model(inquiry_of("dose", [], {}), "GS3 MP")


def test_a_machine_answers_and_is_not_written():
    async def asked():
        heard = []
        async with server(faults=Faults(), on_record=heard.append) as machine, session(machine) as talk:
            _, reading = await answer(talk, MemoryDriver(host="", key=KEY), inquiry_of("dose", ["2"], {}))
        return reading, heard

    reading, heard = asyncio.run(asked())
    assert reading.values == {"dose_k2": 118}
    assert reading.complaints == []
    assert {record.kind for record in heard if record.role == "request"} == {"read"}
