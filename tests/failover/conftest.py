"""A lab of three controllers and an etcd of three members; each test begins with everything served."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from failover.scene import Scene
from lab.client import Lab


@pytest.fixture
def scenes(running_lab: Lab) -> Iterator[list[Scene]]:
    """A scene for each pairing, all served. Afterwards every fault is taken back, and nothing overlapped."""
    running_lab.heal()
    found = [Scene(running_lab, pairing) for pairing in running_lab.pairings]
    wait_until_all_served(found)
    yield found
    running_lab.clear_all()


def wait_until_all_served(scenes: list[Scene], timeout_s: float = 180.0) -> list[str]:
    """Each pairing has one holder that is healthy, and every other controller stands by. The holders."""
    names = [one.name for one in scenes[0].lab.topology.controller_list]
    return [scene.wait_until_served(names, timeout_s) for scene in scenes]


@pytest.fixture
def scene(scenes: list[Scene]) -> Scene:
    """The first pairing's."""
    return scenes[0]
