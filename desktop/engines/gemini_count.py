"""How many tokens some sound is, as the service counts them (gemini.md section 6: it needs the file uploaded)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, BinaryIO

from desktop.engines import Gate
from desktop.engines.gemini_files import Remote
from desktop.engines.gemini_service import Reply, Service
from desktop.environment import SERVICE_URL
from desktop.model import Cargo, Report, TimeRange, Usage
from desktop.sentences import say


def count(model: str, sound: BinaryIO, time_range: TimeRange, *, key: str, url: str, gate: Gate,
          report: Report) -> int:
    """Tokens of FLAC sound for a model. Uploads it, asks, and removes it. Raises EngineError or Cancelled."""
    service = Service(key, url or SERVICE_URL, gate)
    cargo = Cargo("upload", "", service.host, time_range, sound.seek(0, 2))
    try:
        remote = service.upload(cargo, sound, "audio/flac", report)
        try:
            cargo = replace(cargo, purpose="count", model=model, byte_count=0)
            return int(service.send(cargo, lambda client: _count(client, model, remote), report,
                                    say("Gemini is counting")).text)
        finally:
            service.remove(remote)
    finally:
        service.close()


async def _count(client: Any, model: str, remote: Remote) -> Reply:
    answer = await client.aio.models.count_tokens(model=model, contents=[
        {"role": "user", "parts": [{"file_data": {"file_uri": remote.uri, "mime_type": remote.mime_type}}]}])
    return Reply(str(answer.total_tokens or 0), Usage())
