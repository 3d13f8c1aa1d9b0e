"""A real RabbitMQ with its management API, and consumers that a test may leave deaf."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import amqp
import pytest

from contracts.stand_ins.rabbitmq import PASSWORD, PORT, USER, RabbitMq
from contracts.stand_ins.rabbitmq_fixture import make_certificate
from contracts.waiting import PATIENCE_S

MANAGEMENT_PORT = 15672
_PROGRAMS = "/usr/lib/rabbitmq/bin"
_FIRST = "rabbit@localhost"
ADMINISTRATOR, ONLOOKER = "watchdog", "onlooker"


class ManagedRabbitMq(RabbitMq):
    """`ADMINISTRATOR` may close connections, `ONLOOKER` may only look; both have the same password."""

    def __init__(self, directory: Path, certificate: Path, key: Path) -> None:
        super().__init__(directory, certificate, key)
        (directory / "enabled_plugins").write_text("[rabbitmq_management].\n")
        with (directory / "rabbitmq.conf").open("a") as file:
            file.write(
                f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {MANAGEMENT_PORT}\n"
                # How long a new consumer stays out of the list: 1 s, unless told 5 s.
                "management.sample_retention_policies.global.minute = 1\n"
                "management.sample_retention_policies.basic.minute = 1\n"
                "management.sample_retention_policies.detailed.minute = 1\n"
            )

    @property
    def directory(self) -> Path:
        """Where its files are."""
        return self._directory

    @property
    def environment(self) -> dict[str, str]:
        """That of its programs."""
        return dict(self._environment)

    @property
    def init(self) -> int:
        """The process that all of it ends with."""
        assert self._process is not None
        pid = self._process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def start(self) -> None:
        """Return when its API may be asked by both accounts."""
        super().start()
        for name, tag in ((ADMINISTRATOR, "administrator"), (ONLOOKER, "monitoring")):
            self._control("add_user", name, PASSWORD)
            self._control("set_user_tags", name, tag)
        # An administrator needs no rights in the virtual host; who only looks does.
        self._control("set_permissions", ONLOOKER, "", "", "")

    def consumers(self, queue: str) -> int:
        """How many the queue has, by the broker's own word."""
        lines = self._control("list_queues", "--silent", "name", "consumers").splitlines()
        return int(dict(line.split() for line in lines if len(line.split()) == 2).get(queue, "0"))

    def add_virtual_host(self, name: str) -> None:
        """With all rights for nova's account."""
        self._control("add_vhost", name)
        self._control("set_permissions", "-p", name, USER, ".*", ".*", ".*")


class SecondRabbitMq:
    """A second broker in the cluster of the first one, in its namespaces: it ends with it."""

    PORT = 5682
    _NODE = "rabbit2@localhost"

    def __init__(self, first: ManagedRabbitMq, directory: Path) -> None:
        self._first = first
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        text = (first.directory / "rabbitmq.conf").read_text()
        (directory / "rabbitmq.conf").write_text(text.replace("567", "568"))
        (directory / "enabled_plugins").write_text("[rabbitmq_management].\n")
        self._environment = first.environment | {
            "RABBITMQ_NODENAME": self._NODE,
            "RABBITMQ_DIST_PORT": "25682",
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(directory / "pid"),
        }

    def start(self) -> None:
        """Return when it is in the cluster."""
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._inside("rabbitmq-server"), env=self._environment, stdout=log, stderr=log
            )
        deadline_s = time.monotonic() + 2 * PATIENCE_S
        while self._control("status", check=False):
            assert time.monotonic() < deadline_s, (self._directory / "log").read_text()
            time.sleep(0.5)
        for words in (("await_startup",), ("stop_app",), ("join_cluster", _FIRST), ("start_app",)):
            self._control(*words)

    def stop(self) -> None:
        """End it; the first one stays, and misses it."""
        if self._process is not None:
            self._control("stop", check=False)
            self._process.kill()
            self._process.wait()

    def _inside(self, program: str, *arguments: str) -> list[str]:
        enter = ["nsenter", f"--target={self._first.init}", "--net", "--pid", "--mount"]
        return [*enter, f"{_PROGRAMS}/{program}", *arguments]

    def _control(self, *words: str, check: bool = True) -> int:
        command = self._inside("rabbitmqctl", "-n", self._NODE, *words)
        done = subprocess.run(
            command, env=self._environment, capture_output=True, timeout=2 * PATIENCE_S, check=check
        )
        return done.returncode


class DeafConsumer:
    """Consumes on one connection, a channel for each queue, and never reads again, as a hung process."""

    def __init__(self, broker: RabbitMq, *queues: str, virtual_host: str = "/", port: int = PORT) -> None:
        self._broker = broker
        self._port = port
        self._queues = queues
        self._virtual_host = virtual_host
        self._began, self._end_asked = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self) -> DeafConsumer:
        """Return when it consumes."""
        self._thread.start()
        assert self._began.wait(PATIENCE_S)
        return self

    def end(self) -> None:
        """Its process is gone."""
        self._end_asked.set()
        self._thread.join(PATIENCE_S)

    def _run(self) -> None:
        self._broker.enter_network()
        connection = amqp.Connection(
            f"127.0.0.1:{self._port}", userid=USER, password=PASSWORD, virtual_host=self._virtual_host
        )
        connection.connect()
        for queue in self._queues:
            channel = connection.channel()
            channel.queue_declare(queue, durable=False, auto_delete=False)
            channel.basic_consume(queue, no_ack=True)
        self._began.set()
        self._end_asked.wait()
        connection.collect()


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagedRabbitMq]:
    """A real RabbitMQ with its management API."""
    directory = tmp_path_factory.mktemp("rabbitmq-managed")
    broker = ManagedRabbitMq(directory, *make_certificate(directory))
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
