"""The key goes into the system's key store or into memory, and each of its nine situations has its own words."""

from __future__ import annotations

import builtins
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keyring import errors as keyring_errors

from desktop import api_key
from desktop.api_key import ApiKey, KeyState, check_form
from desktop.errors import KeyStoreError
from tests.program import COMMAND, environment

KEY = "AIzaCanary-0123456789_0123456789-abcdef"


class Store:
    """A key store that works."""

    __module__ = "keyring.backends.SecretService"

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, user: str) -> str | None:
        return self.held.get((service, user))

    def set_password(self, service: str, user: str, key: str) -> None:
        self.held[service, user] = key

    def delete_password(self, service: str, user: str) -> None:
        del self.held[service, user]


class Failing(Store):
    """A key store whose every call ends in this error."""

    def __init__(self, error: Callable[[], BaseException]) -> None:
        super().__init__()
        self._error = error

    def get_password(self, service: str, user: str) -> str | None:
        raise self._error()

    def set_password(self, service: str, user: str, key: str) -> None:
        raise self._error()


class Forgetful(Store):
    """Like the null backend: takes everything, keeps nothing."""

    def set_password(self, service: str, user: str, key: str) -> None:
        pass


class Changing(Store):
    """Gives back something else than it was given."""

    def set_password(self, service: str, user: str, key: str) -> None:
        super().set_password(service, user, key[:-1])


class WinError(Exception):
    """pywintypes.error, which is no KeyringError."""


# situation -> (what the store is, state after storing, state when reading)
SITUATIONS: dict[str, tuple[Callable[[], Any], KeyState, KeyState]] = {
    "no store": (lambda: None, KeyState.SESSION, KeyState.SESSION),
    "works": (Store, KeyState.STORED, KeyState.STORED),
    "not unlocked": (lambda: Failing(lambda: keyring_errors.InitError("Prompt dismissed..")), KeyState.LOCKED,
                     KeyState.LOCKED),
    "wrong password": (lambda: Failing(lambda: keyring_errors.KeyringLocked("locked")), KeyState.LOCKED,
                       KeyState.LOCKED),
    "refused": (lambda: Failing(lambda: keyring_errors.PasswordSetError("-25293")), KeyState.REFUSED, KeyState.REFUSED),
    "gone": (lambda: Failing(lambda: keyring_errors.NoKeyringError("none")), KeyState.MISSING, KeyState.MISSING),
    "not a keyring error": (lambda: Failing(lambda: WinError(1783, "CredWrite")), KeyState.REFUSED, KeyState.REFUSED),
    "keeps nothing": (Forgetful, KeyState.REFUSED, KeyState.MISSING),
    "keeps another": (Changing, KeyState.REFUSED, KeyState.STORED),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_each_situation_has_its_state_and_its_words(name: str) -> None:
    make, stored, read = SITUATIONS[name]
    backend = make()
    keys = ApiKey(lambda: backend)
    after = keys.store(KEY)
    assert after.state is stored and after.sentence and KEY not in after.sentence + repr(after)
    again = keys.read()
    assert again.state is read and KEY not in again.sentence + repr(again)
    assert (again.key == KEY) is (read in (KeyState.STORED, KeyState.SESSION) and name != "keeps another")
    assert (after.key == KEY) is (stored in (KeyState.STORED, KeyState.SESSION))


def test_the_states_are_told_apart_in_words() -> None:
    sentences = set()
    for make, _, _ in SITUATIONS.values():
        backend = make()
        sentences.add(ApiKey(lambda backend=backend: backend).store(KEY).sentence)
    assert len(sentences) == 5
    assert len(api_key.STATE_SENTENCES) == len(KeyState) == 5


def test_a_store_that_cannot_even_be_made_is_no_store() -> None:
    def broken() -> Any:
        raise RuntimeError("D-Bus fell over")

    keys = ApiKey(broken)
    assert keys.read().state is KeyState.MISSING and keys.store(KEY).state is KeyState.SESSION
    assert "No key store" in keys.where() and keys.forget().state is not KeyState.STORED


def test_a_key_without_a_store_is_kept_for_the_session_and_forgotten_on_request() -> None:
    keys = ApiKey(lambda: None)
    assert "forgotten when the program closes" in keys.store(KEY).sentence
    assert keys.read().key == KEY
    assert keys.forget().state is KeyState.MISSING and keys.read().key == ""


def test_a_key_for_the_session_touches_no_store() -> None:
    store = Store()
    keys = ApiKey(lambda: store)
    assert keys.keep_for_session(KEY).state is KeyState.SESSION and store.held == {}
    assert keys.forget().state is KeyState.MISSING


def test_forgetting_removes_it_from_the_store() -> None:
    store = Store()
    keys = ApiKey(lambda: store)
    keys.store(KEY)
    assert keys.forget().state is KeyState.MISSING and store.held == {}
    assert keys.forget().state is KeyState.MISSING


def test_a_store_that_does_not_let_go_says_so() -> None:
    class Holding(Store):
        def delete_password(self, service: str, user: str) -> None:
            raise keyring_errors.PasswordDeleteError("no")

    store = Holding()
    keys = ApiKey(lambda: store)
    keys.store(KEY)
    assert keys.forget().state is KeyState.REFUSED and keys.read().key == KEY


@pytest.mark.parametrize("text", ["", "  ", "two words", "line\nbreak", "ключ", "a\tb", "x" * 1001, "a\x00b", "ﬁ"])
def test_what_cannot_be_a_key_is_refused(text: str) -> None:
    store = Store()
    with pytest.raises(KeyStoreError, match="not a key"):
        ApiKey(lambda: store).store(text)
    assert store.held == {}


@pytest.mark.parametrize("text", [KEY, f"  {KEY}\n", "AQ.Ab8RN6-new-form_of.key", "x"])
def test_any_form_of_key_is_taken(text: str) -> None:
    assert check_form(text) == text.strip()


def test_only_listed_stores_are_used_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch,
                                                                   tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "python_keyring").mkdir()
    (tmp_path / "python_keyring" / "keyringrc.cfg").write_text(
        f"[backend]\ndefault-keyring=evil.Keyring\nkeyring-path={tmp_path}\n")
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    asked: list[str] = []
    real = builtins.__import__

    def watch(name: str, *rest: Any, **more: Any) -> Any:
        asked.append(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", watch)
    backend = api_key.allowed_backend()
    assert backend is None or type(backend).__module__ in ("keyring.backends.SecretService", "keyring.backends.kwallet")
    assert "keyring.backends" in asked and "evil" not in asked and not (tmp_path / "ran").exists()


SCRIPT = r"""
printf '\n' | gnome-keyring-daemon --unlock --components=secrets > /dev/null 2>&1
set -e
"$@" key where
printf '%s\n' "$CANARY" | "$@" key set
"$@" key test
"$@" key set < /dev/null && exit 9
"$@" key forget
"$@" key test && exit 9
exit 0
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Secret Service is Linux")
def test_the_real_secret_service_keeps_the_key_between_processes(tmp_path: Path, service: Any) -> None:
    for program in ("dbus-run-session", "gnome-keyring-daemon"):
        assert shutil.which(program), f"{program} is missing: python3 packaging/dev.py test installs it"
    service.key = KEY
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", SCRIPT, "sh", *COMMAND], capture_output=True, text=True, timeout=100,
        env=environment(home, XDG_RUNTIME_DIR=str(runtime), CANARY=KEY, PULLQUOTE_GEMINI_URL=service.url,
                        PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring"))
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "the desktop's key store (Secret Service)"
    assert said[1] == "A Gemini key is stored in the desktop's key store (Secret Service)."
    assert said[2].startswith("The key works") and said[-1] == "No Gemini key is set."
    assert KEY not in done.stdout + done.stderr
    assert [r.headers["x-goog-api-key"] for r in service.requests] == [KEY] * len(service.requests) != []
    holding = [path for path in home.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert holding == [] and list((home / ".local" / "share" / "keyrings").iterdir())
