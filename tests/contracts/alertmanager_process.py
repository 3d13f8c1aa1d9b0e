"""A real Alertmanager (Debian's package) on loopback, which tells a recording webhook."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import yaml  # type: ignore[import-untyped, unused-ignore]

from contracts.waiting import until

PROGRAM = "/usr/bin/prometheus-alertmanager"
GROUP_WAIT_S = 2


def free_address() -> str:
    """An address on loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


class AlertmanagerProcess:
    """One Alertmanager. `start` after `stop` is a restart with what it remembers.

    cluster: the gossip addresses of a cluster, its own first; without them it has no peers.
    """

    def __init__(self, folder: Path, webhook_url: str, cluster: Sequence[str] = ()) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._cluster = [f"--cluster.listen-address={next(iter(cluster), '')}"]
        if cluster:
            # How long the second one waits for the first one's word, before it tells people itself.
            self._cluster += ["--cluster.peer-timeout=5s", "--cluster.settle-timeout=5s"]
            self._cluster += [f"--cluster.peer={address}" for address in cluster]
        self._process: asyncio.subprocess.Process | None = None
        self.url = f"http://{free_address()}"
        route = {
            "receiver": "webhook",
            "group_by": ["alertname", "pairing"],
            "group_wait": f"{GROUP_WAIT_S}s",
            "group_interval": "1s",
            "repeat_interval": "1h",
        }
        webhook = {
            "name": "webhook",
            "webhook_configs": [{"url": f"{webhook_url}/hook", "send_resolved": True}],
        }
        (folder / "alertmanager.yml").write_text(yaml.safe_dump({"route": route, "receivers": [webhook]}))

    async def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                PROGRAM,
                f"--config.file={self._folder}/alertmanager.yml",
                f"--storage.path={self._folder}/data",
                f"--web.listen-address={self.url.removeprefix('http://')}",
                *self._cluster,
                stdout=log,
                stderr=log,
            )
        try:
            await until(self._answers_port)
        except AssertionError:
            await self.stop()
            raise

    async def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            await self._process.wait()
            self._process = None

    async def alerts(self) -> list[dict[str, Any]]:
        """What it holds as firing."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/api/v2/alerts") as answer:
            found: list[dict[str, Any]] = await answer.json()
            return found

    def _answers_port(self) -> bool:
        host, _, port = self.url.removeprefix("http://").partition(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0
