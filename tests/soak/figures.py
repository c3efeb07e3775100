"""What a long run found: figures with their limits, and remarks that explain them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One measured value beside what it should be."""

    row: str  # of reliability.md: "N2"
    name: str
    value: str
    limit: str
    is_met: bool

    def __str__(self) -> str:
        return f"{'ok    ' if self.is_met else 'MISSED'} {self.row}  {self.name}: {self.value} (wanted: {self.limit})"


@dataclass
class Figures:
    """All that one run found; every line is shown when it is known."""

    found: list[Figure] = field(default_factory=list)

    def add(self, row: str, name: str, value: object, limit: str, is_met: bool) -> None:
        self.found.append(Figure(row, name, str(value), limit, is_met))
        print(self.found[-1], flush=True)

    def none(self, row: str, name: str, count: int) -> None:
        """A figure that must be zero."""
        self.add(row, name, count, "0", count == 0)

    @staticmethod
    def remark(text: str) -> None:
        """An explanation, or something that has no limit."""
        print(f"       {text}", flush=True)

    @property
    def missed(self) -> list[Figure]:
        return [figure for figure in self.found if not figure.is_met]
