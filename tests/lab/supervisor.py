"""The lab's manager: starts everything, serves the socket, injects faults; when it ends, the lab ends."""

from __future__ import annotations

import json
import os
import socketserver
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from lab import cgroups
from lab.cloud import Cloud
from lab.controllers import daemon
from lab.errors import LabError
from lab.faults import FaultBoard
from lab.parts import etcd
from lab.plan import Plan, StepFailedError
from lab.records import Recorder
from lab.site import Site
from lab.world import read_world

if TYPE_CHECKING:
    from collections.abc import Callable

_WATCH_INTERVAL_S = 0.5
_ANSWER_TIME_S = 0.05
_ALWAYS = ("status", "down", "faults")


class Supervisor:
    """One lab from start to end."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.recorder = Recorder(site.paths.events)
        self.cloud = Cloud(site)
        self.faults = FaultBoard(self.cloud, self.recorder)
        self.ready = threading.Event()
        self._ending = threading.Event()
        self._progress = Recorder(site.paths.progress)
        self._operations: dict[str, Callable[..., Any]] = {
            "status": self.status,
            "down": self.end,
            "fault": self.faults.inject,
            "clear": self.faults.clear,
            "clear-all": self.faults.clear_all,
            "faults": self.faults.describe_all,
            "start-part": self.start_part,
            "boot": self.boot,
            "etcd-leader": self.etcd_leader,
            "world": lambda: read_world(site),
        }

    def start(self) -> None:
        """Bring everything up, step by step."""
        plan = Plan(lambda step, took_s: self._progress.write("step", name=step, took_s=round(took_s, 3)))
        self.cloud.plan(plan, lambda text: self._progress.write("note", text=text))
        plan.run()
        self.ready.set()
        self._progress.write("ready")

    def fail(self, step: str, reason: str) -> None:
        """Say why the start failed."""
        self._progress.write("failed", step=step, reason=reason)

    def end(self) -> None:
        """End the lab soon, also while it starts: nothing in it is worth an orderly stop."""
        self._ending.set()
        threading.Timer(_ANSWER_TIME_S, os._exit, (0,)).start()

    def watch(self) -> None:
        """Record parts that end or are started, until the lab is to end."""
        known = {name: service.pid for name, service in self.cloud.services.items()}
        while not self._ending.wait(_WATCH_INTERVAL_S):
            for name, service in self.cloud.services.items():
                pid = service.pid
                if pid != known[name]:
                    self.recorder.write("part", name=name, pid=pid, before=known[name])
                    known[name] = pid

    def status(self) -> dict[str, Any]:
        """What runs, for people and programs."""
        return {
            "ready": self.ready.is_set(),
            "topology": self.site.topology.to_json(),
            "parts": {name: service.pid for name, service in self.cloud.services.items()},
            "controllers": {name: self._controller(name) for name in self.cloud.machines},
            "pairings": {
                p.name: {"host": p.host, "unit": p.unit, "vcenter": p.vcenter.name, "cluster": p.cluster}
                for p in self.site.topology.pairings
            },
            "faults": self.faults.active(),
        }

    def start_part(self, name: str) -> None:
        """Start a server again that is not running."""
        if name not in self.cloud.services:
            raise LabError(f"part = {name!r}: allowed is {', '.join(self.cloud.services)}")
        self.cloud.services[name].run()

    def boot(self, name: str) -> None:
        """Boot a controller that shut down or was killed; its file system is as it left it."""
        if name not in self.cloud.machines:
            raise LabError(f"controller = {name!r}: allowed is {', '.join(self.cloud.machines)}")
        self.cloud.machines[name].boot()

    def etcd_leader(self) -> str | None:
        """The name of the member that leads the store; null while none does."""
        found = etcd.leader(self.site)
        return found.name if found else None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out one request of the socket."""
        operation = request.pop("operation", None)
        if operation not in self._operations:
            return {"error": f"unknown operation {operation!r}: allowed is {', '.join(self._operations)}"}
        if operation not in _ALWAYS and not self.ready.is_set():
            return {"error": "the lab is being started right now"}
        try:
            return {"result": self._operations[operation](**request)}
        except (LabError, TypeError) as error:
            return {"error": str(error)}
        except OSError as error:
            traceback.print_exc()
            return {"error": f"{operation}: {type(error).__name__}: {error}"}

    def _controller(self, name: str) -> dict[str, Any]:
        machine, topology = self.cloud.machines[name], self.site.topology
        units = [p.unit for p in topology.pairings] + ([daemon.UNIT] if topology.daemon else [])
        return {
            "address": machine.controller.address,
            "leader": cgroups.leader(self.site.paths.state.name, name),
            "running": [unit for unit in units if machine.processes(unit)],
            "frozen": machine.is_frozen,
        }


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        super().__init__(str(supervisor.site.paths.socket), _Handler)


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        line = self.rfile.readline()
        if line:
            answer = self.server.supervisor.answer(json.loads(line))
            self.wfile.write((json.dumps(answer) + "\n").encode())


def main() -> int:
    """Run until `down`; the exit status is 0 only after an orderly end."""
    supervisor = Supervisor(Site.load())
    server = _Server(supervisor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        supervisor.start()
    except StepFailedError as error:
        traceback.print_exc()
        supervisor.fail(str(error), str(error.__cause__))
        return 1
    except Exception as error:  # noqa: BLE001  the start is reported to another process: whatever it was must get there
        traceback.print_exc()
        supervisor.fail("supervisor", f"{type(error).__name__}: {error}")
        return 1
    supervisor.watch()
    time.sleep(2 * _ANSWER_TIME_S)  # `end` ends the process when its answer is out
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # threads that wait for a frozen part must not keep the lab alive
