"""1,000 quotations against 400 h of transcripts, beside looking for each of them with str.find in all of the words."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.harness import alternate, headline, is_long, show, timed, wall_ratio
from desktop.library import Library
from desktop.model import Recording, Segment, Speaker, TimeRange, Transcript, TranscriptDocument, Word, ignore_progress
from desktop.paths import private_folder
from desktop.quotations import Quotation
from desktop.quote_check import Index, Kind, check, documents_of, searchable
from desktop.quote_words import key, split_words
from desktop.withholding import Released

_HOURS, _SEGMENTS, _WORDS = 400, 600, 15  # an hour has 600 segments of 15 words
_QUOTATIONS, _OF_PAIRS = 1000, 50
_VOCABULARY = 60_000
_SYLLABLES = ("ka", "ren", "to", "mi", "lo", "sta", "ver", "un", "der", "pa", "li", "on", "es", "gra", "ti", "ne",
              "bor", "su", "ma", "che")
_KINDS = {"exact": 0.55, "trimmed": 0.15, "altered": 0.2, "invented": 0.1}


def main() -> None:
    """Build, check, compare."""
    documents = [searchable(document) for document in _documents()]
    words = sum(len(split_words(segment.text)) for document in documents for segment in document.segments)
    headline(f"quote check: {_QUOTATIONS:,} quotations in {_HOURS} h, {words / 1e6:.1f} M words "
             f"(reference: str.find of each in one text of all words)")
    indexes: list[Index] = []
    build = timed(lambda: indexes.append(Index.build(documents, ignore_progress, len(documents))))
    index = indexes[0]
    asked = _quotations(documents)
    verdicts: list[Kind] = []
    checked = timed(lambda: verdicts.extend(v.kind for v in check(index, [q for _, q in asked])))
    show("index built", build.wall, "s", more=f"cpu {build.cpu:.1f} s")
    show("1,000 quotations checked", checked.wall, "s", most=10, more=f"cpu {checked.cpu:.1f} s")
    show("both", build.wall + checked.wall, "s", most=10)
    _tell(asked, verdicts)
    everything = f" {' '.join(key(w) for d in documents for s in d.segments for w in split_words(s.text))} "
    some = [q for kind, q in asked if kind == "exact"][:_OF_PAIRS]
    pairs = alternate(lambda: timed(lambda: _found(everything, some)), lambda: timed(lambda: check(index, some)))
    show("checked / str.find, the exact ones", wall_ratio(pairs), "x", most=0.25,
         more=f"{1000 * pairs[0][1].wall / len(some):.2f} ms each")
    if is_long():
        _from_library(documents)


def _tell(asked: Sequence[tuple[str, Quotation]], verdicts: Sequence[Kind]) -> None:
    counts = Counter(zip((kind for kind, _ in asked), verdicts, strict=True))
    for kind, right in (("exact", Kind.EXACT), ("trimmed", Kind.TRIMMED), ("altered", Kind.ALTERED),
                        ("invented", Kind.NOT_FOUND)):
        total = sum(count for (name, _), count in counts.items() if name == kind)
        others = ", ".join(f"{count} {verdict}" for (name, verdict), count in counts.items()
                           if name == kind and verdict is not right)
        show(f"{kind} and called {right.value}", 100 * counts[kind, right] / total, "%", least=97, more=others)
    wrong = sum(count for (name, verdict), count in counts.items() if verdict is Kind.EXACT and name != "exact")
    show("called exact and are not", wrong, "", most=0)


def _found(everything: str, quotations: Sequence[Quotation]) -> int:
    return sum(everything.find(f" {' '.join(map(key, split_words(q.text)))} ") >= 0 for q in quotations)


def _documents() -> Iterator[TranscriptDocument]:
    """Words as frequent as in talk (Zipf), in segments of one of three speakers, without times."""
    chance = np.random.default_rng(11)
    lexicon = _lexicon(chance)
    share = 1 / np.arange(1, _VOCABULARY + 1)
    share /= share.sum()
    for hour in range(_HOURS):
        words = chance.choice(lexicon, (_SEGMENTS, _WORDS), p=share)
        segments = tuple(Segment(6.0 * n, 6.0 * n + 5.8, " ".join(row), 1 + n // 4 % 3, id=hour * _SEGMENTS + n + 1)
                         for n, row in enumerate(words.tolist()))
        recording = Recording(hour + 1, f"Hour {hour + 1}", "f", "o.wav", "0" * 64, 3600, 48_000, 1, "2026-01-01")
        yield TranscriptDocument(recording, Transcript(hour + 1, hour + 1, "none", "none", "", TimeRange(0, 3600)),
                                 {n: Speaker(n, f"Speaker {n}") for n in (1, 2, 3)}, segments)


def _lexicon(chance: np.random.Generator) -> list[str]:
    made = dict.fromkeys("".join(chance.choice(_SYLLABLES, int(chance.integers(1, 5)))) for _ in range(6 * _VOCABULARY))
    return list(made)[:_VOCABULARY]


def _quotations(documents: Sequence[Released]) -> list[tuple[str, Quotation]]:
    chance = np.random.default_rng(12)
    kinds = chance.choice(list(_KINDS), _QUOTATIONS, p=list(_KINDS.values())).tolist()
    rare = [word.text for word in _talk(documents, chance, 4000)]
    return [(kind, Quotation(_altered(kind, [w.text for w in _talk(documents, chance, int(chance.integers(6, 13)))],
                                      rare, chance))) for kind in kinds]


def _talk(documents: Sequence[Released], chance: np.random.Generator, count: int) -> list[Word]:
    """`count` words in a row of one segment, or of many for a stock of words."""
    document = documents[int(chance.integers(len(documents)))]
    at = int(chance.integers(len(document.segments) - count // _WORDS - 1))
    words = " ".join(s.text for s in document.segments[at:at + count // _WORDS + 1]).split()
    first = int(chance.integers(len(words) - count + 1)) if count < _WORDS else 0
    return [Word(word, 0, 0) for word in words[first:first + count]]


def _altered(kind: str, words: list[str], rare: list[str], chance: np.random.Generator) -> str:
    middle = len(words) // 2
    if kind == "trimmed":
        return " ".join([*words[:middle - 1], "[…]", *words[middle:]])
    if kind == "altered":
        others = [word for word in rare if word != words[middle]]
        return " ".join([*words[:middle], str(chance.choice(others)), *words[middle + 1:]])
    if kind == "invented":
        return " ".join(chance.choice(rare, len(words)).tolist())
    return " ".join(words)


def _from_library(documents: Sequence[Released]) -> None:
    """The same out of a library on disk, with a time for each word: reading is what takes long."""
    with tempfile.TemporaryDirectory(prefix="pullquote-benchmark-") as folder:
        private_folder(Path(folder))
        library = Library(Path(folder))
        ids = [_stored(library, document) for document in documents]
        built = timed(lambda: Index.build(documents_of(library, ids), ignore_progress, len(ids), library.words))
        show("index built from the library, words with times", built.wall, "s", more=f"cpu {built.cpu:.1f} s")
        library.close()


def _stored(library: Library, document: Released) -> int:
    recording = library.add_recording(title=document.recording.title, folder=f"f{document.recording.id}",
                                      original="o.wav", sha256=f"{document.recording.id:064d}", byte_count=1)
    transcript = library.add_transcript(recording.id, engine="none", model="none", time_range=TimeRange(0, 3600))
    step = 5.8 / _WORDS
    library.add_segments(transcript.id, [(f"Speaker {s.speaker_id}", Segment(
        s.start, s.end, s.text, words=tuple(Word(word, s.start + n * step, s.start + (n + 1) * step)
                                            for n, word in enumerate(s.text.split()))))
        for s in document.segments])
    return transcript.id


if __name__ == "__main__":
    main()
