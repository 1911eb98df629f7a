"""`lmdecode check`: whether the requests to the cloud are signed with the key of their installation."""

from __future__ import annotations

from typing import Annotated

import typer

from lmdecode.cli._common.captures import CaptureOptions, over_captures
from lmdecode.cli._common.errors import reports_errors, say
from lmdecode.cli._common.formats import Formats
from lmdecode.cli._common.options import OutputOption

_FORMATS = Formats(("table", "jsonl"), piped="jsonl")


@reports_errors
@over_captures()
def check(
    given: CaptureOptions,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    output: OutputOption = None,
) -> None:
    """Check the signatures of the requests to the maker's cloud in recordings.

    Examples:

        lmdecode check morning.flow

        lmdecode check morning.har --json | jq 'select(.signature != "fits")'

    Each client of the cloud has a key of its own. It tells the cloud the public part once, with its first request, to
    /auth/init; from then on it signs each request. A recording that has this first request shows whether the signatures
    are right, which helps whoever writes a client. It needs no secret of the client.

    The exit status is 1 if a signature does not fit, or if none could be checked.
    """
    from lmdecode.analysis.signatures import signatures_of
    from lmdecode.app.captures import Captures
    from lmdecode.app.errors import CommandError
    from lmdecode.app.files import text_output
    from lmdecode.cli._common.progress import file_progress
    from lmdecode.render.signatures import as_jsonl, as_lines, why_nothing

    chosen = _FORMATS.chosen(format, as_json=as_json, output=output)
    reading = Captures.with_keys(given.captures, given.asked(), output=output, progress=file_progress)
    found = signatures_of(reading.by_time())
    verdict = reading.verdict()
    say(verdict)
    if verdict.error is not None:
        raise verdict.error
    with text_output(output) as file:
        file.write(as_lines(found) if chosen == "table" else as_jsonl(found))
    if not found.checked:
        raise CommandError(why_nothing(found))
    if verdict.failed or found.wrong:
        raise typer.Exit(1)
