"""No key: an interview is heard on the device, kept, and is all there after a restart."""

from __future__ import annotations

import json
from pathlib import Path

from tests.journeys.story import kept
from tests.program import run
from tests.sounds import AUDIO


def test_an_interview_heard_on_the_device_is_there_tomorrow(home: Path) -> None:
    first = run(home, "transcribe", AUDIO / "jfk-24k.opus", "--engine", "device", "--keep", "--format", "json")
    assert first.returncode == 0, first.stderr
    said = json.loads(first.stdout)
    (document,) = kept(home)
    assert [segment.text for segment in document.segments] == [segment["text"] for segment in said["segments"]]
    assert "ask not what your country" in " ".join(segment.text for segment in document.segments)
    assert document.transcript.engine == "device" and document.recording.title == "jfk-24k"
    assert [len(segment.words) for segment in document.segments] == [len(item["words"]) for item in said["segments"]]

    again = run(home, "transcribe", AUDIO / "jfk-24k.opus", "--engine", "device", "--keep")
    assert again.returncode == 0
    assert len(kept(home)) == 2 and len(list((home / "data" / "recordings").iterdir())) == 1
