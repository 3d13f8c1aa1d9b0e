"""Preflight: the unit, the reach, and the sum of all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.builders import PAIRING
from core.here_bench import STANDBY
from core.preflight_bench import FILES, KEEPER, LOCAL, NODE, TOLD, UNIT, checks
from nova_watchdog.core.facts import BusFact, NovaFact, VCenterFact
from nova_watchdog.core.model import LoadState, Unknown
from nova_watchdog.core.preflight.check import Report, Result, vantage_from
from nova_watchdog.core.setup import MAY_START, Command, Process, config_files_of, options_that_differ

_ARGV = UNIT.start[0].argv
_GROUP = "/system.slice/nova.service"


def _blocking(found):
    return {name for name, check in found.items() if check.blocks}


def test_a_good_standby_passes_every_check():
    """Nothing warns, nothing fails, nothing is unknown."""
    found = checks()
    assert {check.result for check in found.values()} == {Result.PASS}
    assert vantage_from(tuple(found.values()), TOLD).ready


@pytest.mark.parametrize(
    ("name", "unit", "says"),
    [
        ("unit", {"load": LoadState.NOT_FOUND}, "not-found"),
        ("hold-condition", {"conditions": ()}, "may-start"),
        (
            "hold-condition",
            {"conditions": (Command((MAY_START, "another.service")),)},
            "would start without a hold",
        ),
        (
            "hold-condition",
            {"conditions": (Command((MAY_START, PAIRING.unit), frozenset({"ignore-failure"})),)},
            "would start without a hold",
        ),
        ("restart", {"restart": "on-failure"}, "Restart=on-failure"),
        ("managed-units", {"listed": False}, "the deadline would not kill it"),
        ("cgroup", {"kill_mode": "process"}, "KillMode=process"),
        ("cgroup", {"sends_sigkill": False}, "SendSIGKILL=no"),
        ("cgroup", {"strays": ("process 7 in /user.slice",)}, "process 7"),
        (
            "cgroup",
            {"control_group": _GROUP, "process": Process(7, _ARGV, "/user.slice/session-1.scope")},
            "not in the unit's",
        ),
        ("config-files", {"start": (Command(("nova-compute", "--config-file=/x")),)}, "/x"),
        ("deadline", {"missing": ("/usr/lib/nova-watchdog/deadline",)}, "not installed"),
    ],
)
def test_a_unit_that_cannot_be_held_blocks(name, unit, says):
    """Each fault of the unit fails its own check, says what is wrong and what would help."""
    check = checks(unit=unit)[name]
    assert check.result is Result.FAIL
    assert check.blocks
    assert says in check.detail
    assert check.remedy


@pytest.mark.parametrize(
    "argv",
    [
        ("/usr/bin/docker", "start", "-a", "nova_compute"),
        ("/usr/bin/podman", "run", "--rm", "nova"),
        ("/bin/sh", "-c", "exec /usr/bin/docker start -a nova_compute"),
        ("/usr/bin/env", "podman", "start", "-a", "nova"),
        ("/usr/bin/systemd-run", "--scope", "nova-compute"),
    ],
)
def test_a_container_unit_is_refused_with_the_reason(argv):
    """Killing the unit would kill the client alone."""
    check = checks(unit={"start": (Command(argv),)})["container"]
    assert check.blocks
    assert "this client alone" in check.detail
    assert "observe" in check.remedy


def test_a_process_in_its_cgroup_passes_also_below_a_container_s_path():
    """The kernel may show where the container itself lies before the unit's own path."""
    for cgroup in (_GROUP, f"/machine.slice/m.scope/payload{_GROUP}", f"{_GROUP}/sub"):
        found = checks(unit={"control_group": _GROUP, "process": Process(7, _ARGV, cgroup)})
        assert found["cgroup"].result is Result.PASS


def test_what_cannot_be_looked_at_is_unknown_and_blocks():
    """No fault of the setup, and no proof of it either."""
    local = replace(LOCAL, unit=Unknown("no bus", 0.0), nova=Unknown("no such file", 0.0))
    found = checks(local=local)
    assert _blocking(found) == {"unit", "nova-files"}
    assert found["unit"].result is Result.UNKNOWN
    assert _blocking(checks(unit={"listed": None})) == {"managed-units"}
    hidden = {"control_group": _GROUP, "process": Process(7, (), "")}
    assert checks(unit=hidden)["cgroup"].result is Result.UNKNOWN


def test_without_nova_s_files_nothing_is_said_of_the_unit_s_arguments():
    """There is nothing to compare them with: the unit's other checks stand."""
    found = checks(local=replace(LOCAL, nova=Unknown("no such file", 0.0)))
    assert _blocking(found) == {"nova-files"}
    assert "no such file" in found["nova-files"].detail
    assert "config-files" not in found
    assert found["hold-condition"].result is found["cgroup"].result is Result.PASS


def test_warnings_never_block():
    """Started at boot, Type=notify, a wrapper as ExecStart: said, and no more."""
    wrapper = (Command(("/etc/init.d/nova-compute", "systemd-start")),)
    found = checks(unit={"enabled": "enabled", "service_type": "notify", "start": wrapper})
    assert {name for name, check in found.items() if check.result is Result.WARN} == {
        "boot",
        "type",
        "config-files",
    }
    assert not _blocking(found)


def test_a_wrapper_s_process_tells_the_files():
    """Where the command line of the unit says nothing, that of its process does."""
    wrapper = (Command(("/etc/init.d/nova-compute", "systemd-start")),)
    process = Process(7, ("python3", *_ARGV), _GROUP)
    found = checks(unit={"start": wrapper, "process": process, "control_group": _GROUP})
    assert found["config-files"].result is Result.PASS


@pytest.mark.parametrize(
    ("name", "facts", "result"),
    [
        ("vcenter", {"vcenter": VCenterFact.UNREACHABLE}, Result.FAIL),
        ("vcenter", {"vcenter": VCenterFact.LOGIN_REFUSED}, Result.FAIL),
        ("vcenter", {"vcenter": VCenterFact.CLUSTER_GONE}, Result.FAIL),
        ("vcenter", {"vcenter": VCenterFact.UNKNOWN}, Result.UNKNOWN),
        ("message-bus", {"bus": BusFact.DOWN}, Result.FAIL),
        ("message-bus", {"bus": BusFact.BLOCKED}, Result.FAIL),
        ("nova-api", {"nova": NovaFact.BLIND}, Result.FAIL),
        ("nova-api", {"nova": NovaFact.UNREAD}, Result.UNKNOWN),
    ],
)
def test_what_is_not_reached_blocks(name, facts, result):
    """vCenter, the bus and Nova's API are needed to serve it, and to see that nobody else does."""
    found = checks(facts=replace(STANDBY, **facts))
    assert _blocking(found) == {name}
    assert found[name].result is result


def test_an_unknown_bus_does_not_block():
    """A bus that cannot be looked at at all is no sign against it."""
    check = checks(facts=replace(STANDBY, bus=BusFact.UNKNOWN))["message-bus"]
    assert check.result is Result.UNKNOWN
    assert not check.blocks


def test_not_looked_at_yet_blocks():
    """Nothing is ready before the first look."""
    assert {"vcenter", "message-bus", "nova-api"} <= _blocking(checks(facts=None))


def test_the_deadline_and_the_store_belong_to_it():
    """Who cannot arm a deadline or does not renew could not hold it."""
    found = checks(keeper=replace(KEEPER, until_s=None, problem="no quorum"))
    assert _blocking(found) == {"deadline", "store"}
    assert "no quorum" in found["store"].detail
    assert _blocking(checks(keeper=replace(KEEPER, registered=False))) == {"store"}
    assert not _blocking(checks(keeper=None))


def test_the_vantage_says_why_and_a_human_may_accept():
    """The reason names the checks; an accepted one does not block."""
    found = tuple(checks(unit={"restart": "always", "listed": False}).values())
    vantage = vantage_from(found, TOLD)
    assert not vantage.ready
    assert "restart: Restart=always" in vantage.reason
    assert "managed-units: " in vantage.reason
    assert vantage.identity["cluster"] == NODE
    assert vantage_from(found, TOLD, frozenset({"restart", "managed-units"})).ready
    assert not Report("a", "u", "ctl1", found).ready


def test_a_long_reason_is_cut():
    """A record is written every few seconds."""
    found = tuple(checks(unit={"strays": ("process 7 in /user.slice" * 40,)}).values())
    assert len(vantage_from(found, {}).reason) == 400


def test_arguments_in_both_spellings():
    """`--config-file X` and `--config-file=X`, directories too."""
    argv = ("nova-compute", "--config-file", "/a", "--config-dir=/b", "--config-file")
    assert config_files_of(argv) == ("/a", "/b")
    assert config_files_of(_ARGV) == FILES


def test_hashes_of_options_tell_which_and_not_what():
    """Another version's list of options is not compared."""
    mine = LOCAL.identity["options"]
    assert "host" not in mine
    assert options_that_differ(mine, mine) == ()
    assert options_that_differ(mine, "3:aaaabbbbcccc") is None
    assert options_that_differ(mine, "nonsense") is None
