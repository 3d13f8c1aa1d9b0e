"""How a pairing is set up on this controller, as values: its unit, its process, and nova's files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nova_watchdog.core.model import LoadState

MAY_START = "/usr/lib/nova-watchdog/may-start"

# What should be the same on every controller besides what is compared by itself, as section and option. No
# secret is among them, and none may be added.
OPTIONS_THAT_MATTER = (
    ("DEFAULT", "control_exchange"),
    ("DEFAULT", "cpu_allocation_ratio"),
    ("DEFAULT", "disk_allocation_ratio"),
    ("DEFAULT", "force_config_drive"),
    ("DEFAULT", "instance_name_template"),
    ("DEFAULT", "ram_allocation_ratio"),
    ("DEFAULT", "reserved_host_disk_mb"),
    ("DEFAULT", "reserved_host_memory_mb"),
    ("DEFAULT", "resume_guests_state_on_host_boot"),
    ("DEFAULT", "running_deleted_instance_action"),
    ("DEFAULT", "sync_power_state_interval"),
    ("vmware", "cache_prefix"),
    ("vmware", "datastore_regex"),
    ("vmware", "insecure"),
    ("vmware", "maximum_objects"),
    ("vmware", "pbm_default_policy"),
    ("vmware", "pbm_enabled"),
    ("vmware", "use_linked_clone"),
)
_HASH_DIGITS = 4
_UNSET = "-" * _HASH_DIGITS

_FILE_OPTION = "--config-file"
_DIR_OPTION = "--config-dir"
_DEFAULT_KILL = frozenset({"control-group", "mixed"})
# What starts a process in somebody else's cgroup: a container's, a machine's, a unit's of its own.
_ELSEWHERE = frozenset(
    {
        "crictl",
        "crun",
        "ctr",
        "docker",
        "kubectl",
        "lxc-attach",
        "lxc-start",
        "machinectl",
        "nerdctl",
        "podman",
        "runc",
        "systemd-nspawn",
        "systemd-run",
    }
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command line of a unit, as systemd would run it. `flags`: its prefixes by their long names."""

    argv: tuple[str, ...]
    flags: frozenset[str] = frozenset()

    @property
    def leaves_the_cgroup(self) -> str:
        """The program in it that starts nova-compute outside the unit's cgroup, empty: none is known."""
        words = [word for argument in self.argv for word in argument.split()]
        return next((name for word in words if (name := word.rsplit("/", 1)[-1]) in _ELSEWHERE), "")

    @property
    def config_files(self) -> tuple[str, ...]:
        """nova's `--config-file` and `--config-dir` arguments in their order, empty where none is given."""
        return config_files_of(self.argv)


@dataclass(frozen=True, slots=True)
class Process:
    """The unit's main process. `cgroup`: where the kernel has it, empty: it could not be seen."""

    pid: int
    argv: tuple[str, ...]
    cgroup: str


@dataclass(frozen=True, slots=True)
class UnitSetup:
    """A service as systemd has loaded it, and what belongs to it on this machine.

    control_group: empty while nothing runs. enabled: systemd's `UnitFileState`. listed: whether the deadline
    kills it (`managed-units`), None: that file cannot be read. missing: of the files that holding needs.
    strays: processes outside its cgroup that run nova-compute with the same files, for people. nova_version:
    empty: not known.
    """

    load: LoadState
    fragment: str = ""
    drop_ins: tuple[str, ...] = ()
    service_type: str = "simple"
    start: tuple[Command, ...] = ()
    conditions: tuple[Command, ...] = ()
    restart: str = "no"
    kill_mode: str = "control-group"
    sends_sigkill: bool = True
    enabled: str = ""
    user: str = ""
    group: str = ""
    control_group: str = ""
    process: Process | None = None
    listed: bool | None = None
    missing: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    nova_version: str = ""

    @property
    def container(self) -> str:
        """The container or machine tool that it starts, empty: none."""
        return next((tool for command in self.start if (tool := command.leaves_the_cgroup)), "")

    @property
    def kills_all(self) -> bool:
        """Whether a stop leaves no process of the cgroup behind."""
        return self.kill_mode in _DEFAULT_KILL and self.sends_sigkill

    @property
    def config_files(self) -> tuple[str, ...]:
        """What nova reads by the command line; empty where a wrapper decides and nothing runs."""
        said = next((files for command in self.start if (files := command.config_files)), ())
        resolved = said if not any("$" in file for file in said) else ()
        return resolved or (config_files_of(self.process.argv) if self.process else ())

    def asks_may_start(self, unit: str) -> bool:
        """Whether it is started only with a token. A condition whose failure is ignored asks nothing."""
        return any(
            command.argv == (MAY_START, unit) and "ignore-failure" not in command.flags
            for command in self.conditions
        )


@dataclass(frozen=True, slots=True)
class ComputeIdPlace:
    """A directory in which nova-compute looks for its file `compute_id`.

    value: what it holds, None: there is no such file. problem: why it cannot be used, empty: it can.
    shared: another pairing's nova-compute looks there too.
    """

    directory: str
    value: str | None = None
    problem: str = ""
    shared: bool = False


@dataclass(frozen=True, slots=True)
class NovaSetup:
    """What nova-compute would read at its next start. Nothing in it is a secret.

    bus: `rabbit://host:port,.../vhost`, the hosts sorted; empty: not understood. state_path: None where it is
    not set: nova's default lies in nova's installation, so `places` lacks it. options: `options_text`. ca: a
    hash of the content of vCenter's CA, empty without one. cluster, vcenter: as in `Pairing`.
    """

    host: str
    bus: str
    config_files: tuple[str, ...]
    state_path: str | None
    places: tuple[ComputeIdPlace, ...]
    cache_prefix: str = ""
    options: str = ""
    ca: str = ""
    cluster: str = ""
    vcenter: str = ""

    @property
    def compute_ids(self) -> tuple[str, ...]:
        """The different values found, sorted."""
        return tuple(sorted({place.value for place in self.places if place.value is not None}))

    @property
    def compute_id(self) -> str:
        """The one value that nova-compute would use, empty where there is none or they differ."""
        found = self.compute_ids
        return found[0] if len(found) == 1 and not any(place.problem for place in self.places) else ""


def config_files_of(argv: Sequence[str]) -> tuple[str, ...]:
    """The values of `--config-file` and `--config-dir`, in their order."""
    found = []
    for at, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if name not in (_FILE_OPTION, _DIR_OPTION):
            continue
        if equals:
            found.append(value)
        elif at + 1 < len(argv):
            found.append(argv[at + 1])
    return tuple(found)


def options_text(values: Mapping[tuple[str, str], str]) -> str:
    """A short hash of each option that matters, in their order: each renewal writes it for every pairing."""
    hashes = [
        hashlib.sha256(values[option].encode()).hexdigest()[:_HASH_DIGITS] if option in values else _UNSET
        for option in OPTIONS_THAT_MATTER
    ]
    return f"{len(hashes)}:{''.join(hashes)}"


def options_that_differ(mine: str, theirs: str) -> tuple[str, ...] | None:
    """The names of the options whose hashes differ, None: a version that compares other options wrote it."""
    (count, _, my_hashes), (their_count, _, their_hashes) = mine.partition(":"), theirs.partition(":")
    if count != their_count or len(my_hashes) != len(their_hashes):
        return None
    return tuple(
        f"[{section}] {option}"
        for at, (section, option) in enumerate(OPTIONS_THAT_MATTER)
        if _part(my_hashes, at) != _part(their_hashes, at)
    )


def _part(hashes: str, at: int) -> str:
    return hashes[at * _HASH_DIGITS : (at + 1) * _HASH_DIGITS]
