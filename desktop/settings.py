"""The settings: one frozen record, kept as TOML. Never holds a key."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from desktop.paths import private_folder

WORDS_MODEL = "gemini-3.5-transcribe"
DEFAULT_MODEL = "gemini-3.8-flash"
STARTER_MODEL = "tiny.en"


@dataclass(frozen=True)
class Settings:
    """Unknown keys of the file are kept out, missing or wrong ones take the default."""

    gemini_model: str = DEFAULT_MODEL  # the general model
    device_model: str = STARTER_MODEL
    translate_to: str = "en"
    house_style: str = ""  # goes to general models as a system instruction
    sends_as: str = "flac"  # or "ogg"
    parts_at_once: float = 2.0  # 1 to 4
    as_printed: bool = False  # ask a general model with the words of Google's audio page
    known_models: tuple[str, ...] = ()  # the list from the service, as last seen
    privacy_accepted: str = ""  # date on which the page about uploads was agreed to
    theme: str = "system"  # system, light, dark
    step_back: float = 1.5  # seconds, on resume
    cache_gigabytes: float = 20.0
    library_order: str = "newest"  # see ui/library_order.py
    shortcuts: tuple[str, ...] = ()  # of the user's own, e.g. "play=Ctrl+Space;F13"
    record_device: str = ""  # what was recorded from the last time
    record_channels: str = "mono"  # or "stereo"
    consent_reminder: bool = False
    consent_text: str = "Ask before you record: does everybody here know and agree?"
    watch_folder: str = ""  # whose new files are imported by themselves
    watches: bool = False
    sample_offered: bool = False  # the sample was put into the library once

    @property
    def two_hearings(self) -> str:
        """The model for the words and the general one for the rest, when the key may use it; "" when not known."""
        return f"{WORDS_MODEL} + {self.gemini_model}" if WORDS_MODEL in self.known_models else ""

    def replacement(self, retired: str) -> str:
        """A general model to use in place of one that is gone: the newest plain flash model of the list; "" if none."""
        names = [name for name in self.known_models if re.fullmatch(r"gemini-[0-9.]+-flash", name) and name != retired]
        return max(names, key=lambda name: [int(n) for n in re.findall(r"\d+", name)], default="")


def load(file: Path) -> Settings:
    """Read the settings; a missing or broken file gives the defaults."""
    try:
        data = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return Settings()
    known = {}
    for field in fields(Settings):
        value = _fitting(data.get(field.name), field.default)
        if value is not None:
            known[field.name] = value
    return Settings(**known)


def save(file: Path, settings: Settings) -> None:
    """Write through a temporary name."""
    import tomli_w

    private_folder(file.parent)
    temporary = file.with_suffix(".tmp")
    with open(temporary, "wb") as writer:
        tomli_w.dump({name: list(value) if isinstance(value, tuple) else value
                      for name, value in asdict(settings).items()}, writer)
        writer.flush()
        os.fsync(writer.fileno())
    temporary.replace(file)


def _fitting(value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        return tuple(str(item) for item in value) if isinstance(value, list) else None
    if isinstance(default, bool) or isinstance(value, bool):
        return value if isinstance(default, bool) and isinstance(value, bool) else None
    if isinstance(default, float):
        return float(value) if isinstance(value, int | float) else None
    return value if isinstance(value, str) else None
