"""What people call a command or an option who know other programs, or guess."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_OTHER_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("parse", "dissect", "read", "show", "view", "print", "dump", "convert"), "decode"),
    **dict.fromkeys(("html", "page", "chart", "charts", "graph", "plot"), "report"),
    **dict.fromkeys(("info", "guess", "analyse", "analyze"), "identify"),
    **dict.fromkeys(("coffees", "drinks", "statistics", "stats"), "shots"),
    **dict.fromkeys(("wireshark", "plugin", "dissector", "lua"), "wireshark-plugin"),
    **dict.fromkeys(("image", "hexdump"), "memory"),
    **dict.fromkeys(("register", "map", "fields"), "registers"),
    **dict.fromkeys(("compare",), "diff"),
    **dict.fromkeys(("unknown",), "unknowns"),
    **dict.fromkeys(("extract", "har"), "credentials"),
    **dict.fromkeys(("proxy", "mitm", "mitmproxy", "sniff", "setup"), "harvest"),
    **dict.fromkeys(("signature", "signatures", "verify"), "check"),
    **dict.fromkeys(("init", "configure", "settings"), "config"),
    **dict.fromkeys(("write", "put"), "send"),
    **dict.fromkeys(("monitor", "listen", "follow", "log", "live"), "watch"),
    **dict.fromkeys(("find", "search", "list", "devices", "machines"), "discover"),
    **dict.fromkeys(("mqtt", "homeassistant", "home-assistant"), "bridge"),
    **dict.fromkeys(("simulator", "fake", "mock", "emulate"), "simulate"),
    **dict.fromkeys(("sql", "select", "ask"), "query"),
    **dict.fromkeys(("dataset", "import", "collect"), "export"),
    **dict.fromkeys(("version",), "--version"),
    **dict.fromkeys(("completion", "completions"), "--install-completion"),
}
_SEVERAL: Final[Mapping[str, str]] = {
    "set": "'send' (to the machine) or 'config set' (in config.json)",
    "key": "'keys check' (which key fits) or 'harvest' (find your machine's)",
    "record": "`tcpdump -i any -w morning.pcap tcp port 1774`, and then 'decode'",
    "capture": "`tcpdump -i any -w morning.pcap tcp port 1774`, and then 'decode'",
}
_OF_COMMANDS: Final = (
    {"--config", "-c", "--key", "-k", "--host", "--port", "-p", "--machine", "-m", "--timeout", "--utc"}
    | {"--format", "-f", "--json", "--output", "-o", "--yes", "-y", "--dry-run", "--show-secrets"}
)  # fmt: skip
"""Options of many commands, which somebody may write before the command."""


def explain_unknown(error: Any, word: str) -> None:  # noqa: ANN401 -- Typer's click, wherever that is
    """Says in an error what an unknown command is called here, or where the commands are listed.

    Args:
        error: The parser's, whose message is replaced.
        word: What was typed.
    """
    message = str(getattr(error, "message", ""))
    if not message.startswith("No such command"):
        return
    name = word.strip().lower()
    if meant := _SEVERAL.get(name) or (f"'{_OTHER_WORDS[name]}'" if name in _OTHER_WORDS else ""):
        error.message = f"No such command {word!r}. Did you mean {meant}?"
    elif "Did you mean" not in message:
        error.message = f"{message} `lmdecode help` lists them all."


def explain_unknown_option(error: Any) -> None:  # noqa: ANN401 -- Typer's click, wherever that is
    """Says in an error what to write instead of an option that a command does not have, if other commands have it.

    Args:
        error: Any error of the parser's. The message of one about an unknown option is replaced.
    """
    context, option = getattr(error, "ctx", None), getattr(error, "option_name", "")
    if context is None or not str(getattr(error, "message", "")).startswith("No such option"):
        return
    has = {name for parameter in context.command.params for name in parameter.opts}
    remedy = ""
    if hasattr(context.command, "commands"):
        if option in _OF_COMMANDS:
            remedy = f"options stand behind the command: {context.command_path} COMMAND … {option} …"
    elif option in {"--format", "-f", "--jsonl"} and "--json" in has:
        remedy = "--json is what this command has"
    elif option == "--fields" and any(parameter.name == "names" for parameter in context.command.params):
        remedy = f"names stand behind the command: {context.command_path} coffee_temp steam_temp"
    elif option in {"--output", "-o"}:
        remedy = "this command prints to standard output: put > FILE behind it"
    if remedy:
        error.possibilities = None
        error.message = f"No such option: {option}; {remedy}"
