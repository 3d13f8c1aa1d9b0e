"""A private D-Bus broker, and something on it that answers in systemd's name, or does not.

For what a real systemd does not do on demand: refuse, stay silent, and lose answers. What it does do
is tested with a real one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from contracts.waiting import PATIENCE_S

_CONFIG = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
UNIT = "nova-compute@cluster-a.service"
PATH = "/org/freedesktop/systemd1/unit/nova_2dcompute_40cluster_2da_2eservice"
_SYSTEMD = "org.freedesktop.systemd1"


class Broker:
    """A dbus-daemon of the test's own."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "bus"
        self.address = f"unix:path={self.socket}"
        self._config = directory / "bus.conf"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._config.write_text(_CONFIG.format(socket=self.socket))
        self._process = await asyncio.create_subprocess_exec(
            "dbus-daemon",
            f"--config-file={self._config}",
            "--nofork",
            "--print-address",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # it complains about its file limit where it may not raise it
        )
        assert self._process.stdout is not None
        assert await asyncio.wait_for(self._process.stdout.readline(), PATIENCE_S)

    async def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.communicate()
            self._process = None
            self.socket.unlink(missing_ok=True)


class SystemdStandIn:
    """Owns systemd's name. `calls` lists the manager's methods that were called with their arguments."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.silent: set[str] = set()  # methods that get no answer
        self.errors: dict[str, str] = {}  # method to the name of a D-Bus error
        self.on_call: dict[str, Callable[[], None]] = {}  # method to what is done before its answer
        self.properties: dict[str, Variant] = {
            "LoadState": Variant("s", "loaded"),
            "ActiveState": Variant("s", "failed"),
            "SubState": Variant("s", "failed"),
            "MainPID": Variant("u", 0),
            "Result": Variant("s", "signal"),
            "ExecMainCode": Variant("i", 2),
            "ExecMainStatus": Variant("i", 9),
            "Job": Variant("(uo)", (0, "/")),
            "InvocationID": Variant("ay", bytes.fromhex("ab")),
            "ExecMainStartTimestampMonotonic": Variant("t", 1_500_000),
            "StateChangeTimestampMonotonic": Variant("t", 2_500_000),
            "ConditionTimestampMonotonic": Variant("t", 0),
        }
        self._bus: MessageBus | None = None

    async def appear(self, address: str) -> None:
        """Take systemd's name on the bus."""
        self._bus = await asyncio.wait_for(MessageBus(bus_address=address).connect(), PATIENCE_S)
        self._bus.add_message_handler(self._answer)
        await self._bus.request_name(_SYSTEMD)

    def vanish(self) -> None:
        """Leave the bus."""
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    def called(self, member: str) -> list[tuple[Any, ...]]:
        """The calls of one method."""
        return [call for call in self.calls if call[0] == member]

    def _answer(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        member = message.member or ""
        self.calls.append((member, *message.body))
        self.on_call.get(member, _nothing)()
        if member in self.silent:
            return True
        if member in self.errors:
            return Message.new_error(message, self.errors[member], f"the stand-in refuses {member}")
        if member == "GetAll":
            return Message.new_method_return(message, "a{sv}", [self.properties])
        if member in ("StartUnit", "TryRestartUnit"):
            return Message.new_method_return(message, "o", ["/org/freedesktop/systemd1/job/7"])
        return Message.new_method_return(message, "", [])


def _nothing() -> None:
    """For the methods at which nothing happens."""
