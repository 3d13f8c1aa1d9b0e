"""What a machine keeps under /run, and on its disk."""

from __future__ import annotations

from typing import Any

import pytest

from nova_watchdog.ports import ActionRefusedError, StoreUnavailableError
from nova_watchdog.simulation.parts.disk_store import DiskStore
from nova_watchdog.simulation.parts.run_file import MachineRunFile
from simulation.parts.rig import PAIRING, UNIT, Rig


def test_the_run_file_outlives_the_daemon_and_not_the_boot() -> None:
    """As a copy of what was saved."""
    rig = Rig()
    value: dict[str, Any] = {"incarnation": "x", "terms": {}}
    MachineRunFile(rig.machine).save(value)
    value["terms"]["a"] = 1
    assert MachineRunFile(rig.machine).load() == {"incarnation": "x", "terms": {}}
    rig.machine.reboot(ordered=False)
    assert MachineRunFile(rig.machine).load() is None


def test_a_run_file_that_cannot_be_written_says_so() -> None:
    """And what cannot be read is none."""
    file = MachineRunFile(Rig().machine)
    file.refusal = "read-only file system"
    with pytest.raises(ActionRefusedError, match="read-only"):
        file.save({})
    assert file.load() is None


def test_a_revoked_token_starts_nothing() -> None:
    """Revoking it twice is no error; a /run that cannot be written to is one."""
    rig = Rig()
    rig.grant()
    for _ in range(2):
        rig.do(rig.tokens.revoke(PAIRING))
    rig.systemd.start_by_human(UNIT)
    rig.wait(1)
    assert rig.systemd.processes == {}
    rig.tokens.refusal = "read-only file system"
    with pytest.raises(ActionRefusedError, match="read-only"):
        rig.do(rig.tokens.revoke(PAIRING))


def test_a_disk_that_gives_no_answer_is_an_unavailable_store() -> None:
    """Nothing was written."""
    rig, disk = Rig(), DiskStore()
    disk.refusal = "input/output error"
    with pytest.raises(StoreUnavailableError):
        rig.do(disk.commit({}, {"a": {}}))
    disk.refusal = None
    assert rig.do(disk.read("")) == {}
