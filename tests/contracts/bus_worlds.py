"""The worlds in which the contract of a message bus is tested."""

from __future__ import annotations

from oslo_config import cfg

from contracts.stand_ins.forwarder import Forwarder
from contracts.stand_ins.nova_rpc import EXCHANGE, NovaProcess
from contracts.stand_ins.rabbitmq import PASSWORD, USER, RabbitMq
from contracts.waiting import PATIENCE_S
from fakes.clock import FakeClock
from fakes.message_bus import FakeMessageBus, FakeProcesses
from nova_watchdog.adapters.message_bus import RabbitMessageBus
from nova_watchdog.config.nova_options import rabbit_options

HOSTS = ("vcenter-a", "vcenter-b")
CONDUCTOR = "conductor"
# How long an answer that must not come is waited for; where answers are due they come in milliseconds.
PING_TIMEOUT_S = 1.5


def topic(host: str) -> str:
    """The topic and the queue of a nova-compute."""
    return f"compute.{host}"


def options(url: str, **rabbit: object) -> cfg.ConfigOpts:
    """Nova's options of the bus, as config/bus.py makes them."""
    conf = cfg.ConfigOpts()
    conf.register_opts([cfg.StrOpt("transport_url", secret=True), cfg.StrOpt("control_exchange")])
    conf.register_opts(rabbit_options(), group="oslo_messaging_rabbit")
    conf([], project="nova", default_config_files=[], default_config_dirs=[], use_env=False)
    conf.set_override("transport_url", url)
    conf.set_override("control_exchange", EXCHANGE)
    for name, value in rabbit.items():
        conf.set_override(name, value, group="oslo_messaging_rabbit")
    return conf


class FakeWorld:
    """The fake is both the port and the bus."""

    def __init__(self) -> None:
        self.port = FakeMessageBus(*HOSTS)

    async def open(self) -> FakeWorld:
        return self

    async def close(self) -> None:
        """Nothing to close."""

    def logins(self) -> int:
        return self.port.logins

    def silence(self, topic: str) -> None:
        self.port.silence(topic)

    def end(self, topic: str) -> None:
        self.port.end(topic)

    def start_second(self, topic: str) -> None:
        self.port.queues[topic].consumers += 1

    def start_again(self, topic: str) -> None:
        self.port.queues[topic] = FakeProcesses()

    def remove_queue(self, topic: str) -> None:
        del self.port.queues[topic]

    async def cut(self) -> None:
        self.port.cut()

    async def restore(self) -> None:
        self.port.heal()

    def raise_alarm(self) -> None:
        self.port.block()

    def clear_alarm(self) -> None:
        self.port.heal()

    def use_wrong_secret(self) -> None:
        self.port.refuse_login()

    def use_right_secret(self) -> None:
        self.port.correct_secret()


class RabbitWorld:
    """The real adapter against a real RabbitMQ, with stand-ins for nova's processes."""

    def __init__(self, broker: RabbitMq, *, timeout_s: float = PATIENCE_S) -> None:
        self.broker = broker
        self.password = PASSWORD
        self.clock = FakeClock()
        self.forwarder = Forwarder(broker.connect)
        self._processes: dict[str, list[NovaProcess]] = {}
        self._has_alarm = False
        self.port = RabbitMessageBus(
            lambda: options(self.url),
            HOSTS,
            timeout_s=timeout_s,
            ping_timeout_s=PING_TIMEOUT_S,
            clock=self.clock,
        )

    @property
    def url(self) -> str:
        return f"rabbit://{USER}:{self.password}@127.0.0.1:{self.forwarder.port}/"

    async def open(self) -> RabbitWorld:
        await self.forwarder.start()
        for name in (CONDUCTOR, *map(topic, HOSTS)):
            self.start_again(name)
        return self

    async def close(self) -> None:
        await self.port.close()
        await self.forwarder.refuse()
        if self._has_alarm:
            self.clear_alarm()
        for name in self._processes:
            self.end(name)
            self.remove_queue(name)

    def processes(self, topic: str) -> list[NovaProcess]:
        """The consumers of a topic."""
        return self._processes[topic]

    def logins(self) -> int:
        """Good ones and refused ones."""
        return self.forwarder.logins

    def silence(self, topic: str) -> None:
        for process in self._processes[topic]:
            process.answers = False

    def end(self, topic: str) -> None:
        while self._processes[topic]:
            self._processes[topic].pop().end()

    def start_second(self, topic: str) -> None:
        self._processes[topic].append(NovaProcess(self.broker, topic).begin())

    def start_again(self, topic: str) -> None:
        for process in self._processes.setdefault(topic, []):
            process.answers = True
        if not self._processes[topic]:
            self.start_second(topic)

    def remove_queue(self, topic: str) -> None:
        self.end(topic)
        self.broker.on_channel(lambda channel: channel.queue_delete(topic))

    async def cut(self) -> None:
        await self.forwarder.refuse()

    async def restore(self) -> None:
        await self.forwarder.start()

    def raise_alarm(self) -> None:
        self._has_alarm = True
        self.broker.raise_alarm()

    def clear_alarm(self) -> None:
        self.broker.clear_alarm()
        self._has_alarm = False

    def use_wrong_secret(self) -> None:
        self.password = "wrong"

    def use_right_secret(self) -> None:
        self.password = PASSWORD
