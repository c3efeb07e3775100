"""Are the two channels two microphones? Then each carries its own speaker."""

from __future__ import annotations

import numpy as np

from desktop.audio.files import PlaybackCopy
from desktop.model import TimeRange

_FRAME_SECONDS = 0.05
_LOUDER = 2.0  # 6 dB: the own microphone is clearly nearer
_WINDOWS, _WINDOW_SECONDS = 60, 3.0


def channels_differ(copy: PlaybackCopy) -> bool:
    """True when both channels take turns in being clearly the louder one, or follow different envelopes."""
    if copy.channels != 2:
        return False
    left, right = _envelopes(copy)
    active = np.maximum(left, right) > max(1e-3, 0.1 * float(np.percentile(np.maximum(left, right), 95)))
    left, right = left[active] + 1e-5, right[active] + 1e-5
    if len(left) < 20:
        return False
    left_share, right_share = float((left > _LOUDER * right).mean()), float((right > _LOUDER * left).mean())
    if left_share > 0.1 and right_share > 0.1:
        return True
    if left.std() < 1e-6 or right.std() < 1e-6:
        return False
    return float(np.corrcoef(np.log(left), np.log(right))[0, 1]) < 0.3 and min(left.mean(), right.mean()) > 5e-3


def _envelopes(copy: PlaybackCopy) -> tuple[np.ndarray, np.ndarray]:
    """RMS per 50 ms of both channels, from windows spread over the whole recording."""
    count = min(_WINDOWS, max(1, int(copy.seconds / _WINDOW_SECONDS)))
    frame = max(1, int(copy.rate * _FRAME_SECONDS))
    pieces = []
    for start in np.linspace(0, max(0.0, copy.seconds - _WINDOW_SECONDS), count):
        for block in copy.blocks(TimeRange(float(start), float(start) + _WINDOW_SECONDS), silent=()):
            whole = len(block) // frame * frame
            if whole:
                cells = block[:whole].astype(np.float32).reshape(-1, frame, 2) / 32768
                pieces.append(np.sqrt((cells * cells).mean(axis=1)))
    joined = np.concatenate(pieces) if pieces else np.zeros((0, 2), np.float32)
    return joined[:, 0], joined[:, 1]
