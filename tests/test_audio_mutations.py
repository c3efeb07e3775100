"""Files with flipped, cut and inserted bytes: each is imported or refused in words, and nothing else ever happens."""

from __future__ import annotations

import itertools
import random
import threading
from pathlib import Path

from desktop.audio import decoder
from desktop.audio.cache import CacheFiles
from desktop.audio.preparing import prepare
from desktop.errors import BadAudio
from desktop.importing import import_audio
from desktop.library import Library
from desktop.model import ignore_progress
from tests.sounds import AUDIO, tone, write_wav


def mutated(seed: int, originals: list[bytes]) -> bytes:
    source = random.Random(seed)
    data = bytearray(source.choice(originals))
    match source.randrange(4):
        case 0:
            del data[source.randrange(len(data)):]
        case 1:
            at = source.randrange(len(data))
            data[at:at] = source.randbytes(source.randrange(1, 400))
        case 2:
            at = source.randrange(len(data))
            del data[at:at + source.randrange(1, 2000)]
    for _ in range(source.choice((0, 1, 5, 50, 500))):
        at = source.randrange(min(len(data), source.choice((64, 512, 1 << 30)))) if data else 0
        if data:
            data[at] = source.choice((0, 255, 127, 128, source.randrange(256)))
    return bytes(data)


def test_300_mutated_files_end_as_imported_or_bad_audio(library: Library, cache: Path, tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    originals = [path.read_bytes() for path in sorted(AUDIO.iterdir())
                 if path.suffix not in (".md", ".json") and path.stat().st_size < 300_000]
    originals.append(write_wav(tmp_path / "small.wav", tone(1.0)).read_bytes())
    ended: list[str] = []
    numbers = itertools.count()

    def work() -> None:
        while (number := next(numbers)) < 300:
            path = tmp_path / f"{number}.bin"
            path.write_bytes(mutated(seed + number, originals))
            ended.append(fate(library, cache, path, number))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert len(ended) == 300, ended
    wrong = [end for end in ended if end not in ("fine", *decoder.SENTENCES)]
    assert wrong == [] and ended.count("fine") > 50 and ended.count("not_audio") > 10


def fate(library: Library, cache: Path, path: Path, number: int) -> str:
    """How one file ends: "fine", the kind of a BadAudio, or what went wrong. Every tenth takes the whole way."""
    try:
        if number % 10 == 0:
            import_audio(library, cache, path, ignore_progress)
        else:
            prepare(path, CacheFiles(cache, f"{number:064x}"), lambda: None, lambda *_: None)
    except BadAudio as error:
        return error.kind
    except BaseException as error:
        return f"file {number}: {error!r}"
    return "fine"
