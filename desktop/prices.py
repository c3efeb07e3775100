"""What a request costs, by a dated table that the user may replace: tokens in, tokens out, US dollars.

The table is resources/prices.toml; a prices.toml beside the settings file takes its place.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field

from desktop.model import Usage
from desktop.paths import RESOURCES, settings_file

TOKENS_PER_SECOND = 32  # of audio; an upper bound, see gemini.md section 6
_TALK = (3.0, 9.0)  # tokens out per second of audio, for a quiet and for a dense talk with translation


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens."""

    tokens_in: float
    tokens_out: float


@dataclass(frozen=True)
class PriceTable:
    """Prices by model name, and the day they were looked up."""

    date: str = ""
    models: dict[str, Price] = field(default_factory=dict)

    def cost(self, model: str, usage: Usage) -> float | None:
        """US dollars; None for a model that is not in the table."""
        price = self.models.get(model)
        if price is None:
            return None
        return (usage.input_tokens * price.tokens_in + usage.output_tokens * price.tokens_out) / 1e6

    def transcript_cost(self, model: str, seconds: float) -> tuple[float, float] | None:
        """The least and the most that hearing so much audio will probably cost."""
        costs = [self.cost(model, Usage(round(seconds * TOKENS_PER_SECOND), round(seconds * out))) for out in _TALK]
        return None if costs[0] is None or costs[1] is None else (costs[0], costs[1])


def load() -> PriceTable:
    """The user's table, else the one that came with the program; an unreadable one counts as none."""
    for path in (settings_file().with_name("prices.toml"), RESOURCES / "prices.toml"):
        try:
            data = tomllib.loads(path.read_text("utf-8"))
            return PriceTable(str(data["date"]), {
                str(name): Price(float(entry["in"]), float(entry["out"])) for name, entry in data["models"].items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return PriceTable()
