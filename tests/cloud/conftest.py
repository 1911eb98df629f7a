"""The real parts: the fake cloud over TLS, and a mitmdump of each version there is."""

from __future__ import annotations

import pytest

from tests.cloud.fake_cloud import serving
from tests.cloud.mitmdump import mitmdump
from tests.mitm_addons.proxies import PYTHON_312, THIS_PYTHON


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="session", params=[THIS_PYTHON, PYTHON_312])
def python(request):
    return request.param


@pytest.fixture(scope="session")
def shared_proxy(python, cloud, tmp_path_factory):
    folder = tmp_path_factory.mktemp("proxy")
    with mitmdump(python, folder, cloud) as proxy:
        yield proxy


@pytest.fixture
def proxy(shared_proxy, request):
    """The one mitmdump for all tests, with a configuration file of its own for each."""
    shared_proxy.config = shared_proxy.folder / "configs" / request.node.name / "config.json"
    shared_proxy.config.parent.mkdir(parents=True)
    shared_proxy.set(lm_config=shared_proxy.config)
    shared_proxy.read = len(shared_proxy.output)
    return shared_proxy
