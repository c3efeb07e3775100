"""The error family. Each carries a sentence that a journalist can act on; everything else is a bug.

    PullquoteError
    ├── Cancelled            the user stopped it; never shown as an error
    ├── BadAudio             a file that cannot be imported, or only in part
    ├── LibraryError         the library cannot be opened, read or written
    ├── EngineError          an engine could not do its work; says whether a retry makes sense
    ├── KeyStoreError        the key store of the operating system said no
    └── UserError            a request that makes no sense: a range past the end, an unknown format
"""

from __future__ import annotations

from desktop.sentences import Sentence, say


class PullquoteError(Exception):
    """Carries `sentence`: what is wrong and what to do next, in plain words."""

    def __init__(self, template: str, **values: object) -> None:
        self.sentence: Sentence = say(template, **values)
        super().__init__(str(self.sentence))


class Cancelled(PullquoteError):
    """The user stopped the work."""

    def __init__(self) -> None:
        super().__init__("Stopped.")


class BadAudio(PullquoteError):
    """A file that is not usable audio; `kind` names one of the dozen causes."""

    def __init__(self, kind: str, template: str, **values: object) -> None:
        super().__init__(template, **values)
        self.kind = kind


class LibraryError(PullquoteError):
    """The library cannot be opened, read or written."""


class LibraryConflict(LibraryError):
    """What was wanted contradicts what is there, or is about something that is gone: trying again is no use."""


class UserError(PullquoteError):
    """A request that cannot be carried out as it was put."""


class KeyStoreError(PullquoteError):
    """The key store refused; `state` is one of locked, refused, missing."""

    def __init__(self, state: str, template: str, **values: object) -> None:
        super().__init__(template, **values)
        self.state = state


class EngineError(PullquoteError):
    """An engine failed. `kind` names the row of the table in gemini.md; `wait` is seconds until a retry."""

    def __init__(self, kind: str, template: str, *, wait: float | None = None, **values: object) -> None:
        super().__init__(template, **values)
        self.kind = kind
        self.wait = wait
