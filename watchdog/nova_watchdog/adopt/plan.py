"""From what is there to what is to be changed: nothing is done here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from nova_watchdog.adopt.changes import (
    AddLine,
    Change,
    Disable,
    Found,
    MakeDirectory,
    Plan,
    Refusal,
    WriteFile,
)
from nova_watchdog.adopt.unit_file import drop_in, drop_in_path, is_read_later, undoes, why_not_rewritten
from nova_watchdog.config.lists import MANAGED_UNITS, POLKIT_UNITS, polkit_list
from nova_watchdog.core.model import LoadState, Mode
from nova_watchdog.core.preflight.unit import AT_BOOT, is_within
from nova_watchdog.core.setup import Command, UnitSetup

_MANAGED_HEAD = "# The units that the deadline kills, one a line. Written by: nova-watchdog adopt\n"
# nova's own configuration, whose owner and group new files of nova's get.
_LIKE_CONFIG, _LIKE_STATE = "/etc/nova", "/var/lib/nova"

Read = Callable[[str], str | None]


def plan(found: Found, read: Read) -> Plan:
    """What adopting this pairing changes here. read: a file's text, None: there is none."""
    refusals = tuple(_refusals(found, read))
    if refusals:
        return Plan(refusals=refusals)
    own = _Own(found)
    compute_id = _compute_id(found)
    changes: list[Change] = []
    if own.is_needed:
        changes += own.changes()
    changes += _compute_id_files(found, own, compute_id)
    start = own.start if own.is_needed else _own_start_of_before(found)
    changes += [
        WriteFile(drop_in_path(found.unit), drop_in(found.pairing, start), _why_drop_in(found.setup)),
        AddLine(MANAGED_UNITS, found.unit, "the deadline kills what is listed here", _MANAGED_HEAD),
        WriteFile(POLKIT_UNITS, polkit_list(found.units), "the daemon may start and stop these units alone"),
    ]
    if found.setup.enabled in AT_BOOT:
        changes.append(
            Disable(found.unit, found.setup.enabled, "at boot nobody may start it but the daemon with a hold")
        )
    left = tuple(change for change in changes if not _is_so(change, read))
    return Plan(left, (), tuple(_warnings(found)), tuple(_nexts(found, own, compute_id)))


class _Own:
    """The pairing's own state path, made where another pairing shares it or none is set.

    A configuration directory of its own goes with it: the file that names the state path lies there.
    """

    def __init__(self, found: Found) -> None:
        nova = found.nova
        state = next((place for place in nova.places if place.directory == nova.state_path), None)
        self.has_state = state is not None and not state.shared
        self.is_needed = not self.has_state
        self.directory = f"/etc/nova/nova-compute-{found.pairing}"
        self.file = f"{self.directory}/own.conf"
        self.state_path = f"{_LIKE_STATE}/{found.pairing}"
        self._setup = found.setup
        self._places = [place.directory for place in nova.places if not place.shared]

    @property
    def start(self) -> Command | None:
        """The command line with the own file at its end."""
        command = self._setup.start[0]
        if self.file in command.config_files:
            return command
        return replace(command, argv=(*command.argv, "--config-file", self.file))

    @property
    def places(self) -> Sequence[str]:
        """Where the next nova-compute looks for `compute_id`, the shared places left out."""
        if not self.is_needed:
            return self._places
        return tuple(dict.fromkeys([*self._places, self.directory, self.state_path]))

    def changes(self) -> Iterator[Change]:
        """The directories, and the file that names the state path."""
        text = (
            "# Written by nova-watchdog adopt: what this nova-compute shares with no other.\n"
            f"[DEFAULT]\nstate_path = {self.state_path}\n"
        )
        yield MakeDirectory(self.directory, "a configuration directory of its own", _LIKE_CONFIG)
        if not self.has_state:
            yield MakeDirectory(
                self.state_path, "a state path of its own, from the next start on", _LIKE_STATE
            )
            yield MakeDirectory(f"{self.state_path}/instances", "nova's instances_path below it", _LIKE_STATE)
        yield WriteFile(self.file, text, "read from the next start on", _LIKE_CONFIG, 0o640)


def _own_start_of_before(found: Found) -> Command | None:
    """The command line as an earlier adopt wrote it: its nova_config has the own file by now."""
    own = f"/etc/nova/nova-compute-{found.pairing}/own.conf"
    written_here = drop_in_path(found.unit) in found.setup.drop_ins
    rewritten = any(own in command.config_files for command in found.setup.start)
    return found.setup.start[0] if written_here and rewritten else None


def _refusals(found: Found, read: Read) -> Iterator[Refusal]:
    setup, unit = found.setup, found.unit
    if found.mode is not Mode.PROTECT:
        text = f"pairing {found.pairing} is in mode {found.mode.value}: the daemon would never start it"
        yield Refusal(text, 'set mode = "protect" for it on every controller first')
    if not found.shares:
        text = "[etcd] is not configured: without it there is no hold, and the unit could never start again"
        yield Refusal(text, "configure [etcd] on every controller first (docs/configuration.md)")
    if setup.load is not LoadState.LOADED:
        yield Refusal(
            f"systemd says that {unit} is {setup.load.value}", "install the unit here as on the holder"
        )
        return
    if setup.missing:
        yield Refusal(
            f"not installed: {', '.join(setup.missing)}", "install the files of systemd/ (systemd/README.md)"
        )
    if setup.container:
        text = f"{unit} starts {setup.container}: killing the unit kills this client alone, not nova-compute"
        yield Refusal(text, 'set mode = "observe" for it, or run nova-compute in the unit\'s own cgroup')
    yield from _refused_process(setup, unit)
    yield from _refused_drop_ins(found, read)
    said = setup.config_files
    own = f"/etc/nova/nova-compute-{found.pairing}/own.conf"
    if said and found.nova.config_files not in (said, tuple(file for file in said if file != own)):
        watched = ", ".join(found.nova.config_files)
        text = f"{unit} reads {', '.join(said)}, the pairing's nova_config says {watched}"
        yield Refusal(text, "make nova_config name the unit's --config-file arguments, in their order")
    if _Own(found).is_needed and (why := why_not_rewritten(setup)):
        text = f"it has no state path of its own, and {why}"
        yield Refusal(text, "give the unit a --config-file in a directory of its own that sets a state_path")
    yield from _refused_compute_id(found)


def _refused_drop_ins(found: Found, read: Read) -> Iterator[Refusal]:
    """Others that have the last word: `systemctl edit` makes override.conf, which sorts after ours."""
    later = [path for path in found.setup.drop_ins if is_read_later(path)]
    start = _Own(found).is_needed or _own_start_of_before(found) is not None
    undone = [(path, line) for path in later if (line := undoes(read(path) or "", start=start))]
    for path, line in undone:
        text = f"{path} is read after {drop_in_path(found.unit)} and says {line}"
        yield Refusal(
            text, "remove that line, or rename the file (10-local.conf); then: systemctl daemon-reload"
        )
    if not undone and not found.setup.sends_sigkill:
        text = f"{found.unit} has SendSIGKILL=no: a process that does not end would outlive the deadline"
        yield Refusal(text, "remove that line from the unit; then: systemctl daemon-reload")


def _refused_process(setup: UnitSetup, unit: str) -> Iterator[Refusal]:
    process = setup.process
    if setup.strays:
        text = f"nova-compute of this pairing runs outside of {unit}: {', '.join(setup.strays)}"
        yield Refusal(text, "end these processes; only systemd may start nova-compute")
    if process is not None and not is_within(process.cgroup, setup.control_group):
        where = process.cgroup or "a cgroup that cannot be seen"
        text = f"process {process.pid} of {unit} is in {where}, not in the unit's: no deadline could kill it"
        yield Refusal(text, "start nova-compute without sudo, su or another session of its own")


def _refused_compute_id(found: Found) -> Iterator[Refusal]:
    nova, asked = found.nova, found.compute_id
    bad = next((place for place in nova.places if place.problem), None)
    both = next((place for place in nova.places if place.shared and place.value is not None), None)
    if bad is not None:
        yield Refusal(
            f"{bad.directory}/compute_id {bad.problem}", "let it hold the node's UUID, or remove it"
        )
    elif len(nova.compute_ids) > 1:
        held = [f"{place.directory}/compute_id is {place.value}" for place in nova.places if place.value]
        text = f"they differ: {'; '.join(held)}"
        yield Refusal(text, "remove the wrong one; the right one is the id of its hypervisor in Nova")
    elif both is not None and (both.directory != nova.state_path or found.setup.process is None):
        text = f"{both.directory}/compute_id is found by another pairing's nova-compute too"
        yield Refusal(text, "move it into the configuration directory of the pairing that it belongs to")
    elif asked and nova.compute_ids and nova.compute_ids[0] != asked:
        text = f"the compute_id here is {nova.compute_ids[0]}, not {asked}"
        yield Refusal(text, "see which of them is the id of its hypervisor in Nova; remove a wrong file")
    elif not asked and not nova.compute_ids:
        places = ", ".join(place.directory for place in nova.places)
        remedy = (
            "give --compute-id: 'nova-watchdog preflight' on the holder shows it, Nova as its hypervisor's id"
        )
        yield Refusal(f"there is no file compute_id in {places}: the next start would fail", remedy)


def _compute_id(found: Found) -> str:
    return found.nova.compute_ids[0] if found.nova.compute_ids else found.compute_id


def _compute_id_files(found: Found, own: _Own, compute_id: str) -> Iterator[Change]:
    there = {place.directory for place in found.nova.places if place.value is not None}
    for directory in own.places:
        if directory not in there:
            why = "nova-compute refuses to start for a known host without it"
            yield WriteFile(f"{directory}/compute_id", f"{compute_id}\n", why, directory)


def _why_drop_in(setup: UnitSetup) -> str:
    before = f"Restart={setup.restart}, KillMode={setup.kill_mode} until now"
    return f"it starts only with a hold, and systemd restarts nothing by itself ({before})"


def _warnings(found: Found) -> Iterator[str]:
    setup = found.setup
    if setup.service_type.startswith("notify"):
        yield (
            f"{found.unit} is Type={setup.service_type}: nova-compute with native threads never sends READY=1"
            " and is ended after 90 s; then set Type=simple in a drop-in of your own"
        )
    if not setup.config_files:
        yield f"which files {found.unit} reads is not told by its command line: is nova_config what it reads?"
    if found.nova.state_path is None:
        yield "nova's state_path is not set: if nova's installation holds a compute_id it must be the same"


def _nexts(found: Found, own: _Own, compute_id: str) -> Iterator[str]:
    runs = found.setup.process is not None
    if own.is_needed:
        files = json.dumps([*(file for file in found.nova.config_files if file != own.file), own.file])
        yield f"set nova_config = {files} for this pairing, then: systemctl reload nova-watchdog"
    if runs:
        yield f"on each standby: nova-watchdog adopt {found.pairing} --compute-id {compute_id}"
        yield "the daemon takes the hold where the unit runs; see: nova-watchdog status"
    else:
        yield f"see whether this controller could take over: nova-watchdog preflight {found.pairing}"
        yield (
            "nothing starts here now. Where the unit runs on no controller a human asks once:"
            f" nova-watchdog failover {found.pairing} --to CONTROLLER"
        )


def _is_so(change: Change, read: Read) -> bool:
    if isinstance(change, WriteFile):
        return read(change.path) == change.text
    if isinstance(change, AddLine):
        return change.line in (line.strip() for line in (read(change.path) or "").splitlines())
    return isinstance(change, MakeDirectory) and read(f"{change.path}/") is not None
