"""Writing an export: what the preview shows is what is written, through a temporary name, never over something."""

from __future__ import annotations

import io
import os
import re
import secrets
from collections.abc import Callable, Collection
from pathlib import Path

from desktop.audio.cache import CacheFiles
from desktop.audio.files import PlaybackCopy, encode
from desktop.errors import UserError
from desktop.exports import FORMATS, Options, archives, choosing, quotes, web, word
from desktop.model import TimeRange, TranscriptDocument
from desktop.paths import fsync_folder
from desktop.withholding import Released, release

QUOTE_FORMATS: dict[str, Callable[[TranscriptDocument, list[quotes.QuoteLine]], bytes]] = {
    "docx": word.quotes_docx, "md": quotes.quotes_markdown, "csv": quotes.quotes_csv}
AS_IT_IS = Options()
LONGEST_SOUND = 2 * 3600.0  # seconds that are put into a web page; a longer one would be too large to open
_RESERVED = frozenset(["con", "prn", "aux", "nul", *(f"{p}{n}" for p in ("com", "lpt") for n in "123456789¹²³")])
_LONGEST_NAME = 120  # bytes, ending included


def render(document: TranscriptDocument, format_name: str, options: Options = AS_IT_IS, *, only: str = "all",
           time_range: TimeRange | None = None, sound: bytes = b"") -> bytes:
    """The export as the bytes of its file. UserError for an unknown format, or when there is nothing to export.

    `only` is "all", "range" (with `time_range`) or "quotes". What is off the record is never in it; emotions are when
    the options say so. `sound` is a FLAC, Ogg or MP3 file for a web page.
    """
    _check(format_name, FORMATS)
    released = released_part(document, options, only, time_range)
    if format_name == "html" and sound:
        return web.html(released, options, sound)
    return FORMATS[format_name].render(released, options)


def released_part(document: TranscriptDocument, options: Options, only: str = "all",
                  time_range: TimeRange | None = None) -> Released:
    """What of a document may leave and was asked for; the one place where exports get their words from."""
    released = release(document)
    if only == "range":
        if time_range is None:
            raise UserError("No range is chosen. Drag over the waveform first, or export the whole transcript.")
        released = choosing.in_range(released, time_range)
    elif only == "quotes":
        _check_quotes(released)
        released = choosing.of_quotes(released)
    return choosing.fitted(released, options)


def render_quotes(document: TranscriptDocument, format_name: str, *, clean: bool = False) -> bytes:
    """The saved quotes with who said them, where, note and tag, as docx, md or csv.

    With `clean` each stands there verbatim and lightly cleaned, with the changes shown. UserError when there is none.
    """
    _check(format_name, QUOTE_FORMATS)
    released = release(document)
    _check_quotes(released)
    return QUOTE_FORMATS[format_name](released, choosing.quote_lines(released, cleaned=clean))


def preview(content: bytes, format_name: str) -> str:
    """The content of a file as text to read; of office files the words in it, of sound inside only how much it is."""
    if format_name == "docx":
        return archives.docx_text(content)
    if format_name == "odt":
        return archives.odt_text(content)
    text = content.decode("utf-8-sig")
    return re.sub(r"(base64,)([A-Za-z0-9+/=]{200,})", lambda m: f"{m[1]}… ({len(m[2]):,} characters of sound)", text)


def clip(cache: Path, document: TranscriptDocument, time_range: TimeRange | None = None) -> bytes:
    """The sound of a recording, or of a range of it, as an Ogg file of 16 kHz mono; silent where off the record.

    UserError for more than two hours, and for a video, whose sound is not here.
    """
    recording = document.recording
    stretch = (time_range or TimeRange(0.0, recording.duration)).clamped(recording.duration)
    if recording.address:
        raise UserError("The sound of a video is not on this computer. Export without sound.")
    if stretch.seconds > LONGEST_SOUND:
        raise UserError("More than two hours of sound make a web page that is too large to open. Choose a range, or "
                        "export without sound.")
    buffer = io.BytesIO()
    with PlaybackCopy(CacheFiles(cache, recording.sha256).copy) as copy:
        encode(copy.speech_blocks(stretch, silent=document.desk.off_record), buffer, "ogg")
    return buffer.getvalue()


def _check(format_name: str, formats: Collection[str]) -> None:
    if format_name == "pdf":
        raise UserError("A PDF is made in the window only. Here, choose docx, odt or html.")
    if format_name not in formats:
        raise UserError("There is no export format {name}. Choose one of: {names}.", name=format_name,
                        names=", ".join(formats))


def _check_quotes(released: Released) -> None:
    if not released.desk.quotes:
        raise UserError("There is no quote to export. Save a quote from the transcript first.")


def write(content: bytes, path: Path, *, overwrite: bool = False) -> None:
    """Write `content` durably. UserError when something is there already, or the place cannot be written."""
    if not overwrite and path.exists():
        raise UserError("{path} exists already and was not overwritten. Choose another name.", path=path)
    temporary = path.with_name(f".{secrets.token_hex(6)}.pullquote-export")
    try:
        with open(temporary, "wb") as file:
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
