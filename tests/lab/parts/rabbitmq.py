"""RabbitMQ: Nova's message bus."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from lab import accounts
from lab.errors import LabError
from lab.parts import endpoints
from lab.processes import Service, accepts
from lab.topology import SERVERS_ADDRESS

if TYPE_CHECKING:
    from lab.site import Site

TRANSPORT_URL = f"rabbit://{accounts.RABBITMQ_USER}:{accounts.RABBITMQ_PASSWORD}@{SERVERS_ADDRESS}:{endpoints.RABBITMQ_PORT}/"
MANAGEMENT_PORT = 15672
MANAGEMENT_URL = f"http://{SERVERS_ADDRESS}:{MANAGEMENT_PORT}"
_NODE = "rabbit@localhost"
_PROGRAMS = "/usr/lib/rabbitmq/bin"
_CONTROL_TIMEOUT_S = 60.0


def service(site: Site) -> Service:
    """The broker, alone on loopback but for AMQP, and its management API where pairings are shared."""
    directory = site.private("rabbitmq")
    plugins = "rabbitmq_management" if site.topology.shares_pairings else ""
    (directory / "enabled_plugins").write_text(f"[{plugins}].\n")
    (directory / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = {SERVERS_ADDRESS}:{endpoints.RABBITMQ_PORT}\n"
        f"default_user = {accounts.RABBITMQ_USER}\n"
        f"default_pass = {accounts.RABBITMQ_PASSWORD}\n"
        "default_permissions.configure = .*\n"
        "default_permissions.read = .*\n"
        "default_permissions.write = .*\n"
        "loopback_users = none\n"
        "log.console = true\n"
        + (
            f"management.tcp.ip = {SERVERS_ADDRESS}\nmanagement.tcp.port = {MANAGEMENT_PORT}\n"
            if plugins
            else ""
        )
    )
    environment = _environment(site) | {
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
        "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "enabled_plugins"),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }
    return Service(
        "rabbitmq",
        [f"{_PROGRAMS}/rabbitmq-server"],
        site.log("rabbitmq"),
        lambda: accepts(SERVERS_ADDRESS, endpoints.RABBITMQ_PORT),
        environment,
        grace_s=15.0,
    )


def set_memory_watermark(site: Site, fraction: float) -> None:
    """Set the share of memory above which the broker blocks publishers; 0 blocks them at once."""
    _control(site, "set_vm_memory_high_watermark", f"{fraction:g}")


def set_disk_free_limit(site: Site, limit: str) -> None:
    """Set the free disk space below which the broker blocks publishers, such as 50MB."""
    _control(site, "set_disk_free_limit", limit)


def topology(site: Site) -> dict[str, list[str]]:
    """Names of queues and exchanges, and the bindings, each sorted."""
    wanted = {
        "queues": ("list_queues", "name", "durable"),
        "exchanges": ("list_exchanges", "name", "type"),
        "bindings": ("list_bindings",),
    }
    return {kind: sorted(_control(site, "-q", *words).splitlines()) for kind, words in wanted.items()}


def _control(site: Site, *arguments: str) -> str:
    result = subprocess.run(
        [f"{_PROGRAMS}/rabbitmqctl", "-n", _NODE, *arguments],
        env=_environment(site) | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=_CONTROL_TIMEOUT_S,
        check=False,
    )
    if result.returncode != 0:
        raise LabError(f"rabbitmqctl {arguments[0]} failed: {(result.stderr or result.stdout).strip()}")
    return result.stdout


def _environment(site: Site) -> dict[str, str]:
    return {
        "HOME": str(site.private("rabbitmq")),  # the Erlang cookie lies there
        "RABBITMQ_NODENAME": _NODE,
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
