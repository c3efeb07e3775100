"""Holding a library still while all of it is copied: nobody writes, and the database comes as one sound piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from desktop.library import upkeep
from desktop.library.store import Store
from desktop.paths import DATABASE


@contextmanager
def held_still(library: Store) -> Iterator[Callable[[Path], object]]:
    """While this lasts no program can write to the library. Gives what copies its database to a path, checked.

    LibraryError when the library may not be written, or when the copy is not sound.
    """
    with library._write():
        yield lambda target: upkeep.copy(library.folder / DATABASE, target)
