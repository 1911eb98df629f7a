"""The addon that shows and logs what app and machine say to each other, for `mitm_addons/lm_traffic.py`."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mitmproxy import ctx, exceptions

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.v1.decoded import Decoder
from lmdecode.config.keys import NoKeyError, decoder_for, find_keys
from lmdecode.mitm.contentview import Reader, add_view, remove_view
from lmdecode.mitm.flows import is_machine
from lmdecode.mitm.hooks import reports_errors, say
from lmdecode.mitm.journal import Journal
from lmdecode.mitm.options import add_shared_options, path_of

if TYPE_CHECKING:
    from mitmproxy.addonmanager import Loader
    from mitmproxy.flow import Flow
    from mitmproxy.tcp import TCPFlow

__all__ = ["TrafficAddon"]

_NAME: Final = "lm_traffic"
_PORT: Final = 1774
_NO_KEY: Final = (
    "no key, so nothing can be decrypted; the traffic flows on. Find the key with mitm_addons/lm_credentials.py, "
    "or set lm_config to a config.json that has it"
)


class TrafficAddon:
    """Shows the machine's frames decrypted on all of mitmproxy's screens, and logs them if asked to."""

    name = _NAME

    def __init__(self) -> None:
        self._reader = Reader()
        self._decoder: Decoder | None = None
        self._journal: Journal | None = None
        self._running = self._told = False

    def load(self, loader: Loader) -> None:
        """Add the options, and the view."""
        add_shared_options(loader)
        loader.add_option("lm_port", int, _PORT, "The machine's TCP port; connections to others are left alone.")
        loader.add_option("lm_log", str, "", "Append what app and machine say to this file, as JSON Lines.")
        add_view(self._reader)

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
        if "lm_log" in updated:
            journal = self._open_journal(options.lm_log)
            self._close_journal()
            self._journal = journal

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

    def _open_journal(self, name: str) -> Journal | None:
        if not name:
            return None
        if self._decoder is None:
            raise LmdecodeError("no key, so there is nothing to log: set lm_config first")
        path = path_of(name)
        try:
            return Journal(path, self._decoder, functools.partial(say, self, logging.ERROR))
        except OSError as error:
            raise LmdecodeError(f"the lm_log {path} cannot be written: {error.strerror}") from None

    def _close_journal(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

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
    def done(self) -> None:
        """The addon is taken away, or mitmproxy ends."""
        self._close_journal()
        remove_view()

    def _is_mine(self, flow: Flow) -> bool:
        return is_machine(flow, self._reader.port)
