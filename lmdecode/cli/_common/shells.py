"""Completion in bash, zsh and fish: the scripts that the shells source, shown or installed.

Typer has scripts of its own. They are not used, for four reasons: its bash script loses the `=` of `kind=read`, its zsh
script has the shell evaluate what we answer (names out of a file among it), it completes files where none is meant, and
to say what a value is it loads rich, which takes longer than all else. What is used of it is the parser, which
knows which option or argument is being typed, and asks its `autocompletion` for the values.

A script calls the program with `_LMDECODE_COMPLETE`, the name of the shell, and `_LMDECODE_LINE`, the command line up
to the cursor; `answers` says what comes then. PowerShell has Typer's script, and is answered by Typer.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lmdecode.cli._common.answers import ASKED
from lmdecode.codec.errors import LmdecodeError

_BASH: Final = r"""_lmdecode_completion() {
    local found
    found=$(_LMDECODE_COMPLETE=bash _LMDECODE_LINE=${COMP_LINE:0:COMP_POINT} "${1/#\~/$HOME}" 2>/dev/null)
    COMPREPLY=()
    if [[ $found == :files ]]; then
        compopt -o default
    elif [[ $found ]]; then
        mapfile -t COMPREPLY <<<"$found"
        [[ $found == *[=,\<\>] ]] && compopt -o nospace
    fi
}
complete -o nosort -F _lmdecode_completion lmdecode
"""
_ZSH: Final = r"""#compdef lmdecode
_lmdecode_completion() {
    local found
    local -a whole begun
    found=$(_LMDECODE_COMPLETE=zsh _LMDECODE_LINE="${(j: :)words[1,CURRENT-1]} $QIPREFIX$PREFIX" \
        "${words[1]/#\~/$HOME}" 2>/dev/null)
    if [[ $found == :files ]]; then
        _files
    elif [[ -n $found ]]; then
        begun=(${(M)${(f)found}:#*[=,<>](|:*)})
        whole=(${${(f)found}:#*[=,<>](|:*)})
        (( $#begun )) && _describe -V value begun -S ''
        (( $#whole )) && _describe -V value whole
    fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _lmdecode_completion "$@"
else
    compdef _lmdecode_completion lmdecode
fi
"""
_FISH: Final = r"""function __lmdecode_completion
    set -l typed (commandline -opc)
    set -l program (string replace -r '^~' $HOME -- $typed[1])
    set -l found (env _LMDECODE_COMPLETE=fish _LMDECODE_LINE=(commandline -cp | string collect) $program 2>/dev/null)
    if test "$found" = :files
        __fish_complete_path (commandline -ct)
    else
        printf '%s\n' $found
    end
end
complete --command lmdecode --no-files --keep-order --arguments '(__lmdecode_completion)'
"""
SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
"""What each shell sources."""
_OF_TYPER: Final = ("powershell", "pwsh")


class ShellError(LmdecodeError):
    """A shell that cannot be helped; one line."""

    exit_code = 2


def script_for(shell: str | None) -> str:
    """Returns what a shell sources.

    Args:
        shell: Its name; None for the one that runs the program.

    Raises:
        ShellError: There is no completion for it.
    """
    name = _named(shell)
    if name in SCRIPTS:
        return SCRIPTS[name]
    from typer import completion

    return completion.get_completion_script(  # type: ignore[attr-defined]  # it is there, and not exported
        prog_name="lmdecode", complete_var=ASKED, shell=name
    )


def install_for(shell: str | None) -> str:
    """Puts the script where the shell finds it, and returns what was done, as one line.

    Raises:
        ShellError: There is no completion for it.
        OSError: A file cannot be written.
    """
    name = _named(shell)
    try:
        home = Path.home()
    except RuntimeError:  # so Python says it
        raise ShellError("this user has no home, where a shell would look for the completion: set HOME") from None
    if name == "bash":
        path, profile = home / ".bash_completions" / "lmdecode.sh", home / ".bashrc"
        lines = [f"source '{path}'"]
    elif name == "zsh":
        path = home / ".zfunc" / "_lmdecode"
        profile = Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
        lines = ["fpath+=~/.zfunc; autoload -Uz compinit; compinit"]
    elif name == "fish":
        path = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "fish" / "completions" / "lmdecode.fish"
        profile, lines = None, []
    else:
        from typer import completion

        _, path = completion.install(  # type: ignore[attr-defined]  # as above
            shell=name, prog_name="lmdecode", complete_var=ASKED
        )
        return f"{path}: completion is installed; open a new {name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SCRIPTS[name], encoding="utf-8")
    if profile is not None:
        _add(profile, lines)
    return f"{path}: completion is installed; open a new {name}"


def _add(profile: Path, lines: Sequence[str]) -> None:
    """Adds lines to a file that a shell reads when it starts, unless they are there."""
    present = profile.read_text(encoding="utf-8", errors="surrogateescape") if profile.is_file() else ""
    missing = [line for line in lines if line not in present]
    if missing:
        with profile.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in [*([""] if present[-1:] not in {"", "\n"} else []), *missing]))


def _named(shell: str | None) -> str:
    name = shell
    if name is None:
        import shellingham

        with contextlib.suppress(shellingham.ShellDetectionFailure):
            name = shellingham.detect_shell()[0]
        if name not in SCRIPTS and name not in _OF_TYPER:  # a script's sh, or none
            name = Path(os.environ.get("SHELL", "")).name
    name = name.lower()
    if name not in SCRIPTS and name not in _OF_TYPER:
        known = ", ".join((*SCRIPTS, _OF_TYPER[0]))
        what = f"{name[:40]!r} has no completion" if shell else "it is not clear which shell this is"
        raise ShellError(f"{what}: give one of {known}")
    return name
