"""The real parts: the fake cloud over TLS, and a mitmdump of each version there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud.fake_cloud import FakeCloud, serving
from tests.cloud.mitmdump import Mitmdump, mitmdump
from tests.mitm_addons.proxies import PYTHON_312, THIS_PYTHON


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeCloud]:
    with serving(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="session", params=[THIS_PYTHON, PYTHON_312])
def python(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def shared_proxy(python: str, cloud: FakeCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mitmdump]:
    folder = tmp_path_factory.mktemp("proxy")
    with mitmdump(python, folder, cloud) as proxy:
        yield proxy


@pytest.fixture
def proxy(shared_proxy: Mitmdump, request: pytest.FixtureRequest) -> Mitmdump:
    """The one mitmdump for all tests, with a configuration file of its own for each."""
    shared_proxy.config = shared_proxy.folder / "configs" / request.node.name / "config.json"
    shared_proxy.config.parent.mkdir(parents=True)
    shared_proxy.set(lm_config=shared_proxy.config, lm_save_password="true")
    shared_proxy.read = len(shared_proxy.output)
    return shared_proxy
