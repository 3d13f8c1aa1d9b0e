"""One lab for all; each test begins with everything healthy, in the daemon's own eyes too."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from acceptance.judge import Judge
from lab.client import Lab

_HEALTHY_WITHIN_S = 120.0


@pytest.fixture
def judges(running_lab: Lab) -> Iterator[tuple[Judge, ...]]:
    """A judge for each pairing, all healthy. Afterwards every fault is taken back."""
    running_lab.heal()
    judges = tuple(Judge(running_lab, pairing) for pairing in running_lab.pairings)
    wait_until_healthy(judges)
    yield judges
    running_lab.clear_all()


def wait_until_healthy(judges: tuple[Judge, ...]) -> None:
    """The daemon says healthy of every pairing."""
    deadline = time.monotonic() + _HEALTHY_WITHIN_S
    while True:
        found = {judge.pairing.name: judge.word() for judge in judges}
        if set(found.values()) == {"healthy"}:
            return
        assert time.monotonic() < deadline, f"not healthy within {_HEALTHY_WITHIN_S:g} s: {found}"
        time.sleep(0.5)
