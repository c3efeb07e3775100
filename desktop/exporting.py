"""Writing an export: what the preview shows is what is written, through a temporary name, never over something."""

from __future__ import annotations

import os
import secrets
from dataclasses import replace
from pathlib import Path

from desktop.errors import UserError
from desktop.exports import FORMATS
from desktop.model import TranscriptDocument
from desktop.paths import fsync_folder

_RESERVED = frozenset(["con", "prn", "aux", "nul", *(f"{p}{n}" for p in ("com", "lpt") for n in "123456789¹²³")])
_LONGEST_NAME = 120  # bytes, ending included


def render(document: TranscriptDocument, format_name: str, *, emotions: bool = False) -> str:
    """The export as text; without the machine's opinion on emotions unless asked. UserError for an unknown format."""
    if format_name not in FORMATS:
        raise UserError("There is no export format {name}. Choose one of: {names}.", name=format_name,
                        names=", ".join(FORMATS))
    if not emotions:
        document = replace(document, segments=tuple(replace(s, emotion="") if s.emotion else s
                                                    for s in document.segments))
    return FORMATS[format_name].render(document)


def write(content: str, path: Path, *, overwrite: bool = False) -> None:
    """Write `content` durably. UserError when something is there already, or the place cannot be written."""
    if not overwrite and path.exists():
        raise UserError("{path} exists already and was not overwritten. Choose another name.", path=path)
    temporary = path.with_name(f".{secrets.token_hex(6)}.pullquote-export")
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        fsync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError("{path} could not be written ({reason}). Choose another folder; nothing was changed.",
                        path=path, reason=error.strerror or "unknown") from error


def file_name(title: str, ending: str) -> str:
    """A name for an export that is legal everywhere and hides nothing: at most 120 bytes."""
    safe = "".join(" " if c in '<>:"/\\|?*' or not c.isprintable() else c for c in title)
    safe = " ".join(safe.split()).strip(". -")
    if safe.split(".")[0].strip().lower() in _RESERVED:
        safe = f"_{safe}"
    room = _LONGEST_NAME - len(ending.encode()) - 1
    safe = safe.encode("utf-8", "replace")[:room].decode("utf-8", "ignore").rstrip(". ")
    return f"{safe or 'transcript'}.{ending}"
