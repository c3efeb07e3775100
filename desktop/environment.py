"""The process's surroundings: what is taken from the environment, what is removed, how the process is hardened."""

from __future__ import annotations

import ctypes
import os
import sys
from ipaddress import ip_address
from urllib.parse import urlsplit

from desktop.errors import UserError

# reliability.md E5 and gemini.md section 1: each of these turns the SDK or the key store into something else.
REMOVED = (
    "GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE",
    "GOOGLE_GENAI_DEBUG", "GOOGLE_GENAI_CLIENT_MODE", "GOOGLE_GENAI_HTTP_CLIENT", "GOOGLE_GENAI_API_VERSION",
    "GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION",
    "GOOGLE_APPLICATION_CREDENTIALS", "SSLKEYLOGFILE", "PYTHON_KEYRING_BACKEND", "KEYCHAIN_PATH",
)
_NUMBER_THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "2"}
SERVICE_URL = "https://generativelanguage.googleapis.com/"


def scrub() -> str:
    """Remove what may not act on us; gives back GEMINI_API_KEY as it was (for the command line only)."""
    key = os.environ.get("GEMINI_API_KEY", "").strip()
    for name in REMOVED:
        os.environ.pop(name, None)
    # Qt's FFmpeg prints paths and tags of what it opens to stderr, past every message handler.
    os.environ["QT_LOGGING_RULES"] = "qt.multimedia.*=false"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    return key


def harden() -> None:
    """Files for this user only, no core dumps, no reading of our memory by other programs of this user."""
    os.umask(0o077)
    if os.name != "posix":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE


def for_children(with_network: bool = False) -> dict[str, str]:
    """The environment of our child processes: ours without secrets, and without any way out unless asked for."""
    dropped = set(REMOVED)
    added = dict(_NUMBER_THREADS)
    if not with_network:
        dropped |= {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"}
        added["HF_HUB_OFFLINE"] = "1"
    return {name: value for name, value in os.environ.items() if name not in dropped} | added


def for_system_programs() -> dict[str, str]:
    """The environment of this computer's own programs: the libraries that a frozen program brings are not for them."""
    found = dict(os.environ)
    before = found.pop("LD_LIBRARY_PATH_ORIG", "")
    if getattr(sys, "frozen", False):
        found.pop("LD_LIBRARY_PATH", None)
        found |= {"LD_LIBRARY_PATH": before} if before else {}
    return found


def service_url() -> str:
    """The service's address. PULLQUOTE_GEMINI_URL may replace it by a loopback address only.

    Raises UserError for any other address: the key and the audio go there.
    """
    url = os.environ.get("PULLQUOTE_GEMINI_URL", "").strip()
    if not url:
        return SERVICE_URL
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in ("http", "https") or parts.username or parts.password or not _is_loopback(host):
        raise UserError(
            "PULLQUOTE_GEMINI_URL may only point to this computer (127.0.0.1, ::1 or localhost). "
            "Pullquote did not start, so that no key and no audio go anywhere else. Remove the variable and start "
            "again.")
    return url if url.endswith("/") else url + "/"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
