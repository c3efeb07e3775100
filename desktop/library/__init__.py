"""The library: everything the program keeps, in one SQLite file. All SQL of the program is in this package."""

from __future__ import annotations

from desktop.library.conversations import Conversations
from desktop.library.desk import Edits
from desktop.library.erasing import Erasing
from desktop.library.jobs import Jobs
from desktop.library.ledger import Ledger
from desktop.library.search import Searches


class Library(Edits, Jobs, Ledger, Searches, Conversations, Erasing):
    """Every noun of the library over one file; see Store for opening and closing."""
