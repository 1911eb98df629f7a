"""The addon that watches a login of the app, for `mitm_addons/lm_credentials.py`.

It looks at the maker's hosts only. Connections with others are not even decrypted, unless it is told to leave that to
mitmproxy: so the phone's other apps go on working, and nobody reads them. What did not come from a host with the
maker's certificate is not believed, and what is in the file already is not replaced, unless its owner says so.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mitmproxy import ctx, exceptions

from lmdecode.app.config import path_to_change
from lmdecode.capture.http.flow import claimed_host, exchange, verified_host
from lmdecode.cloud.collection import Collection, Keeper, Saved, save
from lmdecode.cloud.findings import Finding, Problem, Tokens
from lmdecode.cloud.http import CloudEndpoint, endpoint
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.speakers import is_cloud
from lmdecode.config.sample import check_takes_findings
from lmdecode.mitm.forwarding import Forwarding, install, uninstall
from lmdecode.mitm.hooks import add_shared_options, path_of, reports_errors, say

if TYPE_CHECKING:
    from mitmproxy.addonmanager import Loader
    from mitmproxy.connection import Server
    from mitmproxy.http import HTTPFlow
    from mitmproxy.tls import ClientHelloData, TlsData

_NAME: Final = "lm_credentials"
_GRACE: Final = 1.0  # seconds in which the app still gets the answer that completed it all
_MOST_DOUBTS: Final = 20  # lines about who posed as the cloud
_INSECURE: Final = (
    "ssl_insecure is on: anybody could pose as the cloud, so nothing is taken; start mitmproxy again without it"
)


class CredentialsAddon:
    """Finds client id, client secret, user name, password and the machines' keys, and writes them down.

    Args:
        advice: Is said when the file keeps something of its own that differs from what was found.
    """

    name = _NAME

    def __init__(self, advice: str = "to take what was found instead, set lm_replace=true") -> None:
        self.certificate_page = "http://mitm.it through this proxy"
        """Where a phone gets the certificate."""
        self._advice = advice
        self._found = Collection()
        self._told = ""
        self._running = False
        self._distrusted: set[str] = set()
        self._doubted: set[str] = set()
        self._insecure = False
        self._keeper = Keeper()
        self._saved: Saved | None = None
        self._tokens = self._told_password = False
        self._forwarding = Forwarding()

    @property
    def saved(self) -> Saved | None:
        """What became of the file the last time; None if nothing was written."""
        return self._saved

    def save_again(self, keeper: Keeper, *, password: bool) -> Saved:
        """Write what was found once more, when the proxy has ended; what became of the file.

        Args:
            keeper: Decides what may be replaced.
            password: Whether to write the password too.

        Raises:
            ConfigError: The file cannot be written.
        """
        if self._saved is None:
            raise LmdecodeError("nothing was found, so there is nothing to write")
        self._saved = save(self._saved.path, self._found, tokens=self._tokens, password=password, keeper=keeper)
        return self._saved

    @property
    def forwarding(self) -> Forwarding:
        """What decides about clients and their connections; for who installs it before it runs."""
        return self._forwarding

    @property
    def found(self) -> Collection:
        """All that was found."""
        return self._found

    @reports_errors
    def load(self, loader: Loader) -> None:
        """Add the options."""
        add_shared_options(loader)
        loader.add_option("lm_quit", bool, False, "Quit when all that is looked for is found and written.")
        loader.add_option(
            "lm_save_password", bool, False, "Write the password too, where the file has none yet. It is not needed."
        )
        loader.add_option(
            "lm_save_tokens", bool, False, "Write the access and refresh tokens too. They are secrets, and they expire."
        )
        loader.add_option("lm_tokens", bool, False, "The older name of lm_save_tokens.")
        loader.add_option(
            "lm_only",
            bool,
            True,
            "Decrypt connections with La Marzocco's hosts only; let all others through untouched.",
        )
        loader.add_option(
            "lm_replace",
            bool,
            False,
            "Let what is found replace another key, client or account in the file. A key that is replaced stays there "
            "under another name.",
        )
        loader.add_option(
            "lm_forward",
            str,
            "public",
            "Where clients that use this as their proxy may connect to: La Marzocco's hosts only (maker), the internet "
            "but neither this computer nor private networks (public), or anywhere (all).",
            choices=["maker", "public", "all"],
        )

    @reports_errors
    def configure(self, updated: set[str]) -> None:
        """Check the file before anything is found that it could not take."""
        if ctx.options.ssl_insecure and not self._insecure:  # connections last, so turning it off is not enough
            self._insecure = True
            say(self, logging.WARNING, _INSECURE)
        self._tokens = ctx.options.lm_save_tokens or ctx.options.lm_tokens
        self._keeper.replace = ctx.options.lm_replace
        if "lm_replace" in updated and ctx.options.lm_replace and self._saved and self._saved.kept:
            self._save()
        if "lm_config" not in updated:
            return
        try:
            check_takes_findings(_path())
        except LmdecodeError as error:
            if not self._running:  # of an exception mitmproxy would show the traceback; of an error it exits
                say(self, logging.ERROR, f"lm_config: {error}")
                return
            raise exceptions.OptionsError(f"lm_config: {error}") from None  # type: ignore[no-untyped-call]
        self._found, self._told = Collection(), ""  # another file, another harvest
        self._keeper, self._saved = Keeper(replace=ctx.options.lm_replace), None

    @reports_errors
    def running(self) -> None:
        """Say what to do."""
        self._running = True
        if self._forwarding not in ctx.master.addons:
            install(ctx.master, self._forwarding)
        todo = "now, in the app on the phone, log out and in again"
        say(self, logging.INFO, f"what is found goes into {_path()}; {todo}")

    @reports_errors
    def tls_clienthello(self, data: ClientHelloData) -> None:
        """Leave connections with others encrypted."""
        if ctx.options.lm_only and not is_cloud(_name(data.client_hello.sni, data.context.server)):
            data.ignore_connection = True

    @reports_errors
    def tls_failed_client(self, data: TlsData) -> None:
        """Say why nothing is found if the app does not accept mitmproxy's certificate."""
        host = _name(data.conn.sni, data.context.server)
        if not is_cloud(host) or host in self._distrusted:
            return
        self._distrusted.add(host)  # apps try again and again
        advice = f"on the phone, open {self.certificate_page}, install its certificate and trust it"
        limits = "Android apps accept it from a rooted phone or an emulator only: see lmdecode harvest --help"
        say(self, logging.WARNING, f"the app does not trust this proxy's certificate for {host}: {advice}; {limits}")

    @reports_errors
    def request(self, flow: HTTPFlow) -> None:
        """Say that the app is seen; only what the cloud accepts is believed."""
        host = verified_host(flow)
        if (
            host is not None
            and endpoint(host, flow.request.path) is CloudEndpoint.TOKEN
            and flow.request.method == "POST"
        ):
            client = flow.client_conn.peername
            say(self, logging.INFO, f"the app logs in… (from {client[0] if client else 'somewhere'})")

    @reports_errors
    def response(self, flow: HTTPFlow) -> None:
        """Take what an answered request has."""
        self._take(flow)

    @reports_errors
    def error(self, flow: HTTPFlow) -> None:
        """Say that a request was not answered."""
        self._take(flow)

    @reports_errors
    def done(self) -> None:
        """Say at the end what is missing."""
        uninstall(ctx.master, self._forwarding)
        missing = [str(each) for each in self._found.missing()]
        if missing:
            say(self, logging.WARNING, f"still missing: {'; '.join(missing)}")

    def _take(self, flow: HTTPFlow) -> None:
        seen = exchange(flow)
        if seen is None:
            self._doubt(flow)
            return
        if self._insecure and flow.live:
            return
        news = self._found.add(seen)
        for each in news:
            if isinstance(each, Problem):
                say(self, logging.WARNING, str(each))
            else:
                self._show(each)
        if any(not isinstance(each, Problem) for each in news) and self._found.anything:
            self._save()
        self._tell_missing()
        if self._found.complete and ctx.options.lm_quit:
            asyncio.get_running_loop().call_later(_GRACE, ctx.master.shutdown)

    def _save(self) -> None:
        self._saved = save(
            _path(),
            self._found,
            tokens=self._tokens,
            password=ctx.options.lm_save_password,
            keeper=self._keeper,
        )
        say(self, logging.INFO, str(self._saved))
        if self._saved.kept and self._advice:
            say(self, logging.WARNING, self._advice)
        if self._saved.password_left_out and self._advice and not self._told_password:
            self._told_password = True
            say(self, logging.INFO, "the password was not saved; to save it, set lm_save_password=true")

    def _doubt(self, flow: HTTPFlow) -> None:
        """Say that somebody poses as the cloud, or speaks with it in a way in which anybody could."""
        host = claimed_host(flow)
        if host is None or flow.response is None or flow.server_conn.peername is None:  # answered by this proxy
            return
        why = "a server that did not prove to be it" if flow.request.scheme == "https" else "plain HTTP"
        client = flow.client_conn.peername
        text = (
            f"an answer in the name of {host} came from {why}, so it is not used; {client[0] if client else '?'} asked"
        )
        if text not in self._doubted and len(self._doubted) < _MOST_DOUBTS:
            self._doubted.add(text)
            say(self, logging.WARNING, text)

    def _show(self, finding: Finding) -> None:
        if isinstance(finding, Tokens) and not self._tokens:
            return
        for name, secret in finding.secrets().items():
            if secret:
                say(self, logging.INFO, f"found {name}: {secret.shown(show_secrets=ctx.options.lm_show_secrets)}")

    def _tell_missing(self) -> None:
        """Say what is missing, when that is not what was said last."""
        missing = "; ".join(str(each) for each in self._found.missing())
        text = f"still missing: {missing}" if missing else "nothing is missing; next: lmdecode discover"
        if text != self._told:
            self._told = text
            say(self, logging.INFO, text)


def _path() -> Path:
    """The file that what is found goes into: the one rule of all commands, if no file was named."""
    return path_to_change(path_of(ctx.options.lm_config) if ctx.options.lm_config else None)


def _name(sni: str | None, server: Server) -> str:
    """The host that a connection is with, by the name that the client gives it, or asked for."""
    return sni or server.sni or (server.address[0] if server.address else "")
