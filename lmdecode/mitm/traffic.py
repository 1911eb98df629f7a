"""The addon that shows and logs what app and machine say to each other, for `mitm_addons/lm_traffic.py`."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mitmproxy import ctx, exceptions

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.decoder import Decoder, decoder_for
from lmdecode.config.keys import NoKeyError, find_keys
from lmdecode.mitm.contentview import Reader, add_views, remove_views
from lmdecode.mitm.hooks import add_shared_options, is_machine, path_of, reports_errors, say
from lmdecode.mitm.journal import Journal, LogFile, WebJournal
from lmdecode.mitm.web import WebFlows

if TYPE_CHECKING:
    from mitmproxy.addonmanager import Loader
    from mitmproxy.connection import Client
    from mitmproxy.flow import Flow
    from mitmproxy.http import HTTPFlow
    from mitmproxy.tcp import TCPFlow


_NAME: Final = "lm_traffic"
_SWITCHED: Final = 101  # the status after which a WebSocket follows
_NO_KEY: Final = (
    "no key, so nothing on the machine's TCP port can be decrypted; the traffic flows on. Find the key with lmdecode "
    "harvest, or set lm_config to a config.json that has it. Gateways since v3 and the maker's cloud need no key"
)


class TrafficAddon:
    """Shows what app, machine and cloud say on all of mitmproxy's screens, and logs it if asked to."""

    name = _NAME

    def __init__(self) -> None:
        self._reader = Reader()
        self._flows = WebFlows()
        self._decoder: Decoder | None = None
        self._file: LogFile | None = None
        self._journal: Journal | None = None
        self._web_journal: WebJournal | None = None
        self._running = self._told = False

    def load(self, loader: Loader) -> None:
        """Add the options, and the view."""
        add_shared_options(loader)
        loader.add_option("lm_port", int, PORT, "The TCP port of a machine of v1; others are left alone.")
        loader.add_option("lm_log", str, "", "Append what app, machine and cloud say to this file, as JSON Lines.")
        add_views(self._reader, self._flows)

    @reports_errors
    def configure(self, updated: set[str]) -> None:
        """Take over the options. While mitmproxy is running, one that is wrong is taken back."""
        try:
            self._configure(updated)
        except LmdecodeError as error:
            if self._running:
                raise exceptions.OptionsError(f"{_NAME}: {error}") from None  # type: ignore[no-untyped-call]
            raise

    def _configure(self, updated: set[str]) -> None:
        options = ctx.options
        self._reader.port = options.lm_port
        if updated & {"lm_config", "lm_show_secrets"}:
            named = path_of(options.lm_config) if options.lm_config else None
            self._use_keys(named)
        if "lm_show_secrets" in updated:
            self._flows.show_secrets(shown=options.lm_show_secrets)
        if "lm_log" in updated:
            file = self._open_log(options.lm_log)
            self._close_log()
            self._start_log(file)

    def _use_keys(self, config: Path | None) -> None:
        """Decrypt with the keys that there are now; the first time there may be none."""
        try:
            machines, _ = find_keys([], config, settings="set lm_config")
        except NoKeyError:
            if self._decoder is not None:
                raise
            if not self._told:
                self._told = True
                say(self, logging.WARNING, _NO_KEY)
            return
        self._decoder = decoder_for(machines, show_secrets=ctx.options.lm_show_secrets)
        self._reader.use(machines, self._decoder)
        if self._journal is not None:
            self._journal.use(self._decoder)
        elif self._file is not None:
            self._journal = Journal(self._file, self._decoder)

    def _open_log(self, name: str) -> LogFile | None:
        if not name:
            return None
        path = path_of(name)
        try:
            return LogFile(path, functools.partial(say, self, logging.ERROR))
        except OSError as error:
            raise LmdecodeError(f"the lm_log {path} cannot be written: {error.strerror}") from None

    def _start_log(self, file: LogFile | None) -> None:
        self._file = file
        if file is not None:
            self._web_journal = WebJournal(file, self._flows)
            self._journal = None if self._decoder is None else Journal(file, self._decoder)

    def _close_log(self) -> None:
        for journal in (self._journal, self._web_journal):
            if journal is not None:
                journal.close()
        if self._file is not None:
            self._file.close()
        self._file = self._journal = self._web_journal = None

    def running(self) -> None:
        """From now on, options are changed by the user."""
        self._running = True

    @reports_errors
    def tcp_start(self, flow: TCPFlow) -> None:
        """A connection begins."""
        if self._journal is not None and self._is_mine(flow):
            self._journal.start(flow)

    @reports_errors
    def tcp_message(self, flow: TCPFlow) -> None:
        """A connection has brought something."""
        if self._journal is not None and self._is_mine(flow):
            self._journal.message(flow)

    @reports_errors
    def tcp_end(self, flow: TCPFlow) -> None:
        """A connection has ended."""
        if self._journal is not None:
            self._journal.end(flow)

    @reports_errors
    def tcp_error(self, flow: TCPFlow) -> None:
        """A connection has broken."""
        if self._journal is not None:
            self._journal.end(flow)

    @reports_errors
    def request(self, flow: HTTPFlow) -> None:
        """A request is whole."""
        self._part(flow)

    @reports_errors
    def response(self, flow: HTTPFlow) -> None:
        """An answer is whole."""
        self._part(flow)
        if self._web_journal is not None and flow.response is not None and flow.response.status_code != _SWITCHED:
            self._web_journal.end(flow)

    @reports_errors
    def websocket_message(self, flow: HTTPFlow) -> None:
        """A WebSocket has brought a message."""
        self._part(flow)

    @reports_errors
    def websocket_end(self, flow: HTTPFlow) -> None:
        """A WebSocket has ended."""
        if self._web_journal is not None:
            self._web_journal.end(flow)

    @reports_errors
    def error(self, flow: HTTPFlow) -> None:
        """A request has no answer."""
        if self._web_journal is not None:
            self._web_journal.end(flow)

    @reports_errors
    def client_disconnected(self, client: Client) -> None:
        """A client has gone."""
        if self._web_journal is not None:
            self._web_journal.disconnected(client.id)

    def _part(self, flow: HTTPFlow) -> None:
        if self._web_journal is not None:
            self._web_journal.part(flow)

    @reports_errors
    def done(self) -> None:
        """The addon is taken away, or mitmproxy ends."""
        self._close_log()
        remove_views()

    def _is_mine(self, flow: Flow) -> bool:
        return is_machine(flow, self._reader.port)
