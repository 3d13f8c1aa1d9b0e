"""A dead controller's connections to RabbitMQ are closed, so that its consumer takes no more requests."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest

from failover.conftest import wait_until_all_served
from failover.scene import Scene
from failover.traffic import Traffic
from figures import Report
from lab.api.http import HttpError

pytestmark = [pytest.mark.lab, pytest.mark.failover]

_POLL_S = 0.3
_SERVERS = 4


class Consumers:
    """Who takes requests from the pairing's queue, by the broker's own word."""

    def __init__(self, scene: Scene) -> None:
        self._lab = scene.lab
        self._queue = f"compute.{scene.pairing.host}"
        self._ask = scene.broker
        self._stop = threading.Event()
        self.seen_s: dict[str, float] = {}
        """When each address was seen last, by `watch`."""

    def addresses(self) -> set[str]:
        """The addresses of their connections."""
        found = self._ask("/api/consumers/%2F")
        ours = [one["channel_details"] for one in found if one["queue"]["name"] == self._queue]
        return {channel["peer_host"] for channel in ours if channel}

    def watch(self) -> None:
        """Look again and again, until `stop`."""
        while not self._stop.wait(_POLL_S):
            asked_s = self._lab.now()
            with contextlib.suppress(HttpError):  # asked again
                self.seen_s |= dict.fromkeys(self.addresses(), asked_s)

    def stop(self) -> None:
        """End `watch`."""
        self._stop.set()


def test_a_dead_controller_s_consumer_is_gone_before_requests_come(scenes: list[Scene], report: Report):
    """The broker would send it every second request for minutes: it cannot know that nobody is there."""
    scene, lab = scenes[0], scenes[0].lab
    (old,) = scene.running()
    dead = lab.topology.controller(old).address
    consumers = Consumers(scene)
    assert consumers.addresses() == {dead}
    watcher = threading.Thread(target=consumers.watch)
    with Traffic(lab, scene.pairing.host) as traffic, lab.fault("controller-killed", controller=old) as fault:
        watcher.start()
        try:
            takeover = scene.wait_for_takeover(old, fault["before"])
        finally:
            consumers.stop()
            watcher.join()
        now = consumers.addresses()
        asked_s = time.monotonic()
        for _ in range(_SERVERS):
            traffic.ask()
        forgotten = traffic.not_served(traffic.servers)
        active = list(traffic.built().values()).count("ACTIVE")
        built_s = time.monotonic() - asked_s
        last_s = consumers.seen_s.get(dead, fault["before"])
        report(
            f"controller killed: RabbitMQ had its consumer until {last_s - fault['before']:.1f} s "
            f"after that, {takeover.start_s - last_s:.1f} s before the start elsewhere; "
            f"{active} of {_SERVERS} servers asked for after the heartbeat were ACTIVE after {built_s:.1f} s"
        )
        assert last_s > fault["before"], "the broker had not noticed by itself"
        assert now == {lab.topology.controller(takeover.new).address}
        assert not forgotten, "none was sent to the dead one"
        assert active > 0
    wait_until_all_served(scenes)
    assert not scene.overlaps(fault["before"])
