"""Files that come with the package beside its code: the sample captures, and mitmproxy's addons.

In the repository they are folders of its own, where people find them. The wheel has the same files in a folder within
the package. Both are found by name here, so a command is the same wherever lmdecode was installed from.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from lmdecode.app.errors import CommandError, UsageError
from lmdecode.atomic_file import behind_links, replacing
from lmdecode.config import SAMPLE_KEY
from lmdecode.config.file import ConfigError, NoConfigError, load_config, users_path
from lmdecode.config.names import OF_THE_ACCOUNT
from lmdecode.config.sample import refuse_mixture
from lmdecode.extras import clone_folder

SAMPLES: Final = (
    "README.md",
    "bluetooth-morning.btsnoop",
    "config.json",
    "gs3av-day.pcapng.zst",
    "gs3av-settings.pcap",
    "gs3av-settings.tshark.json",
    "gs3mp-standby.pcapng",
    "homeassistant.log",
    "lion-morning.flow",
    "lion-morning.har",
    "v3-morning.pcap",
)
"""The sample captures, the key of their machine, and the page that says what they are."""
ADDONS: Final = ("lm_credentials", "lm_traffic")
"""The names of mitmproxy's addons."""
SAMPLE_CONFIG: Final = "config.json"
"""The file among the samples that has their key."""

_PACKAGED: Final = Path(__file__).parents[1] / "shipped"


@dataclass(frozen=True)
class Copied:
    """What came of copying the samples into a folder."""

    folder: Path
    new: tuple[str, ...]
    """The files that were copied."""
    same: tuple[str, ...]
    """The files that were there already, with the same content."""
    other: tuple[str, ...]
    """The files that were there already with another content, and that were left alone."""


def addon_path(name: str) -> Path:
    """Returns the path of one of mitmproxy's addons, for `mitmproxy -s`.

    Args:
        name: Its name, with or without `.py`; hyphens may stand for underscores.

    Raises:
        UsageError: There is no such addon.
        CommandError: The package is not complete.
    """
    wanted = name.removesuffix(".py").replace("-", "_")
    if wanted not in ADDONS:
        near = get_close_matches(wanted, ADDONS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"there are {' and '.join(ADDONS)}"
        raise UsageError(f"there is no addon {name[:40]!r}: {hint}")
    return _shipped("mitm_addons", f"{wanted}.py")


def copy_samples(folder: Path, *, replace: bool = False) -> Copied:
    """Copies the sample captures and their key into a folder, which is made if it is not there.

    Args:
        folder: Where they go. It cannot be the current folder or the user's config folder: a config.json there is
            taken for the user's own.
        replace: Whether to replace files that have the same name and another content.

    Raises:
        UsageError: The folder is one of the user's own config.json, or something that is not a folder, or it has a
            config.json with an owner's key.
        CommandError: A file cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: name one for the samples, such as {folder}-samples")
    if folder.resolve() in {Path.cwd(), users_path().parent.resolve()}:
        raise UsageError(
            "the samples' config.json would be taken for yours there: name a folder of their own, such as captures"
        )
    if replace and _is_an_owners(folder / SAMPLE_CONFIG):
        raise UsageError(f"{folder / SAMPLE_CONFIG} is yours and is not replaced: name a folder of the samples' own")
    new, same, other = [], [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in SAMPLES:
            source, target = _shipped("captures", name), folder / name
            if target.is_file() and target.read_bytes() == source.read_bytes():
                same.append(name)
            elif (target.exists() or target.is_symlink()) and not replace:
                other.append(name)
            else:
                with (
                    source.open("rb") as read,
                    replacing(behind_links(target) or target, private=name == SAMPLE_CONFIG) as written,
                ):
                    shutil.copyfileobj(read, written)
                new.append(name)
    except OSError as error:
        raise CommandError(f"{error.filename or folder} cannot be written: {error.strerror}") from None
    return Copied(folder, tuple(new), tuple(same), tuple(other))


def _is_an_owners(path: Path) -> bool:
    """Returns whether a file has a key or an account that is not the samples', or may have one and cannot be read."""
    try:
        entries = load_config(path).entries
        refuse_mixture(entries, [SAMPLE_KEY], str(path))
    except NoConfigError:
        return False
    except ConfigError:
        try:
            return b'"key"' in path.read_bytes()
        except OSError:
            return True
    return any(entries.get(name) for name in OF_THE_ACCOUNT)


def _shipped(folder: str, name: str) -> Path:
    """Returns the path of a file: in the clone that runs, or in the package.

    Raises:
        CommandError: It is not there.
    """
    clone = clone_folder()
    path = (clone or _PACKAGED) / folder / name
    if not path.is_file():
        raise CommandError(f"{path} is missing: this copy of lmdecode is not complete; install it again")
    return path
