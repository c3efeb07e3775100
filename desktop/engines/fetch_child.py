"""Fetches one speech model from the model hub, in a process that can be stopped at once."""

from __future__ import annotations

import json
import sys

FILES = ["config.json", "model.bin", "tokenizer.json", "vocabulary.*", "preprocessor_config.json"]


def main() -> None:
    """Serve one request {"repository", "folder"} from standard input; exit 1 when it failed."""
    request = json.loads(sys.stdin.buffer.readline())
    try:
        from huggingface_hub import snapshot_download

        snapshot_download(request["repository"], local_dir=request["folder"], allow_patterns=FILES)
    except Exception:  # every reason means the same to the user: it could not be fetched
        sys.exit(1)
