"""A real RabbitMQ of a test's own, in a network of its own, which a test may freeze or end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import amqp

from contracts.waiting import PATIENCE_S
from lab import kernel
from lab.client.network import LabNetwork

USER, PASSWORD = "nova", "contract-secret-message-bus"
PORT, TLS_PORT = 5672, 5671
T = TypeVar("T")
_PROGRAMS = "/usr/lib/rabbitmq/bin"
_NODE = "rabbit@localhost"


class RabbitMq:
    """Ends with all its helpers when its process 1 ends. Needs root."""

    def __init__(self, directory: Path, certificate: Path, key: Path) -> None:
        self._directory = directory
        self.certificate = certificate
        (directory / "enabled_plugins").write_text("[].\n")
        (directory / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{PORT}\nlisteners.ssl.1 = 127.0.0.1:{TLS_PORT}\n"
            f"ssl_options.cacertfile = {certificate}\nssl_options.certfile = {certificate}\n"
            f"ssl_options.keyfile = {key}\nssl_options.verify = verify_none\n"
            f"default_user = {USER}\ndefault_pass = {PASSWORD}\nloopback_users = none\n"
            "default_permissions.configure = .*\ndefault_permissions.read = .*\n"
            "default_permissions.write = .*\nlog.console = true\n"
        )
        self._environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(directory),  # the Erlang cookie lies there
            "RABBITMQ_NODENAME": _NODE,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(directory / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What the broker wrote so far."""
        return (self._directory / "log").read_text()

    def start(self) -> None:
        """Return when it accepts connections."""
        inside = f"ip link set lo up && exec {_PROGRAMS}/rabbitmq-server"
        namespaces = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*namespaces, "sh", "-c", inside], env=self._environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 2 * PATIENCE_S
        while not self._accepts():
            assert time.monotonic() < deadline, f"RabbitMQ did not start: {self.log}"
            assert self._process.poll() is None, f"RabbitMQ ended: {self.log}"
            time.sleep(0.1)
        self._control("await_startup")

    def connect(self, port: int = PORT) -> socket.socket:
        """A connection from inside its network."""
        assert self._process is not None
        return LabNetwork(self._process.pid).connect("127.0.0.1", port, PATIENCE_S)

    def enter_network(self) -> None:
        """Move the calling thread into its network, for good."""
        assert self._process is not None
        descriptor = os.open(f"/proc/{self._process.pid}/ns/net", os.O_RDONLY)
        try:
            kernel.set_namespace(descriptor, kernel.NEW_NETWORK_NAMESPACE)
        finally:
            os.close(descriptor)

    def on_channel(self, call: Callable[[amqp.Channel], T]) -> T:
        """Run a call on a channel of its own connection."""

        def run() -> T:
            self.enter_network()
            with amqp.Connection(f"127.0.0.1:{PORT}", userid=USER, password=PASSWORD) as connection:
                return call(connection.channel())

        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(run).result()

    def raise_alarm(self) -> None:
        """The memory alarm: publishers are blocked."""
        self._control("set_vm_memory_high_watermark", "0")

    def clear_alarm(self) -> None:
        """Publishers may go on."""
        self._control("set_vm_memory_high_watermark", "0.9")

    def queues(self) -> set[str]:
        """The names of all queues."""
        return set(self._control("list_queues", "--silent", "name").split())

    def delete_queue(self, name: str) -> None:
        """As an operator does."""
        self._control("delete_queue", name)

    def take_rights(self) -> None:
        """The account may log in, and nothing else."""
        self._control("set_permissions", USER, "", "", "")

    def give_rights(self) -> None:
        """The account may do everything again."""
        self._control("set_permissions", USER, ".*", ".*", ".*")

    def connections(self) -> int:
        """How many clients it counts."""
        return len(self._control("list_connections", "--silent", "pid").split())

    def channels(self) -> int:
        """How many channels all clients have."""
        return len(self._control("list_channels", "--silent", "pid").split())

    def freeze(self) -> None:
        """The broker hangs: the kernel still accepts connections, nobody answers."""
        for pid in self._brokers():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        for pid in self._brokers():
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it and all that belongs to it."""
        if self._process is not None:
            self.thaw()
            self._process.kill()
            self._process.wait()

    def _accepts(self) -> bool:
        try:
            self.connect(TLS_PORT).close()
        except OSError:
            return False
        return True

    def _brokers(self) -> list[int]:
        assert self._process is not None
        found, unseen = [], [self._process.pid]
        while unseen:
            pid = unseen.pop()
            with contextlib.suppress(OSError):  # it ended meanwhile
                unseen += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
                if Path(f"/proc/{pid}/comm").read_text().strip() == "beam.smp":
                    found.append(pid)
        return found

    def _control(self, *arguments: str) -> str:
        assert self._process is not None
        network = f"--net=/proc/{self._process.pid}/ns/net"
        answer = subprocess.run(
            ["nsenter", network, f"{_PROGRAMS}/rabbitmqctl", "-n", _NODE, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE_S,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout
