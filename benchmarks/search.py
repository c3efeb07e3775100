"""Search everything over many transcripts, beside a LIKE scan and ripgrep (or grep) over the same words in files."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.harness import alternate, headline, is_long, percentile, show, skipped, timed, wall_ratio
from desktop.errors import Cancelled
from desktop.library import Library
from desktop.paths import private_folder
from desktop.searching import Found, search

_LINES, _WORDS, _VOCABULARY = 400, 11, 60_000
_PROJECTS, _QUERIES = 100, 60
_SYLLABLES = ("ka", "ren", "to", "mi", "lo", "sta", "ver", "un", "der", "pa", "li", "on", "es", "gra", "ti", "ne",
              "bor", "su", "ma", "che")


def main() -> None:
    """Build, search, compare."""
    recordings = 10_000 if is_long() else 1_000
    with tempfile.TemporaryDirectory(prefix="pullquote-benchmark-") as name:
        folder = Path(name)
        private_folder(folder / "data")
        library = Library(folder / "data")
        headline(f"search: {recordings:,} recordings x {_LINES} lines ({recordings * _LINES / 1e6:.1f} M lines)")
        lexicon = _lexicon(np.random.default_rng(11))
        texts = _build(library, recordings, lexicon)
        _add_one(library, recordings, lexicon)
        asked = _asked(library, lexicon, recordings)
        for label, (queries, most) in asked.items():
            _ask(library, label, queries, most)
        _ask_anew(library, asked["middling word"][0])
        _compare(library, folder, asked["rare word"][0], texts)
        _stop(library, asked)
        _paint(library, asked["common word"][0])
        library.close()


# -- building ---------------------------------------------------------------------------------------------------


def _build(library: Library, recordings: int, lexicon: Sequence[str]) -> list[str]:
    """Everything first, then the index as a migration makes it; gives the words of each recording."""
    connection = library._writer
    triggers = [row[0] for row in connection.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'segment'")]
    for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'segment'"
                                  ).fetchall():
        connection.execute(f"DROP TRIGGER {row[0]}")
    connection.execute("PRAGMA synchronous = OFF")
    texts: list[str] = []
    base = timed(lambda: texts.extend(_fill(library, recordings, lexicon)))
    before = _size(library)
    _merge(library, 4)  # SQLite's own way while all is read once; the step changes it afterwards
    index = timed(lambda: connection.execute("INSERT INTO segment_search (segment_search) VALUES ('rebuild')"))
    _merge(library, 16)
    for sql in triggers:
        connection.execute(sql)
    connection.execute("PRAGMA synchronous = FULL")
    lines, letters = recordings * _LINES, sum(len(text.encode()) for text in texts)
    show("lines entered without the index", lines / base.wall, "lines/s")
    show("index built", lines / index.wall, "lines/s", least=120_000, more=f"{index.wall:.1f} s")
    show("index / text", (_size(library) - before) / letters, "x", most=0.9, more=f"text {letters / 1e6:.0f} MB")
    return texts


def _merge(library: Library, pieces: int) -> None:
    library._writer.execute("INSERT INTO segment_search (segment_search, rank) VALUES ('automerge', ?)", (pieces,))


def _size(library: Library) -> int:
    connection = library._writer
    pages = connection.execute("PRAGMA page_count").fetchone()[0] - connection.execute(
        "PRAGMA freelist_count").fetchone()[0]
    return int(pages * connection.execute("PRAGMA page_size").fetchone()[0])


def _fill(library: Library, recordings: int, lexicon: Sequence[str]) -> Iterator[str]:
    chance, share = np.random.default_rng(12), _share()
    connection = library._writer
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO project (id, name) VALUES (?, ?)",
                           [(n + 1, f"Project{n + 1}") for n in range(_PROJECTS)])
    for number in range(1, recordings + 1):
        words = chance.choice(np.asarray(lexicon), (_LINES, _WORDS), p=share)
        lines = [" ".join(row) for row in words.tolist()]
        _enter(library, number, lines)
        yield "\n".join(lines)
    connection.execute("COMMIT")


def _enter(library: Library, number: int, lines: Sequence[str], *, at_once: bool = False) -> None:
    connection = library._writer
    connection.execute(
        "INSERT INTO recording (id, title, folder, original, sha256, byte_count, duration, imported_at, state, "
        "project_id) VALUES (?, ?, ?, 'o.wav', ?, 1, 3600, ?, 'ready', ?)",
        (number, f"Talk {number}", f"f{number}", f"{number:064x}",
         f"20{10 + number % 16}-{1 + number % 12:02d}-{1 + number % 28:02d}T10:00:00.000+00:00",
         number % _PROJECTS + 1))
    connection.execute("INSERT INTO transcript (id, recording_id, engine, model, created_at, range_start, range_end) "
                       "VALUES (?, ?, 'none', 'none', '', 0, 3600)", (number, number))
    names = (f"Person{number % 500}", f"Speaker {number % 3}")
    connection.executemany("INSERT INTO speaker (id, transcript_id, label, name, position) VALUES (?, ?, ?, ?, ?)",
                           [(2 * number + n, number, name, name, n) for n, name in enumerate(names)])
    rows = [(number * _LINES + n, number, n, 9.0 * n, 9.0 * n + 8.5, 2 * number + n % 2, line)
            for n, line in enumerate(lines)]
    into = "INSERT INTO segment (id, transcript_id, part, position, start, end, speaker_id, text) "
    if at_once:
        connection.execute(into + "SELECT value ->> 0, value ->> 1, 0, value ->> 2, value ->> 3, value ->> 4, "
                           "value ->> 5, value ->> 6 FROM json_each(?)", (json.dumps(rows),))
    else:
        connection.executemany(into + "VALUES (?, ?, 0, ?, ?, ?, ?, ?)", rows)


def _add_one(library: Library, recordings: int, lexicon: Sequence[str]) -> None:
    """More recordings, each in a transaction, and lines that are edited."""
    chance, share = np.random.default_rng(13), _share()
    number = recordings
    for at_once, label in ((False, "adding a recording, line by line"), (True, "the same in one statement")):
        added = []
        for _ in range(20):
            number += 1
            lines = [" ".join(row) for row in chance.choice(np.asarray(lexicon), (_LINES, _WORDS), p=share).tolist()]
            library._writer.execute("BEGIN")
            added.append(timed(lambda number=number, lines=lines, at_once=at_once: _enter(
                library, number, lines, at_once=at_once)))
            library._writer.execute("COMMIT")
        show(label, 1000 * percentile([t.wall for t in added], 0.5), "ms", most=10,
             more=f"cpu {1000 * percentile([t.cpu for t in added], 0.5):.1f} ms, slowest "
                  f"{1000 * max(t.wall for t in added):.1f} ms; without the fsync")
    edits = [timed(lambda i=i: library._writer.execute("UPDATE segment SET text = text || ' edited' WHERE id = ?", (
        _LINES + 37 * i,))).wall for i in range(200)]
    show("changing a text, p99", 1000 * percentile(edits, 0.99), "ms", most=10, more="with the fsync")


def _share() -> np.ndarray:
    share = 1 / np.arange(1, _VOCABULARY + 1)
    return np.asarray(share / share.sum())


def _lexicon(chance: np.random.Generator) -> list[str]:
    made = dict.fromkeys("".join(chance.choice(_SYLLABLES, int(chance.integers(1, 5)))) for _ in range(6 * _VOCABULARY))
    return list(made)[:_VOCABULARY]


# -- asking -----------------------------------------------------------------------------------------------------


def _asked(library: Library, lexicon: Sequence[str], recordings: int) -> dict[str, tuple[list[str], float]]:
    """Queries by kind, and how many milliseconds 99 of 100 may take."""
    chance = np.random.default_rng(14)
    common, middle, rare = lexicon[:100], lexicon[500:5000], lexicon[20_000:]

    def some(words: Sequence[str]) -> list[str]:
        return [str(word) for word in chance.choice(np.asarray(words), _QUERIES)]

    def phrases(length: int) -> list[str]:
        ids = chance.integers(_LINES, recordings * _LINES, _QUERIES).tolist()
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
    """Words that were not asked for before, on a thread that has searched."""
    counts: list[int] = []
    for query in queries[:3]:
        search(library, query)
    times = [timed(lambda q=q: counts.append(search(library, q).count)) for q in queries]
    wall, cpu = [t.wall for t in times], [t.cpu for t in times]
    show(f"{label}, p99", 1000 * percentile(wall, 0.99), "ms", most=most,
         more=f"p50 {1000 * percentile(wall, 0.5):.2f} ms, cpu {1000 * percentile(cpu, 0.5):.2f} / "
              f"{1000 * percentile(cpu, 0.99):.2f} ms, {sum(counts) / len(counts):.0f} hits")


def _ask_anew(library: Library, queries: Sequence[str]) -> None:
    """Each on a thread and a connection of its own, as in the window."""
    def ask(query: str) -> None:
        thread = threading.Thread(target=search, args=(library, query))
        thread.start()
        thread.join()

    times = [timed(lambda q=q: ask(q)).wall for q in queries]
    show("middling word on a new connection, p99", 1000 * percentile(times, 0.99), "ms",
         more=f"p50 {1000 * percentile(times, 0.5):.2f} ms")


def _compare(library: Library, folder: Path, rare: Sequence[str], texts: Sequence[str]) -> None:
    (folder / "texts").mkdir()
    for number, text in enumerate(texts):
        (folder / "texts" / f"{number}.txt").write_text(text, "utf-8")
    words = iter(rare)

    def like() -> None:
        library._rows("SELECT id, text FROM segment WHERE text LIKE ? ORDER BY id DESC LIMIT 50", f"%{next(words)}%")

    def ours() -> None:
        search(library, next(words))

    pairs = alternate(lambda: timed(like), lambda: timed(ours))
    show("rare word / LIKE scan", wall_ratio(pairs), "x", most=0.01 if is_long() else 0.1,
         more=f"LIKE {1000 * pairs[0][0].wall:.0f} ms")
    tool = "rg" if shutil.which("rg") else "grep" if shutil.which("grep") else ""
    if not tool:
        skipped("rare word / ripgrep", "neither rg nor grep is installed")
        return
    command = [tool, "-w"] if tool == "rg" else [tool, "-r", "-w", "-i"]
    pairs = alternate(lambda: timed(lambda: subprocess.run([*command, next(words), str(folder / "texts")], check=False,
                                                           stdout=subprocess.DEVNULL)), lambda: timed(ours))
    show(f"rare word / {tool} over text files", wall_ratio(pairs), "x", most=0.02 if is_long() else 0.2,
         more=f"{tool} {1000 * pairs[0][0].wall:.0f} ms")


def _stop(library: Library, asked: dict[str, tuple[list[str], float]]) -> None:
    """Ask for what takes long, and for something else 20 ms later."""
    queries = [f"{word} lang:xx" for word in asked["common word"][0][:10]] + asked["phrase of three words"][0][:10] + [
        query[:3] + "*" for query in asked["common word"][0][:5]]
    late = [took for query in queries if (took := _stopped_after(library, query)) is not None]
    if late:
        show("a query that is given up ends after", 1000 * max(late), "ms", most=50,
             more=f"{len(late)} of {len(queries)} took longer than 20 ms")


def _stopped_after(library: Library, query: str) -> float | None:
    flag, ended = threading.Event(), threading.Event()

    def work() -> None:
        try:
            search(library, query, flag.is_set)
        except Cancelled:
            pass
        finally:
            ended.set()

    threading.Thread(target=work, daemon=True).start()
    if ended.wait(0.02):
        return None
    flag.set()
    began = time.perf_counter()
    ended.wait()
    return time.perf_counter() - began


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
