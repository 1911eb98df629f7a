"""The driver of v3: what can be asked, what is asked while watching, and that nothing can be set."""

from __future__ import annotations

import pytest

from lmdecode.codec.v1.key import Key
from lmdecode.codec.v3.requester import CONFIGURATION
from lmdecode.device.errors import UnsupportedError
from lmdecode.device.v3.driver import WebDriver
from tests.device.v3.peer import TOKEN

DRIVER = WebDriver(host="::1", key=Key.parse(TOKEN), model="linea-micra")


def test_who_it_is() -> None:
    assert (DRIVER.generation, DRIVER.name, DRIVER.model) == ("v3", "[::1]:8081", "linea-micra")
    assert TOKEN not in repr(DRIVER)
    assert TOKEN not in repr(DRIVER.connection(0))


def test_there_is_one_question() -> None:
    (query,) = DRIVER.snapshot()
    assert (query.name, query.request, query.every) == ("configuration", CONFIGURATION, None)
    (poll,) = DRIVER.polls()
    assert (poll.request, poll.every) == (CONFIGURATION, 60.0)


def test_values_are_asked_for_together_if_the_configuration_has_them() -> None:
    ((query, names),) = DRIVER.queries_of(["coffee_temp", "steam_set_temp", "power"])
    assert (query.request, names) == (CONFIGURATION, ["coffee_temp", "steam_set_temp", "power"])
    assert DRIVER.queries_of([]) == []
    with pytest.raises(UnsupportedError, match=r"flow_seconds cannot be asked for: gateway v3 tells it only as it"):
        DRIVER.queries_of(["coffee_temp", "flow_seconds"])
    with pytest.raises(
        UnsupportedError, match="gateway v3 does not tell pump_voltage; `lmdecode registers --generation v3`"
    ):
        DRIVER.queries_of(["pump_voltage"])


def test_what_only_the_stream_tells_is_not_polled_for() -> None:
    assert DRIVER.polls(["flow_seconds", "brew_started_key"]) == []
    assert [query.request for query in DRIVER.polls(["flow_seconds", "power"])] == [CONFIGURATION]
    with pytest.raises(UnsupportedError):
        DRIVER.polls(["pump_voltage"])


def test_all_that_is_told_is_readable() -> None:
    assert {"coffee_temp", "flow_seconds", "power", "module_ser_num"} <= DRIVER.readable.keys()
    assert DRIVER.readable["power"].type == "boolean"


@pytest.mark.parametrize("name", ["power", "coffee_set_temp", "coffee-temp", "nonsense"])
def test_nothing_can_be_set(name: str) -> None:
    with pytest.raises(UnsupportedError, match=f"{name} cannot be set: gateway v3 .* takes no command") as caught:
        DRIVER.plan(name, ["on"], {})
    assert caught.value.exit_code == 2
