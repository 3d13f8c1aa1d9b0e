"""Writes the table of the mutations into docs/safety.md: `python -m simulation.write_mutations`."""

from __future__ import annotations

from pathlib import Path

from simulation.mutation import Mutation
from simulation.mutations import CAUGHT, COVERED

PAGE = Path(__file__).parents[2] / "docs" / "safety.md"
_BEGIN, _END = "<!-- mutations: begin -->", "<!-- mutations: end -->"


def table() -> str:
    """Both tables, as Markdown."""
    lines = ["| taken out | what then goes wrong | caught by | within |", "|---|---|---|---|"]
    lines += [f"| {one.name} | {one.breaks} | `{one.invariant}` | {_within(one)} |" for one in CAUGHT]
    lines += [
        "",
        "No schedule that was tried shows that one of these is missing: another rule stands behind it.",
        "With both taken out:",
        "",
        "| taken out | what stands behind it | what then goes wrong | caught by | within |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.both.name} | {one.by} | {one.both.breaks} | `{one.both.invariant}` | {_within(one.both)} |"
        for one in COVERED
    ]
    return "\n".join(lines)


def _within(mutation: Mutation) -> str:
    if not mutation.words:
        return f"{mutation.within}, at random"
    return "1" if mutation.within == 1 else f"{mutation.within}, the directed one first"


def written(page: str) -> str:
    """The page with the tables in their place."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{table()}\n{_END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
