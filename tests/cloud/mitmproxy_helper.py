"""For the tests, in mitmproxy: all hosts are the fake cloud, and options can be set while it runs."""

from __future__ import annotations

from urllib.parse import urlsplit

from mitmproxy import ctx, http
from mitmproxy.addonmanager import Loader
from mitmproxy.proxy.server_hooks import ServerConnectionHookData


def load(loader: Loader) -> None:
    loader.add_option("test_port", int, 0, "The fake cloud's; 0: hosts are what they are.")


def server_connect(data: ServerConnectionHookData) -> None:
    if ctx.options.test_port:
        data.server.address = ("127.0.0.1", ctx.options.test_port)  # the client's names stay those of the real hosts


def request(flow: http.HTTPFlow) -> None:
    if flow.request.host == "control.test":
        ctx.options.set(*(f"{name}={value}" for name, value in flow.request.query.items()))
        flow.response = http.Response.make(200, urlsplit(flow.request.url).query)
