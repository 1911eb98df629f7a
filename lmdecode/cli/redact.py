"""`lmdecode redact`: writes a copy of a capture, a recording or a log that can be posted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import failures_as_json, reports_errors
from lmdecode.cli._common.options import ConfigOption, JsonOption, KeysOption, PortOption


@reports_errors
def redact(
    original: Annotated[
        Path, typer.Argument(metavar="IN", help="A capture, a recording of mitmproxy, or a log.", show_default=False)
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The copy to write.", show_default=False)],
    key: KeysOption = None,
    config: ConfigOption = None,
    port: PortOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a copy of a capture, a recording or a log that can be posted: without secrets, and still decodable.

    Examples:

        lmdecode redact morning.pcap morning-to-post.pcap

        lmdecode redact home-assistant.log log-to-post.log --json

    Serial numbers, names, e-mail addresses, tokens, keys, passwords, identifiers, and the addresses of devices are
    replaced by made-up ones of the same form, the same ones by the same ones. What lmdecode does not understand is not
    in the copy: other devices and hosts, other programs' lines, damaged messages, headers of packets. The copy is
    decoded and searched before it gets its name, and what was replaced is listed.

    Traffic on port 1774 is encrypted anew with the published key of the samples, so that anybody can decode the copy
    with --config captures/config.json. For this, lmdecode needs the machine's key.

    Times stay as they are. They show when somebody was at home.
    """
    from lmdecode.app.asked import Asked
    from lmdecode.app.redact import redact as redacted
    from lmdecode.cli._common.progress import file_progress
    from lmdecode.render.redaction import as_dict, as_lines

    with failures_as_json(as_json):
        made = redacted(
            Asked(keys=tuple(key or ()), config=config, port=port), original, output, progress=file_progress
        )
    if as_json:
        echo_json({"output": str(output), **as_dict(made)})
    else:
        echo(*as_lines(made))
    for note in made.notes:
        echo(f"lmdecode: {note}", err=True)
