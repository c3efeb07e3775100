"""Where things lie on this computer. PULLQUOTE_HOME moves everything below one folder."""

from __future__ import annotations

import os
from pathlib import Path

from desktop.errors import LibraryError

DATABASE = "library.db"
_PACKAGE = Path(__file__).resolve().parent
# From source and in the frozen program resources/ lies beside the package, in a wheel inside it.
RESOURCES = _PACKAGE / "resources" if (_PACKAGE / "resources").is_dir() else _PACKAGE.parent / "resources"


def data_folder() -> Path:
    """The library's folder: originals and database; where the user moved it, else the usual one.

    LibraryError when it was moved to a place that is not there now: an empty one in its stead would look like a loss.
    """
    chosen = chosen_folders()
    if not chosen:
        return _folder("data")
    for folder in chosen:
        if holds_library(folder):
            return folder
    raise LibraryError("Your library lies in {folder}, and that is not there now. Connect the disk and try again, or "
                       "choose the folder in Pullquote's window.", folder=chosen[0])


def usual_data_folder() -> Path:
    """Where the library lies when nobody has moved it."""
    return _folder("data")


def holds_library(folder: Path) -> bool:
    """Whether a library lies there, be it one that has lost its database."""
    return (folder / DATABASE).is_file() or (folder / "recordings").is_dir()


def chosen_folders() -> list[Path]:
    """Where the user moved the library: none, one, or, while it is being moved, the new and the old one."""
    try:
        lines = _location_file().read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LibraryError("The file {file}, which says where your library lies, cannot be read ({reason}).",
                           file=_location_file(), reason=error.strerror) from error
    return [Path(os.fsdecode(line)) for line in lines if line]


def choose_folder(*folders: Path) -> None:
    """Note, durably, where the library lies; of several, the first that holds one counts."""
    file = _location_file()
    if folders == (usual_data_folder(),):
        file.unlink(missing_ok=True)
        return
    private_folder(file.parent)
    write_durably(file, b"".join(os.fsencode(folder) + b"\n" for folder in folders))


def _location_file() -> Path:
    return settings_file().with_name("library-location")


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


def write_durably(file: Path, data: bytes) -> None:
    """Write a small file for this user only: whatever happens, it is the old one or the new one, never half of one."""
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as writer:
        writer.write(data)
        writer.flush()
        os.fsync(writer.fileno())
    temporary.replace(file)
    fsync_folder(file.parent)


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
