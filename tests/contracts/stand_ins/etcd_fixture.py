"""The fixtures `etcd`, one member for all tests of a run, and `cluster`, three that a test may break."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contracts.stand_ins.etcd import Etcd


@pytest.fixture(scope="session")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """A real etcd of this run's own. Each test takes a prefix of its own."""
    made = Etcd(tmp_path_factory.mktemp("etcd"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def running_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """Three members for all tests of a module."""
    made = Etcd(tmp_path_factory.mktemp("cluster"), size=3)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def cluster(running_cluster: Etcd) -> Iterator[Etcd]:
    """Three members; whatever a test leaves broken is repaired after it."""
    yield running_cluster
    for member in running_cluster.members:
        member.thaw()
        member.start()
    running_cluster.wait(running_cluster.urls)
