"""The tables of the TOML file: each key with its type, default, bounds and meaning.

The meanings are printed in docs/configuration.md (`reference.py` writes it), so they are sentences
for operators.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model
from pydantic_core import PydanticCustomError

from nova_watchdog.core.hold.decide import HoldPolicy
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.policy import Policy

# sun_path of unix(7) holds 108 bytes with the closing zero.
MAX_SOCKET_PATH_BYTES = 107
CUSTOM_ERROR = "watchdog"

# unit_name_is_valid() of systemd: up to 255 bytes, and nothing is called only @instance.
_UNIT = re.compile(r"(?!@)[A-Za-z0-9:_.@\\-]{1,247}\.service")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_CONTROLLER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_LISTEN = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})")
_PREFIX = re.compile(r"/?[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*/?")
_MAX_PORT = 65535


def _refuse(wrong: str, allowed: str) -> PydanticCustomError:
    """An error whose words are final: `wording.py` prints them as they are."""
    return PydanticCustomError(CUSTOM_ERROR, "{wrong}", {"wrong": wrong, "allowed": allowed})


def _absolute(text: str) -> str:
    if not text.startswith("/"):
        raise _refuse(f'is "{text}"', "an absolute path")
    return text


def _socket_path(text: str) -> str:
    if len(_absolute(text).encode()) > MAX_SOCKET_PATH_BYTES:
        raise _refuse(
            "is too long for a unix socket", f"an absolute path of up to {MAX_SOCKET_PATH_BYTES} bytes"
        )
    return text


def _unit_name(text: str) -> str:
    if not _UNIT.fullmatch(text):
        raise _refuse(
            f'is "{text}"', "the full name of a systemd service, such as nova-compute@cluster-a.service"
        )
    if text.endswith("@.service"):
        raise _refuse(
            f'is the template "{text}"', "an instance of it, such as " + text.replace("@", "@cluster-a")
        )
    return text


def _controller_name(text: str) -> str:
    if not _CONTROLLER.fullmatch(text):
        raise _refuse(f'is "{text}"', "letters, digits, dots, dashes and underscores")
    return text


def parse_listen(text: str) -> tuple[str, int] | None:
    """Address and port of `ADDRESS:PORT` or `[IPV6]:PORT`; None for the empty text, which switches off."""
    if not text:
        return None
    match = _LISTEN.fullmatch(text)
    if match is None or not 0 < int(match["port"]) <= _MAX_PORT:
        raise _refuse(f'is "{text}"', 'ADDRESS:PORT, such as "127.0.0.1:9743" or "[::1]:9743", or "" for off')
    return match["v6"] or match["host"], int(match["port"])


def _listen(text: str) -> str:
    parse_listen(text)
    return text


def _url(text: str) -> str:
    """An address that shows no secret: accounts belong into files."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
        parts = urlsplit("")
    if not good or not text.isascii() or not text.isprintable() or " " in text:
        # Not shown: what was meant for another key may be a token.
        raise _refuse("is no address", "http://HOST:PORT or https://HOST:PORT, with or without a path")
    if parts.username is not None or parts.password is not None:
        raise _refuse("holds an account", "an address without one; secrets have files of their own")
    if parts.query or parts.fragment:
        raise _refuse("holds a query or a fragment", "an address without one")
    return text.rstrip("/")


def _url_or_empty(text: str) -> str:
    return _url(text) if text else text


def _server(text: str) -> str:
    """An address with a port and without a path."""
    found = _url(text)
    parts = urlsplit(found)
    if parts.port is None:
        raise _refuse(f'is "{found}", without a port', "http://HOST:PORT or https://HOST:PORT")
    if parts.path:
        raise _refuse("holds a path", "http://HOST:PORT or https://HOST:PORT")
    return found


def _key_prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise _refuse(
            f'is "{text}"', "names of letters, digits, dots, dashes and underscores, such as /nova-watchdog/"
        )
    return f"/{text.strip('/')}/"


def pairing_name_is_good(name: str) -> bool:
    """Whether a table `[pairing.NAME]` may be called that."""
    return _NAME.fullmatch(name) is not None


PAIRING_NAME_ALLOWED = "lower-case letters, digits and dashes, up to 63, such as [pairing.cluster-a]"

AbsolutePath = Annotated[str, AfterValidator(_absolute)]
ModeName = Literal["observe", "protect"]


class Table(BaseModel):
    """A table in which every key is known and nothing is converted behind the writer's back."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class TopTable(Table):
    """Keys before the first table."""

    mode: ModeName = Field(
        "observe",
        description="`observe` looks and alerts, and acts on nothing; `protect` also acts.",
    )
    controller: Annotated[str, AfterValidator(_controller_name)] | None = Field(
        None, description="This controller's name in logs, metrics and records. Default: the host's name."
    )
    priority: int = Field(
        0,
        ge=-1000,
        le=1000,
        description="Of several standbys that could serve, the one with the highest takes first.",
    )


class OpenStackTable(Table):
    """How nova's service records are read."""

    cloud: str = Field(min_length=1, description="The entry of clouds.yaml that is used.")
    clouds_file: AbsolutePath = Field(
        "/etc/nova-watchdog/clouds.yaml", description="The clouds.yaml, readable by the daemon's user only."
    )
    interval_s: float = Field(5.0, ge=0.5, le=300, description="Pause between two readings.")
    timeout_s: float = Field(4.0, ge=0.1, le=60, description="Deadline of one reading, logging in included.")
    workload_interval_s: float = Field(
        60.0, ge=5, le=3600, description="Pause between two readings of hypervisors and builds."
    )


class VCenterTable(Table):
    """How every vCenter is probed. Addresses and accounts come from nova's own files."""

    interval_s: float = Field(5.0, ge=0.5, le=300, description="Pause between two canaries of a vCenter.")
    timeout_s: float = Field(5.0, ge=0.1, le=60, description="Deadline of one canary, logging in included.")
    inventory_interval_s: float = Field(
        60.0,
        ge=5,
        le=3600,
        description="Pause between two readings of clusters, datastores, sessions and the certificate.",
    )


class BusTable(Table):
    """How every message bus is probed. Addresses and accounts come from nova's own files."""

    interval_s: float = Field(10.0, ge=1, le=60, description="Pause between two rounds at a message bus.")
    timeout_s: float = Field(
        12.0, ge=3, le=120, description="Deadline of one round, logging in and all pings included."
    )
    ping_timeout_s: float = Field(
        5.0,
        ge=0.5,
        le=60,
        description="How long a nova-compute or a conductor may take to answer an RPC ping.",
    )


class PairingTable(Table):
    """One nova-compute and the vSphere cluster behind it."""

    unit: Annotated[str, AfterValidator(_unit_name)] = Field(
        description="The systemd service of nova-compute, by its own name and not an alias."
    )
    nova_config: list[AbsolutePath] = Field(
        min_length=1,
        description=(
            "The files that nova-compute gets as `--config-file`, in the same order, later ones override"
            " earlier ones. A directory stands for `--config-dir`: its `*.conf` files, sorted."
        ),
    )
    mode: ModeName | None = Field(None, description="Overrides the top `mode` for this pairing.")


class MaintenanceTable(Table):
    """A window in which the daemon looks and alerts as ever, and does nothing."""

    cron: str = Field(
        description=(
            "When it opens: minute, hour, day of month, month and day of week as in crontab(5),"
            ' such as `"0 2 * * sat"`. Day of month and day of week cannot both be restricted.'
        )
    )
    duration_min: float = Field(gt=0, le=10080, description="For how many minutes it stays open.")
    timezone: str = Field("UTC", description='The time zone of `cron`, such as `"Europe/Berlin"`.')
    pairings: list[str] = Field(
        default_factory=list, description="The pairings that it holds for. Empty: all."
    )


class EtcdTable(Table):
    """The store that several controllers share. Without this table the daemon is alone on its cloud."""

    endpoints: list[Annotated[str, AfterValidator(_server)]] = Field(
        min_length=1, description="Its members, such as `https://192.0.2.11:2379`; best addresses, no names."
    )
    prefix: Annotated[str, AfterValidator(_key_prefix)] = Field(
        "/nova-watchdog/", description="Before every key. The same on all controllers of a cloud."
    )
    username: str | None = Field(None, min_length=1, description="The user, where etcd asks for one.")
    password_file: AbsolutePath | None = Field(None, description="A file with the user's password alone.")
    ca_file: AbsolutePath | None = Field(
        None, description="The CAs that its certificates are verified with. Default: the system's."
    )
    cert_file: AbsolutePath | None = Field(
        None, description="Our own certificate, where etcd asks for one. It must have no common name (CN)."
    )
    key_file: AbsolutePath | None = Field(None, description="The key of `cert_file`.")


class ManagementTable(Table):
    """RabbitMQ's management API, where the dead controller's connections are closed at a takeover."""

    url: Annotated[str, AfterValidator(_server)] = Field(
        description=(
            "Its address, such as `https://192.0.2.21:15671`. There the dead controller's connections are"
            " closed at a takeover; without it half of the RPCs go to the dead until RabbitMQ notices."
        )
    )
    username: str = Field(
        min_length=1, description="A user with the tag `administrator`; nova's own does with `management`."
    )
    password_file: AbsolutePath = Field(description="A file with the user's password alone.")
    ca_file: AbsolutePath | None = Field(
        None, description="The CAs that its certificate is verified with. Default: the system's."
    )


class HttpTable(Table):
    """The HTTP endpoints."""

    listen: Annotated[str, AfterValidator(_listen)] = Field(
        "127.0.0.1:9743",
        description='`ADDRESS:PORT` of `/metrics`, `/healthz` and `/readyz`; `""` switches them off.',
    )


class ControlTable(Table):
    """The socket that `nova-watchdog status` talks to. Its file permissions are the authorisation."""

    socket: Annotated[str, AfterValidator(_socket_path)] = Field(
        "/run/nova-watchdog/control.sock",
        description="A unix socket, made with mode 0660 for the group `nova-watchdog`.",
    )


class StoreTable(Table):
    """What the daemon remembers over a restart."""

    path: AbsolutePath = Field(
        "/var/lib/nova-watchdog/store.json", description="The file, mode 0600, written atomically."
    )


class LogTable(Table):
    """What goes to the journal."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe level that is logged."
    )


class NotifyTable(Table):
    """What all receivers of events share."""

    runbook_base_url: Annotated[str, AfterValidator(_url_or_empty)] = Field(
        "",
        description=(
            "Where your copy of `docs/runbooks` is served: `runbook_url` is this, `/` and `NAME.md`."
            " Default: the path in this project."
        ),
    )
    resend_s: float = Field(
        60.0, ge=10, le=600, description="Pause between two tellings of an event that lasts, to Alertmanager."
    )


class AlertmanagerTable(Table):
    """One Alertmanager. Every peer of a cluster has a table of its own."""

    url: Annotated[str, AfterValidator(_url)] = Field(
        description="Its address, without `/api/v2`, such as `https://am1.example.org:9093`."
    )
    username: str | None = Field(None, min_length=1, description="The account, where it asks for one.")
    password_file: AbsolutePath | None = Field(None, description="A file with the account's password alone.")
    bearer_token_file: AbsolutePath | None = Field(
        None, description="A file with a token, instead of an account."
    )
    ca_file: AbsolutePath | None = Field(
        None, description="The CAs that its certificate is verified with. Default: the system's."
    )
    least_firing_s: float = Field(
        60.0,
        ge=0,
        le=3600,
        description=(
            "An end is held back until its beginning was told so long ago. More than `group_wait` of every"
            " route: what begins and ends within it Alertmanager tells nobody."
        ),
    )


SeverityName = Literal["critical", "warning", "info"]


class PagerDutyTable(Table):
    """One service of PagerDuty, by its Events API v2."""

    routing_key_file: AbsolutePath = Field(
        description="A file with the integration key of the service alone, such as a systemd credential."
    )
    min_severity: SeverityName = Field("warning", description="What is less severe is not sent.")
    url: Annotated[str, AfterValidator(_url)] = Field(
        "https://events.pagerduty.com/v2/enqueue", description="The address of the API."
    )
    proxy: Annotated[str, AfterValidator(_url_or_empty)] = Field(
        "", description="An HTTP proxy, such as `http://proxy.example.org:3128`."
    )


class AppriseTable(Table):
    """Any service that apprise knows."""

    urls_file: AbsolutePath = Field(
        description="A file with apprise's addresses, one a line; `#` begins a comment."
    )
    min_severity: SeverityName = Field("warning", description="What is less severe is not sent.")


def meanings_of(cls: type) -> Mapping[str, str]:
    """Meaning of each field, from the paragraphs `name, name: text` of the class's docstring."""
    found: dict[str, str] = {}
    current: list[str] = []
    for line in (cls.__doc__ or "").splitlines():
        match = re.match(r"\s{4}([a-z0-9_]+(?:, [a-z0-9_]+)*): (.*)", line)
        if match:
            current = match[1].split(", ")
            found |= dict.fromkeys(current, match[2])
        elif line.startswith(" " * 8):
            found |= {name: f"{found[name]} {line.strip()}" for name in current}
        else:
            current = []
    return found


def _table_of(name: str, *classes: type) -> type[Table]:
    """A table with exactly the fields of these dataclasses, so that they cannot drift apart."""
    fields: dict[str, Any] = {}
    for cls in classes:
        hints = typing.get_type_hints(cls)
        meanings = meanings_of(cls)
        for field in dataclasses.fields(cls):
            # A TOML array arrives as a list: only the container is converted, its items stay strict.
            container_is_tuple = typing.get_origin(hints[field.name]) is tuple
            fields[field.name] = (
                hints[field.name],
                Field(
                    field.default,
                    strict=False if container_is_tuple else None,
                    description=meanings.get(field.name, ""),
                ),
            )
    return create_model(name, __base__=Table, __doc__=classes[0].__doc__, **fields)


PolicyTable = _table_of("PolicyTable", Policy)
HoldTable = _table_of("HoldTable", Timing, HoldPolicy)
