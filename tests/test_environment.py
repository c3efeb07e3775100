"""What the surroundings may do to the program: nothing that was not asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop import environment, settings
from desktop.errors import UserError
from desktop.paths import cache_folder, data_folder, log_file, settings_file
from tests.program import ROOT, run
from tests.program import environment as plain


def test_the_list_is_removed_and_the_key_is_given_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment.REMOVED:
        monkeypatch.setenv(name, f"value of {name}")
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/company.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    assert environment.scrub() == "value of GEMINI_API_KEY"
    assert not set(environment.REMOVED) & set(os.environ)
    assert os.environ["SSL_CERT_FILE"] == "/etc/company.pem" and os.environ["HTTPS_PROXY"] == "http://proxy"
    assert environment.scrub() == ""


def test_every_variable_of_the_design_is_on_the_list() -> None:
    designed = {
        "GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE",
        "GOOGLE_GENAI_DEBUG", "GOOGLE_GENAI_CLIENT_MODE", "GOOGLE_GENAI_HTTP_CLIENT", "GOOGLE_GENAI_API_VERSION",
        "GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION",
        "SSLKEYLOGFILE", "PYTHON_KEYRING_BACKEND", "KEYCHAIN_PATH"}
    assert designed <= set(environment.REMOVED)


def test_children_get_neither_secrets_nor_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "secret")
    monkeypatch.setenv("https_proxy", "http://proxy")
    alone, online = environment.for_children(), environment.for_children(with_network=True)
    assert "GEMINI_API_KEY" not in alone and "GEMINI_API_KEY" not in online
    assert "https_proxy" not in alone and alone["HF_HUB_OFFLINE"] == "1"
    assert online["https_proxy"] == "http://proxy" and "HF_HUB_OFFLINE" not in online


ALLOWED = ["http://127.0.0.1:8080/", "http://127.0.0.1:1", "https://127.0.0.1/", "http://[::1]:9/", "http://localhost:5000",
           "http://LOCALHOST/", "http://127.8.9.1:80"]
REFUSED = [
    "http://127.0.0.1.evil.com/", "http://evil.com/", "http://user@evil.com/", "http://127.0.0.1@evil.com/",
    "http://user@127.0.0.1/", "http://:pw@localhost/", "http://0.0.0.0:80/", "http://2130706433/", "http://0x7f.1/",
    "http://127.1/", "http://localhost.evil.com/", "http://evil.com/#127.0.0.1", "http://evil.com/?127.0.0.1",
    "http://127.0.0.1\\@evil.com/", "http://127.0.0.1\t.evil.com/", "http://[::ffff:8.8.8.8]/", "http://[::]/",
    "ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1:80", "//127.0.0.1/", "http://", "http:///", "http://[::1", "x",
    "http://127.0.0.1:99999/", "http://127.0.0.1:x/", "http://１２７.0.0.1/", "http://10.0.0.1/", "http://169.254.0.1/",
    "javascript:alert(1)", "http://localhost%2eevil.com/"]


@pytest.mark.parametrize("url", ALLOWED)
def test_this_computer_may_stand_in_for_the_service(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PULLQUOTE_GEMINI_URL", f" {url} ")
    assert environment.service_url() == url.rstrip("/") + "/"


@pytest.mark.parametrize("url", REFUSED)
def test_no_other_place_may(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PULLQUOTE_GEMINI_URL", url)
    with pytest.raises(UserError, match="only point to this computer"):
        environment.service_url()


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_text_is_refused_or_this_computer(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULLQUOTE_GEMINI_URL", "http://" + text)
        try:
            environment.service_url()
        except UserError:
            return
        host = text.split("/")[0].split("?")[0].split("#")[0].rsplit(":", 1)[0].strip().lower()
        assert host.strip("[]") in ("localhost", "::1") or host.startswith("127."), text


def test_without_the_variable_it_is_the_real_service(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, "", "  "):
        if value is None:
            monkeypatch.delenv("PULLQUOTE_GEMINI_URL", raising=False)
        else:
            monkeypatch.setenv("PULLQUOTE_GEMINI_URL", value)
        assert environment.service_url() == "https://generativelanguage.googleapis.com/"


@pytest.mark.parametrize("arguments", [[], ["transcribe", "a.wav", "--engine", "device"], ["key", "test"]])
def test_the_program_refuses_to_start_with_a_foreign_address(home: Path, arguments: list[str]) -> None:
    done = run(home, *arguments, PULLQUOTE_GEMINI_URL="http://127.0.0.1.evil.com/", QT_QPA_PLATFORM="offscreen")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("PULLQUOTE_GEMINI_URL may only point to this computer")
    assert len(done.stderr.splitlines()) == 1


HARDENED = """
import os, resource, sys
from desktop import environment
environment.harden()
print(oct(os.umask(0)), resource.getrlimit(resource.RLIMIT_CORE))
if sys.platform == "linux":
    import ctypes
    print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux")
def test_the_process_is_hardened(home: Path) -> None:
    done = subprocess.run([sys.executable, "-c", HARDENED], env=plain(home), cwd=ROOT, capture_output=True, text=True,
                          timeout=30)
    assert done.stdout.splitlines() == ["0o77 (0, 0)", "0"], done.stderr


def test_one_variable_moves_everything(home: Path) -> None:
    places = [data_folder(), cache_folder(), log_file(), settings_file()]
    assert all(place.is_relative_to(home) for place in places) and len(set(places)) == 4


def test_settings_are_kept_and_strange_ones_take_the_default(tmp_path: Path) -> None:
    file = tmp_path / "config" / "settings.toml"
    wanted = settings.Settings(gemini_model="gemini-x", known_models=("a", "b"), step_back=2.5, sample_offered=True)
    settings.save(file, wanted)
    assert settings.load(file) == wanted
    file.write_text('gemini_model = 5\nstep_back = "fast"\ntheme = "dark"\nunknown = 1\nknown_models = "x"\n'
                    'sample_offered = 1\ncache_gigabytes = 7\n')
    assert settings.load(file) == settings.Settings(theme="dark", cache_gigabytes=7.0)
    file.write_bytes(b"\xff\xfe not toml [[[")
    assert settings.load(file) == settings.load(tmp_path / "nowhere") == settings.Settings()


def test_settings_have_no_place_for_a_key() -> None:
    assert not any("key" in name for name in settings.Settings.__dataclass_fields__)
