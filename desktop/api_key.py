"""The Gemini key: in the operating system's key store, or in memory for this session, and nowhere else.

Every call may block on a prompt of the key store: never call from the thread that paints.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from desktop.errors import KeyStoreError
from desktop.sentences import QT_TRANSLATE_NOOP, Sentence, say

_SERVICE, _USER = "Pullquote", "gemini"  # one name for ever: the stores tie their permission to it


class KeyState(StrEnum):
    """The five states that the user sees."""

    STORED = "stored"
    SESSION = "session"
    LOCKED = "locked"
    REFUSED = "refused"
    MISSING = "missing"


STATE_SENTENCES = {
    KeyState.STORED: QT_TRANSLATE_NOOP("core", "A Gemini key is stored in {where}."),
    KeyState.SESSION: QT_TRANSLATE_NOOP(
        "core", "A Gemini key is in memory for this session; it is forgotten when the program closes."),
    KeyState.LOCKED: QT_TRANSLATE_NOOP(
        "core", "{where} is locked. Unlock it and try again, or use a key for this session only."),
    KeyState.REFUSED: QT_TRANSLATE_NOOP(
        "core", "{where} refused. Allow Pullquote to use it, or use a key for this session only."),
    KeyState.MISSING: QT_TRANSLATE_NOOP("core", "No Gemini key is set."),
}
NO_STORE = QT_TRANSLATE_NOOP(
    "core", "No key store is available on this computer; the key will be forgotten when the program closes.")


@dataclass(frozen=True)
class KeyReading:
    """What was found; the key never shows in a repr."""

    state: KeyState
    sentence: Sentence
    key: str = field(default="", repr=False)


def check_form(key: str) -> str:
    """The key without surrounding blanks. KeyStoreError when it cannot be a key at all (no prefix check)."""
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or any(c.isspace() for c in key) or len(key) > 1000:
        raise KeyStoreError("missing", "This is not a key: a key is one line of plain letters, digits and signs. "
                                       "Copy it again from the page where you made it.")
    return key


class ApiKey:
    """Reads, stores and forgets the key. `make_backend` is replaced in tests only."""

    def __init__(self, make_backend: Callable[[], Any] | None = None) -> None:
        self._make_backend = make_backend or allowed_backend
        self._session = ""

    def read(self) -> KeyReading:
        """The key and its state; raises nothing."""
        if self._session:
            return _reading(KeyState.SESSION, key=self._session)
        try:
            backend = self._make_backend()
        except Exception:  # a broken store must not break the program
            backend = None
        if backend is None:
            return KeyReading(KeyState.MISSING, say(STATE_SENTENCES[KeyState.MISSING]))
        try:
            key = backend.get_password(_SERVICE, _USER)
        except Exception as error:
            return _reading(_state_of(error), _name(backend))
        if not key:
            return _reading(KeyState.MISSING)
        return _reading(KeyState.STORED, _name(backend), key)

    def store(self, key: str) -> KeyReading:
        """Put the key into the store and prove it by reading it back; without a store keep it for the session.

        Raises KeyStoreError when the text cannot be a key.
        """
        key = check_form(key)
        self._session = ""
        try:
            backend = self._make_backend()
        except Exception:
            backend = None
        if backend is None:
            self._session = key
            return KeyReading(KeyState.SESSION, say(NO_STORE), key)
        try:
            backend.set_password(_SERVICE, _USER, key)
            proven = backend.get_password(_SERVICE, _USER) == key
        except Exception as error:
            return _reading(_state_of(error), _name(backend))
        return _reading(KeyState.STORED, _name(backend), key) if proven else _reading(KeyState.REFUSED, _name(backend))

    def keep_for_session(self, key: str) -> KeyReading:
        """Hold the key in memory only."""
        self._session = check_form(key)
        return self.read()

    def forget(self) -> KeyReading:
        """Remove the key everywhere; says so when the store did not let go of it."""
        self._session = ""
        try:
            backend = self._make_backend()
            if backend is not None and backend.get_password(_SERVICE, _USER):
                backend.delete_password(_SERVICE, _USER)
        except Exception as error:
            return _reading(_state_of(error), "")
        return self.read()

    def where(self) -> Sentence:
        """Where a key would be stored on this computer."""
        try:
            backend = self._make_backend()
        except Exception:
            backend = None
        return say("{where}", where=_name(backend)) if backend is not None else say(NO_STORE)


def _reading(state: KeyState, where: str = "", key: str = "") -> KeyReading:
    return KeyReading(state, say(STATE_SENTENCES[state], where=where or "The key store"), key)


def _state_of(error: Exception) -> KeyState:
    name = type(error).__name__
    if name in ("KeyringLocked", "InitError", "LockedException", "ItemNotFoundException"):
        return KeyState.LOCKED
    return KeyState.MISSING if name == "NoKeyringError" else KeyState.REFUSED


def _name(backend: Any) -> str:
    return {"SecretService": "the desktop's key store (Secret Service)", "kwallet": "KWallet",
            "macOS": "the macOS keychain", "Windows": "the Windows credential store"}.get(
        type(backend).__module__.rsplit(".", 1)[-1], "the key store")


def allowed_backend() -> Any:
    """The first usable backend of our list, made directly: configuration and plug-ins have no say.

    ImportError when the backends themselves are missing, which a frozen program could be.
    """
    if sys.platform == "win32":
        from keyring.backends.Windows import WinVaultKeyring

        vault = WinVaultKeyring()
        vault.persist = "local machine"  # type: ignore[assignment] # its default roams with the domain profile
        return vault
    if sys.platform == "darwin":
        from keyring.backends.macOS import Keyring

        return Keyring()
    from keyring.backends import SecretService, kwallet

    for backend in (SecretService.Keyring, kwallet.DBusKeyring):
        try:
            if backend.priority > 0:
                return backend()
        except Exception:
            continue  # not on this desktop
    return None
