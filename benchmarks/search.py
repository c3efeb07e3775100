"""Search everything over many transcripts, beside a LIKE scan and ripgrep (or grep) over the same words in files."""

from __future__ import annotations

import contextlib
import math
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.fixtures import LINES, Words, fill
from benchmarks.harness import (
    Timing,
    alternate,
    cpu_ratio,
    headline,
    is_long,
    percentile,
    show,
    skipped,
    timed,
    wall_ratio,
)
from desktop.errors import Cancelled
from desktop.hits import Found
from desktop.library import Library
from desktop.model import Segment, TimeRange, Word
from desktop.paths import private_folder
from desktop.searching import search

_QUERIES = 200  # of each kind; 99 of 100 of them count
_ADDED = 20  # recordings


def main() -> None:
    """Build, search, compare. `--keep FOLDER` leaves the library there and takes it from there the next time."""
    recordings = 10_000 if is_long() else 1_000
    with _folder() as folder:
        is_made = (folder / "data" / "library.db").exists()
        library = Library(private_folder(folder / "data"))
        headline(f"search: {recordings:,} recordings x {LINES} lines ({recordings * LINES / 1e6:.1f} M lines)")
        words = Words(14).all
        if not is_made:
            _build(library, recordings, folder / "texts")
        _add_some(library)
        asked = _asked(library, words, recordings)
        for label, (queries, most) in asked.items():
            _ask(library, label, queries, most)
        _ask_anew(library, asked["middling word"][0])
        _compare(library, folder / "texts", asked["rare word"][0])
        _stop(library, asked)
        _paint(library, asked["common word"][0])
        library.close()


@contextmanager
def _folder() -> Iterator[Path]:
    if "--keep" in sys.argv:
        yield private_folder(Path(sys.argv[sys.argv.index("--keep") + 1]))
        return
    with tempfile.TemporaryDirectory(prefix="pullquote-benchmark-") as name:
        yield Path(name)


# -- building ---------------------------------------------------------------------------------------------------


def _build(library: Library, recordings: int, texts: Path) -> None:
    """Everything first, then the index as a migration makes it; writes the words of each recording into a file."""
    connection = library._writer
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute("PRAGMA synchronous = OFF")
    made: list[str] = []
    base = timed(lambda: made.extend(fill(library, recordings)))
    _make(connection, "note_search")
    before = _size(connection)
    index = timed(lambda: _make(connection, "segment_search"))
    for _, sql in triggers:
        connection.execute(sql)
    connection.execute("PRAGMA synchronous = FULL")
    lines, letters = recordings * LINES, sum(len(text.encode()) for text in made)
    show("lines entered without the index", lines / base.wall, "lines/s")
    show("index built, per second of the processor", lines / index.cpu, "lines/s", least=120_000,
         more=f"by the clock {lines / index.wall:,.0f}, {index.wall:.1f} s")
    show("index / text", (_size(connection) - before) / letters, "x", most=0.9, more=f"text {letters / 1e6:.0f} MB")
    texts.mkdir()
    for number, text in enumerate(made):
        (texts / f"{number}.txt").write_text(text, "utf-8")


def _make(connection: sqlite3.Connection, index: str) -> None:
    for command, value in (("automerge", 4), ("rebuild", None), ("automerge", 16)):
        connection.execute(f"INSERT INTO {index} ({index}, rank) VALUES (?, ?)", (command, value))


def _size(connection: sqlite3.Connection) -> int:
    pages = connection.execute("PRAGMA page_count").fetchone()[0] - connection.execute(
        "PRAGMA freelist_count").fetchone()[0]
    return int(pages * connection.execute("PRAGMA page_size").fetchone()[0])


def _add_some(library: Library) -> None:
    """More recordings as transcription stores them, each durably on the disk before the next; then edits."""
    words = Words(13)
    for label, has_times in (("adding a recording", False), ("the same with the times of all words", True)):
        added = [_added(library, words.lines(LINES), has_times) for _ in range(_ADDED)]
        cpu, wall = [t.cpu for t in added], [t.wall for t in added]
        show(f"{label}, p50", 1000 * percentile(cpu, 0.5), "ms cpu", most=None if has_times else 10,
             more=f"slowest {1000 * max(cpu):.1f}; by the clock, with the fsync, {1000 * percentile(wall, 0.5):.1f}, "
                  f"slowest {1000 * max(wall):.1f}")
    edits = [timed(lambda i=i: library._writer.execute("UPDATE segment SET text = text || ' edited' WHERE id = ?", (
        LINES + 37 * i,))) for i in range(200)]
    show("changing a text, p99", 1000 * percentile([t.cpu for t in edits], 0.99), "ms cpu", most=10,
         more=f"by the clock, with the fsync, {1000 * percentile([t.wall for t in edits], 0.99):.1f}")


def _added(library: Library, lines: Sequence[str], has_times: bool) -> Timing:
    mark = f"{time.time_ns():064x}"
    recording = library.add_recording(title="Added", folder=mark, original="o.wav", sha256=mark, byte_count=1)
    transcript = library.add_transcript(recording.id, engine="none", model="none", time_range=TimeRange(0, 3600))
    segments = [(f"Speaker {n % 3}", Segment(9.0 * n, 9.0 * n + 8.5, line, words=tuple(
        Word(word, 9.0 * n + 0.7 * i, 9.0 * n + 0.7 * i + 0.6) for i, word in enumerate(line.split()) if has_times)))
        for n, line in enumerate(lines)]
    return timed(lambda: library.add_segments(transcript.id, segments))


# -- asking -----------------------------------------------------------------------------------------------------


def _asked(library: Library, words: Sequence[str], recordings: int) -> dict[str, tuple[list[str], float]]:
    """Queries by kind, and how many milliseconds 99 of 100 may take."""
    chance = np.random.default_rng(14)
    common, middle, rare = words[:100], words[500:5000], words[20_000:]

    def some(words: Sequence[str]) -> list[str]:
        return [str(word) for word in chance.choice(np.asarray(words), _QUERIES)]

    def phrases(length: int) -> list[str]:
        ids = chance.integers(LINES, recordings * LINES, _QUERIES).tolist()
        lines = [library._rows("SELECT text FROM segment WHERE id = ?", i)[0][0].split() for i in ids]
        return [f'"{" ".join(line[2:2 + length])}"' for line in lines]

    return {
        "common word": (some(common), 5), "middling word": (some(middle), 5), "rare word": (some(rare), 5),
        "two words": ([f"{a} {b}" for a, b in zip(some(common), some(middle), strict=True)], 5),
        "beginning of three letters": ([word[:3] + "*" for word in some(middle) if len(word) > 3], 15),
        "phrase of two words": (phrases(2), 75), "phrase of three words": (phrases(3), 75),
        "common word, speaker of few recordings": ([f"{w} speaker:Person{n}" for n, w in enumerate(some(common))], 15),
        "common word, speaker of a third of all": ([f'{w} speaker:"Speaker 1"' for w in some(common)], 75),
        "middling word and project": ([f"{w} project:Project{n + 10}" for n, w in enumerate(some(middle))], 15),
        "rare word and project": ([f"{w} project:Project{n + 10}" for n, w in enumerate(some(rare))], 15),
        "rare word and date": ([f"{w} date:2016" for w in some(rare)], 75),
    }


def _ask(library: Library, label: str, queries: Sequence[str], most: float) -> None:
    """Words that were not asked for before, on a thread that has searched; judged by the time of the processor."""
    counts: list[int] = []
    for query in queries[:3]:
        search(library, query)
    times = [timed(lambda q=q: counts.append(search(library, q).count)) for q in queries]
    wall, cpu = [t.wall for t in times], [t.cpu for t in times]
    show(f"{label}, p99", 1000 * percentile(cpu, 0.99), "ms cpu", most=most,
         more=f"p50 {1000 * percentile(cpu, 0.5):.2f}; by the clock p50 {1000 * percentile(wall, 0.5):.2f}, p99 "
              f"{1000 * percentile(wall, 0.99):.2f}; {sum(counts) / len(counts):.0f} hits")


def _ask_anew(library: Library, queries: Sequence[str]) -> None:
    """Each on a thread and a connection of its own, as in the window."""
    def ask(query: str) -> None:
        thread = threading.Thread(target=search, args=(library, query))
        thread.start()
        thread.join()

    times = [timed(lambda q=q: ask(q)).wall for q in queries]
    show("middling word on a new connection, p99", 1000 * percentile(times, 0.99), "ms",
         more=f"p50 {1000 * percentile(times, 0.5):.2f} ms")


def _compare(library: Library, texts: Path, rare: Sequence[str]) -> None:
    words = iter(rare)

    def like() -> None:
        library._rows("SELECT id, text FROM segment WHERE text LIKE ? ORDER BY id DESC LIMIT 50", f"%{next(words)}%")

    def ours() -> None:
        search(library, next(words))

    pairs = alternate(lambda: timed(like), lambda: timed(ours))
    show("rare word / LIKE scan", cpu_ratio(pairs), "x cpu", most=0.01 if is_long() else 0.1,
         more=f"LIKE {1000 * pairs[0][0].cpu:.0f} ms; by the clock {wall_ratio(pairs):.4f}")
    tool = "rg" if shutil.which("rg") else "grep" if shutil.which("grep") else ""
    if not tool:
        skipped("rare word / ripgrep", "neither rg nor grep is installed")
        return
    command = [tool, "-w"] if tool == "rg" else [tool, "-r", "-w", "-i"]
    pairs = alternate(lambda: timed(lambda: subprocess.run([*command, next(words), str(texts)], check=False,
                                                           stdout=subprocess.DEVNULL)), lambda: timed(ours))
    show(f"rare word / {tool} over text files", wall_ratio(pairs), "x", most=0.02 if is_long() else 0.2,
         more=f"{tool} {1000 * pairs[0][0].wall:.0f} ms")


def _stop(library: Library, asked: dict[str, tuple[list[str], float]]) -> None:
    """Ask for what takes long, and for something else 10 ms later."""
    queries = [f"{word} lang:xx" for word in asked["common word"][0][:20]] + asked["phrase of three words"][0][:60] + [
        query[:3] + "*" for query in asked["common word"][0][:10]]
    late = [took for query in queries if (took := _stopped_after(library, query)) is not None]
    if late:
        show("a query that is given up ends after", 1000 * max(t.cpu for t in late), "ms cpu", most=50,
             more=f"by the clock {1000 * max(t.wall for t in late):.1f}; {len(late)} of {len(queries)} took longer "
                  "than 10 ms")


def _stopped_after(library: Library, query: str) -> Timing | None:
    flag, ended, spent = threading.Event(), threading.Event(), list[float]()

    def work() -> None:
        try:
            search(library, query, flag.is_set)
        except Cancelled:
            pass
        finally:
            spent.append(time.thread_time())
            ended.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    if ended.wait(0.01) or thread.ident is None:
        return None
    clock = None
    with contextlib.suppress(ProcessLookupError):  # the query has ended already
        clock = time.pthread_getcpuclockid(thread.ident) if hasattr(time, "pthread_getcpuclockid") else None
    before = math.nan if clock is None else time.clock_gettime(clock)
    flag.set()
    began = time.perf_counter()
    ended.wait()
    return Timing(time.perf_counter() - began, spent[0] - before)


def _paint(library: Library, queries: Sequence[str]) -> None:
    """From the query to the painted list, all on this thread."""
    made = _painter()
    if made is None:
        skipped("painted, common word", "PySide6 cannot open a window here")
        return
    times = [timed(lambda q=q: made(search(library, q))).wall for q in queries]
    show("searched, laid out and painted, p99", 1000 * percentile(times, 0.99), "ms",
         more=f"p50 {1000 * percentile(times, 0.5):.1f} ms, common word, 860 x 640")


def _painter() -> Callable[[Found], object] | None:
    import os

    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from desktop.ui.application import make_application
    from desktop.ui.hit_view import HitView

    make_application()
    view = HitView()
    view.resize(860, 640)
    view.show()

    def paint(found: Found) -> object:
        view.set_found(found)
        return view.grab()

    return paint


if __name__ == "__main__":
    main()
