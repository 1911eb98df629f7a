"""The real parts: a mitmproxy of each version there is, in its own process, and both ends of its connections."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.mitm_addons.proxies import PYTHON_312, PYTHONS, Proxy, running


@pytest.fixture(scope="session", params=PYTHONS)
def python(request: pytest.FixtureRequest) -> str:
    """An interpreter with lmdecode and mitmproxy: each there is."""
    return str(request.param)


@pytest.fixture(scope="session", params=[PYTHON_312])
def python_312(request: pytest.FixtureRequest) -> str:
    """One with mitmproxy 12, whose views can be edited."""
    return str(request.param)


@pytest.fixture(scope="session")
def proxy(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A mitmdump between an app and a machine, with all on its screen and in a log, for all tests."""
    folder = tmp_path_factory.mktemp("proxy")
    options = ["--set", "flow_detail=3", "--set", f"lm_log={folder / 'log.jsonl'}"]
    with running(python, folder, *options) as proxy:
        yield proxy
