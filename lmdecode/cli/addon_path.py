"""`lmdecode addon-path`: where mitmproxy's addons are."""

from __future__ import annotations

from typing import Annotated

import typer

from lmdecode.app.shipped import ADDONS
from lmdecode.cli._common.completion import words
from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import reports_errors


@reports_errors
def addon_path(
    name: Annotated[
        str | None,
        typer.Argument(
            help="lm_credentials or lm_traffic. Without it: the paths of both.",
            autocompletion=words(ADDONS),
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print the path of an addon for mitmproxy: lm_traffic shows messages, lm_credentials finds the key.

    Examples:

        lmdecode addon-path

        mitmproxy --mode reverse:tcp://192.168.1.215:1774 --listen-port 1774 -s "$(lmdecode addon-path lm_traffic)"

        mitmdump -s "$(lmdecode addon-path lm_credentials)"

    The addons need lmdecode where mitmproxy runs, so mitmproxy has to be in the same environment: the extra `mitm`
    puts it there.
    """
    from lmdecode.app.shipped import addon_path as path_of

    for each in (name,) if name is not None else ADDONS:
        echo(str(path_of(each)))
