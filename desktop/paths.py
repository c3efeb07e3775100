"""Where things lie on this computer. PULLQUOTE_HOME moves everything below one folder."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
# From source and in the frozen program resources/ lies beside the package, in a wheel inside it.
RESOURCES = _PACKAGE / "resources" if (_PACKAGE / "resources").is_dir() else _PACKAGE.parent / "resources"


def data_folder() -> Path:
    """The library's folder: originals and database."""
    return _folder("data")


def cache_folder() -> Path:
    """Everything that can be made again from the originals: playback copies, peaks."""
    return _folder("cache")


def log_file() -> Path:
    """The program's log; holds codes and numbers, never words of an interview."""
    return _folder("log") / "pullquote.log"


def settings_file() -> Path:
    """The settings, as TOML."""
    return _folder("config") / "settings.toml"


def private_folder(folder: Path) -> Path:
    """Make `folder` (and parents) for this user only, and give it back."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def fsync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut (POSIX; elsewhere renames are journalled)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _folder(kind: str) -> Path:
    home = os.environ.get("PULLQUOTE_HOME")
    if home:
        return Path(home).expanduser().resolve() / kind
    import platformdirs

    make = {
        "data": platformdirs.user_data_path,
        "cache": platformdirs.user_cache_path,
        "log": platformdirs.user_log_path,
        "config": platformdirs.user_config_path,
    }[kind]
    return make("pullquote", appauthor=False)
