"""Public videos that Gemini watches at their address: nothing of them is on this computer."""

from __future__ import annotations

import hashlib
import re
import secrets
from urllib.parse import parse_qs, urlsplit

from desktop.errors import UserError
from desktop.importing import Imported
from desktop.library import Library
from desktop.model import Recording

_HOSTS = ("youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com")
_ID = re.compile(r"[A-Za-z0-9_-]{11}")


def is_address(text: str) -> bool:
    """Whether this is meant as an address, and not as a file."""
    return text.strip().casefold().startswith(("http:", "https:", "www.", "youtu.be/", "youtube.com/"))


def video_address(text: str) -> str:
    """The address of a video on YouTube in its plain form, without anything that tells who shared it.

    Raises UserError for everything else.
    """
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, path = (parts.hostname or "").casefold(), parts.path.strip("/").split("/")
    except ValueError:
        host, path = "", []
    found = ""
    if host == "youtu.be":
        found = path[0]
    elif host in _HOSTS and path[:1] == ["watch"]:
        found = parse_qs(parts.query).get("v", [""])[0]
    elif host in _HOSTS and path[0] in ("shorts", "live", "embed") and len(path) > 1:
        found = path[1]
    if not _ID.fullmatch(found):
        raise UserError("This is not the address of a video on YouTube. Copy it from the video's page, for example "
                        "https://www.youtube.com/watch?v=…")
    return f"https://www.youtube.com/watch?v={found}"


def add_video(library: Library, text: str, title: str = "") -> Imported:
    """Enter a video by its address; asks nobody. Raises UserError."""
    address = video_address(text)
    sha256 = hashlib.sha256(address.encode()).hexdigest()
    here = library.recording_with_hash(sha256)
    recording = here or library.add_recording(
        title=title or f"YouTube {address[-11:]}", folder=f"video-{secrets.token_hex(8)}", original="", sha256=sha256,
        byte_count=0, address=address)
    return Imported(recording, here is not None)


def address_at(recording: Recording, seconds: float) -> str:
    """The address at which the video begins to play there."""
    return f"{recording.address}&t={int(seconds)}s" if seconds >= 1 else recording.address
