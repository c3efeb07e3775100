"""Decoding the audio a request carries, finding its loud stretches, and finding a clip in a recording."""

from __future__ import annotations

import io

import av
import numpy as np
import soundfile
import soxr

from .records import HeardAudio, Samples

FORMATS = {  # what libsndfile calls the container -> the types that name it
    "WAV": {"audio/wav"}, "WAVEX": {"audio/wav"}, "FLAC": {"audio/flac"}, "AIFF": {"audio/aiff"},
    "OGG": {"audio/ogg", "audio/opus"}, "MP3": {"audio/mp3", "audio/mpeg"},
}
RATE = 16_000
FRAME = 160                 # 10 ms at 16 kHz: the step of the envelope
SILENCE = 1e-4
MARGIN = 100                # frames by which a clip may stick out of the recording (codec padding)


def decode(data: bytes, mime_type: str) -> HeardAudio:
    """Decode or raise ValueError; a declared type that contradicts the bytes is an error too."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as source:
            if mime_type not in FORMATS.get(source.format, {mime_type}):
                raise ValueError(f"{mime_type} was declared but the data is {source.format}")
            samples, rate = source.read(dtype="float32", always_2d=True), source.samplerate
    except soundfile.LibsndfileError:
        samples, rate = _decode_with_ffmpeg(data)
    if not len(samples):
        raise ValueError("the audio is empty")
    return HeardAudio(samples.mean(axis=1), rate, samples.shape[1], mime_type, len(data))


def _decode_with_ffmpeg(data: bytes) -> tuple[Samples, int]:
    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
            frames = [part for frame in container.decode(stream) for part in resampler.resample(frame)]
            blocks = [part.to_ndarray() for part in frames + resampler.resample(None)]
            return np.concatenate(blocks, axis=1).T.astype(np.float32), stream.rate
    except (av.FFmpegError, IndexError, ValueError) as problem:
        raise ValueError("the audio cannot be decoded") from problem


def at_16k(audio: HeardAudio) -> Samples:
    """The samples at 16 kHz, as speech models see them."""
    if audio.rate == RATE:
        return audio.samples
    return np.asarray(soxr.resample(audio.samples, audio.rate, RATE), dtype=np.float32)


def envelope(samples: Samples) -> Samples:
    """Loudness (RMS) of every 10 ms."""
    count = max(1, len(samples) // FRAME)
    padded = np.zeros(count * FRAME, dtype=np.float32)
    padded[:min(len(samples), len(padded))] = samples[:len(padded)]
    return np.asarray(np.sqrt(np.mean(padded.reshape(count, FRAME) ** 2, axis=1)), dtype=np.float32)


def loud_stretches(samples: Samples, gap: float = 0.3, shortest: float = 0.2) -> list[tuple[float, float]]:
    """Start and end in seconds of what stands out from silence; pauses up to `gap` do not part a stretch."""
    level = envelope(samples)
    peak = float(level.max())
    if peak < SILENCE:
        return []
    loud = np.flatnonzero(level > peak * 0.1)
    breaks = np.flatnonzero(np.diff(loud) > gap * 100)
    starts = loud[np.r_[0, breaks + 1]]
    ends = loud[np.r_[breaks, len(loud) - 1]] + 1
    pairs = zip(starts / 100, ends / 100, strict=True)
    return [(float(start), float(end)) for start, end in pairs if end - start >= shortest]


def is_silent(samples: Samples) -> bool:
    return not len(samples) or float(np.abs(samples).max()) < SILENCE


class Locator:
    """Finds where a received clip lies in a recording (16 kHz, mono); codecs and resampling do not matter."""

    def __init__(self, recording: Samples):
        self.recording = recording
        self.level = np.pad(envelope(recording), MARGIN)

    def __call__(self, clip: HeardAudio) -> float | None:
        """Seconds from the recording's start, None for a silent clip, LookupError for a foreign one."""
        samples = at_16k(clip)
        if is_silent(samples):
            return None
        scores = correlate(self.level, envelope(samples))
        found = [self._refine(samples, int(at) - MARGIN) for at in best_places(scores)]
        likeness, offset = max(found)
        if likeness < 0.5:
            raise LookupError(f"a clip of {clip.seconds:.1f} s is not part of the recording")
        return offset / RATE

    def _refine(self, samples: Samples, frame: int) -> tuple[float, int]:
        """Likeness and exact place, by comparing the loudest four seconds sample by sample."""
        loudest = int(np.argmax(np.abs(samples)))
        first = max(0, min(loudest - 2 * RATE, len(samples) - 4 * RATE))
        part = samples[first:first + 4 * RATE]
        start = frame * FRAME + first - 8 * FRAME
        around = np.arange(start, start + len(part) + 16 * FRAME)
        inside = (around >= 0) & (around < len(self.recording))
        piece = np.zeros(len(around), dtype=np.float32)
        piece[inside] = self.recording[around[inside]]
        scores = correlate(piece, part)
        best = int(np.argmax(scores))
        return float(scores[best]), start + best - first


def correlate(whole: Samples, part: Samples) -> Samples:
    """Normalised cross-correlation of `part` at every place of `whole` where it fits."""
    whole64, part64 = whole.astype(np.float64), part[:len(whole)].astype(np.float64)
    length = len(part64)
    size = 1 << (len(whole) + length).bit_length()  # a power of two: other sizes can be ten times slower
    part64 -= part64.mean()
    product = np.fft.irfft(np.fft.rfft(whole64, size) * np.conj(np.fft.rfft(part64, size)), size)
    sums, squares = (np.cumsum(np.r_[0.0, values]) for values in (whole64, whole64 ** 2))
    places = len(whole) - length + 1
    total = sums[length:] - sums[:places]
    spread = squares[length:] - squares[:places] - total ** 2 / length
    spread = np.maximum(spread, 1e-6 * max(spread.max(), 1e-9))  # else silence would be like anything
    norm = np.sqrt(spread * max(float(np.sum(part64 ** 2)), 1e-12))
    return np.asarray(product[:places] / norm, dtype=np.float32)


def best_places(scores: Samples, count: int = 5) -> list[int]:
    """The highest peaks, at least 100 ms apart."""
    rest, places = scores.copy(), []
    for _ in range(count):
        best = int(np.argmax(rest))
        if not np.isfinite(rest[best]):
            break
        places.append(best)
        rest[max(0, best - 10):best + 11] = -np.inf
    return places
