"""Names of what is cached for one original; light enough to be asked before the first paint."""

from __future__ import annotations

import os
from pathlib import Path


class CacheFiles:
    """Peaks and playback copy of the original with this SHA-256, below `folder`. Both can be made again."""

    def __init__(self, folder: Path, sha256: str) -> None:
        self.peaks = folder / f"{sha256}.peaks"
        self.copy = folder / f"{sha256}.flac"

    def complete(self) -> bool:
        """Both are there and begin as they should (a power cut may leave an empty file)."""
        return _begins_with(self.peaks, b"PQPEAKS1") and _begins_with(self.copy, b"fLaC")

    def touch(self) -> None:
        """Note that the copy is in use: what was used longest ago goes first when space is needed."""
        try:
            os.utime(self.copy)
        except OSError:
            pass  # a read-only cache is no reason not to play

    def remove(self) -> None:
        """Forget both."""
        self.copy.unlink(missing_ok=True)
        self.peaks.unlink(missing_ok=True)


def _begins_with(file: Path, magic: bytes) -> bool:
    try:
        with open(file, "rb") as reader:
            return reader.read(len(magic)) == magic
    except OSError:
        return False
