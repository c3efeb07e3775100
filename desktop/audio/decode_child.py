"""The decoder, run in a process of its own: untrusted bytes in, peaks and plain PCM out.

Reads one JSON line from standard input: {"path", "mode"} with mode "full" (peaks and PCM), "peaks", "overview"
or "null" (decode only; the benchmark's reference). Writes messages to standard output: one letter, the length as
uint32 little-endian, the payload. H header (JSON), O overview (JSON), K peaks (bytes: min, max, rms triplets),
A audio (int16 interleaved PCM), T seconds decoded (JSON), E error (JSON), D done (JSON).
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import av
import av.logging
import numpy as np

from desktop.audio.limits import HIGHEST_COPY_RATE, HIGHEST_RATE, LONGEST_SECONDS, LOWEST_RATE, MOST_CHANNELS
from desktop.audio.peaks import Summary, bucket_size

BLOCK_FRAMES = 65_536
BLOCKS_PER_REPORT = 4
MEMORY_LIMIT = 1 << 30

# What interviews come in. Playlists, concat scripts and network protocols are not on it.
FORMATS = ("wav,w64,rf64,aiff,mp3,aac,mov,mp4,m4a,3gp,3g2,ogg,flac,matroska,webm,caf,asf,amr,amrnb,amrwb,au,"
           "avi,mpegts,mpeg")
_OPEN_OPTIONS = {
    "protocol_whitelist": "file", "format_whitelist": FORMATS,
    "max_size": "262144",  # bytes in a packet of PCM: at FFmpeg's 4 KiB most of the time goes into handling packets
}

_PLANAR = {"fltp": np.float32, "dblp": np.float64, "s16p": np.int16, "s32p": np.int32, "u8p": np.uint8}
_PACKED = {"flt": np.float32, "dbl": np.float64, "s16": np.int16, "s32": np.int32, "u8": np.uint8}


class Refused(Exception):
    """A file that is not taken; `kind` is looked up by the parent, which owns the sentences."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def main() -> None:
    """Serve one request from standard input."""
    _limit_memory()
    av.logging.set_level(None)
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    request = json.loads(sys.stdin.buffer.readline())
    if request["mode"] == "full" and hasattr(os, "nice"):
        os.nice(10)  # the window goes first: halves its slowest frames during an import, see benchmarks/paint.py
    try:
        _serve(request["path"], request["mode"], out)
    except Refused as refusal:
        send(out, b"E", {"kind": refusal.kind})
    except MemoryError:
        send(out, b"E", {"kind": "too_complex"})
    except PermissionError:
        send(out, b"E", {"kind": "not_readable"})
    except FileNotFoundError:
        send(out, b"E", {"kind": "not_found"})
    except Exception:  # 14 kinds of exception were seen from damaged files; all mean the same to the user
        send(out, b"E", {"kind": "not_audio"})


def send(out: BinaryIO, letter: bytes, payload: object) -> None:
    """Write one message; bytes-like payloads go as they are, others as JSON."""
    data: Any = payload if isinstance(payload, bytes | memoryview) else json.dumps(payload).encode()
    out.write(letter + struct.pack("<I", len(data)))
    view = memoryview(data).cast("B")
    while view:
        view = view[out.write(view) or 0:]


def _limit_memory() -> None:
    if os.name == "posix":
        import resource

        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        except (ValueError, OSError):
            pass  # macOS refuses RLIMIT_AS; the parent still kills what makes no progress


def _serve(path: str, mode: str, out: BinaryIO) -> None:
    if os.path.getsize(path) == 0:
        raise Refused("empty")
    options = {"fflags": "fastseek", "max_size": "4096"} if mode == "overview" else {}
    with av.open(path, metadata_errors="replace", options=_OPEN_OPTIONS | options) as container:
        stream = _choose_stream(container)
        header = _header(container, stream)
        if mode == "overview":
            _send_overview(container, stream, header, out)
            send(out, b"D", {})
            return
        send(out, b"H", header)
        header["promised_seconds"] = max(header["header_seconds"], _wav_promise(path))
        decoder = _Decoder(container, stream, header, mode, out)
        decoder.run()
        send(out, b"D", decoder.result())


def _choose_stream(container: Any) -> Any:
    streams = container.streams.audio
    if not streams:
        raise Refused("no_sound")
    return max(streams, key=lambda s: (s.disposition.value & 1, -s.index))  # the default track, else the first


def _header(container: Any, stream: Any) -> dict[str, Any]:
    context = stream.codec_context
    if context is None or context.codec is None:
        raise Refused("unknown_codec")
    rate, channels = context.sample_rate or 0, context.channels or 0
    if stream.metadata.get("encryption") or (context.codec_tag or "").lower() in ("drms", "enca"):
        raise Refused("protected")
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise Refused("strange_rate")
    if not 1 <= channels <= MOST_CHANNELS:
        raise Refused("too_many_channels")
    duration = container.duration / av.time_base if container.duration else 0.0
    return {
        "rate": rate, "channels": channels, "container": container.format.name, "codec": context.codec.name,
        "header_seconds": duration if 0 < duration <= LONGEST_SECONDS else 0.0,
        "bucket": bucket_size(rate), "title": str(container.metadata.get("title", ""))[:200],
        "copy_rate": min(rate, HIGHEST_COPY_RATE), "copy_channels": channels if channels <= 2 else 1,
    }


def _wav_promise(path: str) -> float:
    """Seconds that a WAV header promises; FFmpeg shortens this to what is there, and a cut-off file looks whole."""
    byte_rate = 0
    with open(path, "rb") as file:
        riff = file.read(12)
        if riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
            return 0.0
        while len(head := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", head)
            if name == b"fmt " and 12 <= size < 1000:
                fmt = file.read(size + size % 2)
                byte_rate = int.from_bytes(fmt[8:12], "little")
            elif name == b"data":  # streaming recorders write the largest sizes for "not known yet"
                return size / byte_rate if byte_rate and size < 0x7FFF_0000 else 0.0
            else:
                file.seek(size + size % 2, os.SEEK_CUR)
    return 0.0


def _send_overview(container: Any, stream: Any, header: dict[str, Any], out: BinaryIO) -> None:
    """Seek and decode one frame for each of many columns, coarse first, until the time box is full."""
    send(out, b"H", header)
    seconds = header["header_seconds"]
    if seconds < 20:  # the real pass is as fast
        return
    columns = 512
    found: list[tuple[int, int, int, int]] = []
    began = time.monotonic()
    for step in (16, 8, 4, 2, 1):
        for column in range(0 if step == 16 else step, columns, 16 if step == 16 else 2 * step):
            value = _look_at(container, stream, (column + 0.5) / columns * seconds)
            if value is not None:
                found.append((column, *value))
            if time.monotonic() - began > 1.0:
                step = 0
                break
        send(out, b"O", {"columns": columns, "values": found, "seconds": seconds})
        if step == 0:
            return


def _look_at(container: Any, stream: Any, seconds: float) -> tuple[int, int, int] | None:
    try:
        container.seek(int(seconds / stream.time_base), stream=stream)
        for packet in container.demux(stream):
            for frame in packet.decode():
                summary = Summary(frame.samples)
                summary.add(_frame_array(frame))
                smallest, largest, rms = summary.finish(last=True)[0]
                return int(smallest), int(largest), int(rms) & 0xFF
    except (av.FFmpegError, ValueError):
        pass
    return None


def _frame_array(frame: Any) -> np.ndarray:
    """One frame as array (planes, samples x channels per plane), no copy."""
    name = frame.format.name
    if name in _PLANAR:
        return np.stack([np.frombuffer(plane, _PLANAR[name])[:frame.samples] for plane in frame.planes])
    if name in _PACKED:
        count = frame.samples * frame.layout.nb_channels
        return np.frombuffer(frame.planes[0], _PACKED[name])[:count].reshape(1, -1)
    raise Refused("unknown_codec")


class _Decoder:
    """Decodes the whole stream into one reusable block and hands each full block on."""

    def __init__(self, container: Any, stream: Any, header: dict[str, Any], mode: str, out: BinaryIO) -> None:
        self._container, self._stream, self._out, self._mode = container, stream, out, mode
        self._rate, self._channels = int(header["rate"]), int(header["channels"])
        self._promised_seconds = float(header["promised_seconds"])
        self._copy_rate, self._copy_channels = int(header["copy_rate"]), int(header["copy_channels"])
        self._summary = Summary(int(header["bucket"]))
        self._block: np.ndarray | None = None
        self._bytes: list[memoryview] = []
        self._usual: set[tuple[int, ...]] = set()  # shapes of frames that can be copied as they are
        self._format = ""
        self._planes = 1
        self._fill = 0
        self._frames = 0
        self._blocks = 0
        self._damage: list[tuple[float, float]] = []
        self._resampler: Any = None  # from the first frame on that differs from those before
        self._soxr: Any = None
        # FLAC numbers its samples; (numerator, denominator) from its time stamps to samples
        self._numbered = (stream.time_base * self._rate).as_integer_ratio() \
            if container.format.name == "flac" and stream.time_base else None

    def run(self) -> None:
        """Decode it all."""
        if self._mode == "null":
            self._count()
        else:
            self._decode()
        if self._frames == 0:
            raise Refused("not_audio" if not self._damage else "damaged_whole")

    def _count(self) -> None:
        for packet in self._packets():
            try:
                for frame in packet.decode():
                    self._frames += frame.samples
            except (av.FFmpegError, ValueError):
                self._note_damage(packet)

    def _decode(self) -> None:
        for packet in self._packets():
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError):
                self._note_damage(packet)
                continue
            for frame in frames:
                self._take(frame)
            if self._frames > LONGEST_SECONDS * self._rate:
                raise Refused("too_long")
        self._flush()
        if self._soxr is not None:
            self._send_audio(self._soxr.resample_chunk(
                np.zeros((0, self._copy_channels), np.int16), last=True))
        self._send_peaks(self._summary.finish(last=True))

    def _packets(self) -> Iterator[Any]:
        try:
            yield from self._container.demux(self._stream)
        except (av.FFmpegError, ValueError):
            self._damage.append((self._frames / self._rate + self._fill / self._rate, 0.0))

    def result(self) -> dict[str, Any]:
        seconds = self._frames / self._rate
        damage = self._damage
        # A file that was cut off: the header promises clearly more than what could be decoded.
        if not damage and self._promised_seconds - seconds > max(2.0, 0.02 * self._promised_seconds) \
                and self._container.format.name not in ("aac", "mp3", "amr"):  # their headers only guess
            damage = [(seconds, 0.0)]
        return {"seconds": seconds, "frames": self._frames, "damage": damage[:100]}

    def _note_damage(self, packet: Any) -> None:
        lost = float(packet.duration * packet.time_base) if packet.duration and packet.time_base else 0.0
        self._damage.append(((self._frames + self._fill) / self._rate, lost))
        if self._block is not None and 0 < lost < 10:
            self._add_silence(round(lost * self._rate))

    def _note_gap(self, frame: Any) -> None:
        """FFmpeg leaves out damaged FLAC frames without a word; their numbers tell."""
        if self._numbered is None or self._block is None or frame.pts is None:
            return
        here = self._frames + self._fill
        gap = frame.pts * self._numbered[0] // self._numbered[1] - here
        if 0 < gap < 10 * self._rate:
            self._damage.append((here / self._rate, gap / self._rate))
            self._add_silence(gap)

    def _add_silence(self, frames: int) -> None:
        """Silence where sound is lost, so that all later times stay right."""
        assert self._block is not None
        silence = 128 if self._block.dtype == np.uint8 else 0
        while frames > 0:
            step = min(frames, BLOCK_FRAMES - self._fill)
            self._block[:, self._fill * self._per_frame:(self._fill + step) * self._per_frame] = silence
            self._advance(step)
            frames -= step

    def _take(self, frame: Any) -> None:
        """Copy one frame; tens of thousands of them per minute of work, so the usual ones go the short way."""
        samples, planes, fill = frame.samples, frame.planes, self._fill
        if samples == 0:
            return
        if self._numbered is not None:
            self._note_gap(frame)
            fill = self._fill
        # Asking each frame for its format and layout would cost as much as copying it.
        shape = (len(planes), planes[0].buffer_size, samples, frame.sample_rate)
        if shape in self._usual and fill + samples < BLOCK_FRAMES:
            size, here = samples * self._frame_bytes, fill * self._frame_bytes
            there = here + size
            for row, plane in zip(self._bytes, planes, strict=True):
                row[here:there] = memoryview(plane)[:size]  # decoders give longer planes than they fill
            self._fill = fill + samples
            return
        if self._block is None:
            self._make_block(frame)
        for piece in self._in_first_format(frame):
            self._copy(piece)
        if self._resampler is None and len(self._usual) < 64:
            self._usual.add(shape)

    def _make_block(self, frame: Any) -> None:
        name = frame.format.name
        self._format = name
        # What the decoder really gives counts, not what the header said (HE-AAC doubles its rate).
        self._planes = frame.layout.nb_channels if name in _PLANAR else 1
        if frame.layout.nb_channels != self._channels or frame.sample_rate != self._rate:
            self._resampler = av.AudioResampler(name, _layout(self._channels), self._rate)
            self._planes = self._channels if name in _PLANAR else 1
        dtype = _PLANAR.get(name) or _PACKED.get(name)
        if dtype is None:
            raise Refused("unknown_codec")
        self._per_frame = 1 if name in _PLANAR else self._channels
        self._block = np.zeros((self._planes, BLOCK_FRAMES * self._per_frame), dtype)
        self._bytes = [memoryview(row).cast("B") for row in self._block]
        self._frame_bytes = self._per_frame * self._block.itemsize

    def _in_first_format(self, frame: Any) -> list[Any]:
        same = (frame.format.name == self._format and frame.sample_rate == self._rate
                and frame.layout.nb_channels == self._channels)
        if same and self._resampler is None:
            return [frame]
        if not LOWEST_RATE <= frame.sample_rate <= HIGHEST_RATE or frame.layout.nb_channels > MOST_CHANNELS:
            raise Refused("strange_rate")
        if self._resampler is None:
            self._resampler = av.AudioResampler(self._format, _layout(self._channels), self._rate)
            self._usual.clear()  # from now on all go through the resampler, in their order
        frame.pts = None
        try:
            return list(self._resampler.resample(frame))
        except ValueError:  # the format changed once more
            self._resampler = av.AudioResampler(self._format, _layout(self._channels), self._rate)
            return list(self._resampler.resample(frame))

    def _copy(self, frame: Any) -> None:
        size = self._frame_bytes
        planes = [memoryview(plane) for plane in frame.planes]
        done, samples = 0, frame.samples
        while done < samples:
            step = min(samples - done, BLOCK_FRAMES - self._fill)
            here, there = self._fill * size, done * size
            for row, plane in zip(self._bytes, planes, strict=False):
                row[here:here + step * size] = plane[there:there + step * size]
            done += step
            self._advance(step)

    def _advance(self, frames: int) -> None:
        self._fill += frames
        if self._fill == BLOCK_FRAMES:
            self._flush()

    def _flush(self) -> None:
        if self._block is None or not self._fill:
            return
        block = self._block[:, :self._fill * self._per_frame]
        self._frames += self._fill
        self._fill = 0
        self._blocks += 1
        self._summary.add(block, self._per_frame)
        if self._mode == "full":
            self._send_audio(self._to_copy(block))
        if self._blocks % BLOCKS_PER_REPORT == 0:
            self._send_peaks(self._summary.finish())
            send(self._out, b"T", {"seconds": self._frames / self._rate})

    def _send_peaks(self, peaks: np.ndarray) -> None:
        if len(peaks):
            send(self._out, b"K", peaks.tobytes())

    def _send_audio(self, pcm: np.ndarray) -> None:
        if len(pcm):
            send(self._out, b"A", memoryview(np.ascontiguousarray(pcm).data).cast("B"))

    def _to_copy(self, block: np.ndarray) -> np.ndarray:
        pcm = to_int16(block)
        pcm = _interleaved(pcm) if self._per_frame == 1 else pcm.reshape(-1, self._channels)
        if self._channels > 2:
            pcm = pcm.mean(axis=1, dtype=np.float32).astype(np.int16).reshape(-1, 1)
        if self._copy_rate == self._rate:
            return pcm
        if self._soxr is None:
            import soxr

            self._soxr = soxr.ResampleStream(self._rate, self._copy_rate, self._copy_channels, dtype="int16")
        resampled: np.ndarray = self._soxr.resample_chunk(np.ascontiguousarray(pcm))
        return resampled


_CONVERT: dict[Any, Callable[[np.ndarray], np.ndarray]] = {
    np.dtype(np.int16): lambda block: block,
    np.dtype(np.int32): lambda block: (block >> 16).astype(np.int16),
    np.dtype(np.uint8): lambda block: (block.astype(np.int16) - 128) << 8,
}


def to_int16(block: np.ndarray) -> np.ndarray:
    """Samples of any decoder format as int16; floats beyond full scale are clipped, NaN becomes silence."""
    convert = _CONVERT.get(block.dtype)
    if convert is not None:
        return convert(block)
    scaled = np.multiply(block, 32767.0, dtype=np.float32)
    np.rint(scaled, out=scaled)
    np.clip(scaled, -32768.0, 32767.0, out=scaled)
    if np.isnan(scaled.sum()):
        np.nan_to_num(scaled, copy=False)
    pcm: np.ndarray = scaled.astype(np.int16)
    return pcm


def _interleaved(planes: np.ndarray) -> np.ndarray:
    """(channels, n) as (n, channels); five times as fast as copying the transposed array."""
    frames = np.empty(planes.shape[::-1], planes.dtype)
    for channel, plane in enumerate(planes):
        frames[:, channel] = plane
    return frames


def _layout(channels: int) -> str:
    return {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}[channels]


if __name__ == "__main__":
    main()
