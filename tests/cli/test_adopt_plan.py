"""What adopting changes, warns of, and refuses."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.adopt_bench import ARGV, FOUND, GROUP, ID, NOVA, OTHER_ID, SETUP, SHARING, UNIT
from nova_watchdog import cli_config
from nova_watchdog.adopt.changes import AddLine, Disable, MakeDirectory, WriteFile
from nova_watchdog.adopt.plan import plan
from nova_watchdog.adopt.unit_file import drop_in, quoted
from nova_watchdog.config.lists import polkit_list
from nova_watchdog.core.model import LoadState, Mode
from nova_watchdog.core.setup import Command, ComputeIdPlace, Process

_REPOSITORY = Path(__file__).parents[2]


def _nothing(_path):
    return None


def _changed(found, read=_nothing):
    planned = plan(found, read)
    assert not planned.refusals
    return {change.unit if isinstance(change, Disable) else change.path: change for change in planned.changes}


def _with(setup=None, nova=None, **found):
    return replace(FOUND, setup=replace(SETUP, **(setup or {})), nova=replace(NOVA, **(nova or {})), **found)


def test_a_running_unmanaged_unit_is_taken_over():
    """Drop-in, compute_id where it is missing, the deadline's list, polkit, and no start at boot."""
    changes = _changed(FOUND)
    assert list(changes) == [
        "/etc/nova/a/compute_id",
        f"/etc/systemd/system/{UNIT}.d/nova-watchdog.conf",
        "/etc/nova-watchdog/managed-units",
        "/etc/polkit-1/rules.d/49-nova-watchdog-units.rules",
        UNIT,
    ]
    assert changes["/etc/nova/a/compute_id"].text == f"{ID}\n"
    assert changes[UNIT].before == "enabled"
    assert "ExecStart" not in changes[f"/etc/systemd/system/{UNIT}.d/nova-watchdog.conf"].text
    nexts = " ".join(plan(FOUND, _nothing).nexts)
    assert f"adopt a --compute-id {ID}" in nexts


def test_a_standby_gets_the_same_with_the_id_that_is_given():
    """Nothing runs there: nothing is started, and a human may ask for a first hold."""
    places = (ComputeIdPlace("/etc/nova/a"), ComputeIdPlace("/var/lib/nova"))
    found = _with({"process": None, "control_group": ""}, {"places": places}, compute_id=ID)
    changes = _changed(found)
    assert changes["/var/lib/nova/compute_id"].text == changes["/etc/nova/a/compute_id"].text == f"{ID}\n"
    assert "failover a --to" in " ".join(plan(found, _nothing).nexts)


def test_the_second_time_there_is_nothing_to_change():
    """What is so already is no change."""
    written = {
        path: change.text if isinstance(change, WriteFile) else f"x\n{change.line}\n"
        for path, change in _changed(FOUND).items()
        if not isinstance(change, Disable)
    }
    places = tuple(replace(place, value=ID) for place in NOVA.places[1:])
    assert not plan(_with({"enabled": "disabled"}, {"places": places}), written.get).changes


def test_what_pairings_share_is_made_the_pairing_s_own():
    """A directory and a state path of its own; the next start reads them, the TOML has to name the file."""
    changes = _changed(SHARING)
    own = "/etc/nova/nova-compute-a"
    assert isinstance(changes[own], MakeDirectory)
    assert "state_path = /var/lib/nova/a\n" in changes[f"{own}/own.conf"].text
    assert isinstance(changes["/var/lib/nova/a"], MakeDirectory)
    assert changes[f"{own}/compute_id"].text == changes["/var/lib/nova/a/compute_id"].text == f"{ID}\n"
    assert "/etc/nova/compute_id" not in changes
    text = changes[f"/etc/systemd/system/{UNIT}.d/nova-watchdog.conf"].text
    command = f"{' '.join(ARGV[:3])} --config-file {own}/own.conf"
    assert text.endswith(f"ExecStart=\nExecStart={command}\n")
    assert f'nova_config = ["/etc/nova/nova.conf", "{own}/own.conf"]' in plan(SHARING, _nothing).nexts[0]


def test_an_own_file_stays_once_the_configuration_names_it():
    """Adopted again after nova_config was mended: the command line is kept, not written twice."""
    own = "/etc/nova/nova-compute-a"
    path = f"/etc/systemd/system/{UNIT}.d/nova-watchdog.conf"
    before = _changed(SHARING)[path].text
    argv = (*ARGV[:3], "--config-file", f"{own}/own.conf")
    setup: dict[str, Any] = {"start": (Command(argv),), "drop_ins": (path,), "process": None}
    places = (
        ComputeIdPlace("/etc/nova", shared=True),
        ComputeIdPlace(own, ID),
        ComputeIdPlace("/var/lib/nova/a", ID),
    )
    files = ("/etc/nova/nova.conf", f"{own}/own.conf")
    nova = {"config_files": files, "state_path": "/var/lib/nova/a", "places": places}
    assert path not in _changed(_with(setup, nova), {path: before}.get)
    # And before it was mended: the same again, once.
    again = replace(SHARING, setup=replace(SHARING.setup, **setup))
    assert path not in _changed(again, {path: before}.get)


_OTHERS = (ComputeIdPlace("/a", ID), ComputeIdPlace("/b", OTHER_ID))


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (_with(mode=Mode.OBSERVE), "mode observe"),
        (_with(shares=False), "[etcd]"),
        (_with({"load": LoadState.NOT_FOUND}), "not-found"),
        (_with({"missing": ("/usr/lib/nova-watchdog/may-start",)}), "not installed"),
        (_with({"start": (Command(("/usr/bin/docker", "start", "-a", "x")),), "process": None}), "docker"),
        (_with({"sends_sigkill": False}), "SendSIGKILL=no"),
        (_with({"strays": ("process 9 in /user.slice",)}), "process 9"),
        (_with({"process": Process(7, ARGV, "/user.slice/s.scope")}), "not in the unit's"),
        (_with({"process": Process(7, ARGV, "")}), "cannot be seen"),
        (_with(nova={"config_files": ("/etc/nova/b.conf",)}), "nova_config says"),
        (
            _with(nova={"places": (ComputeIdPlace("/a"), ComputeIdPlace("/var/lib/nova"))}),
            "no file compute_id",
        ),
        (_with(nova={"places": _OTHERS}), "they differ"),
        (_with(nova={"places": (ComputeIdPlace("/a", problem="holds no UUID"),)}), "holds no UUID"),
        (_with(nova={"places": (ComputeIdPlace("/a", ID, shared=True), *NOVA.places)}), "another pairing's"),
        (_with(compute_id=OTHER_ID), f"not {OTHER_ID}"),
        (
            replace(SHARING, setup=replace(SHARING.setup, start=(Command(("/etc/init.d/nova", "start")),))),
            "gives nova-compute no --config-file",
        ),
        (replace(SHARING, setup=replace(SHARING.setup, start=SHARING.setup.start * 2)), "2 ExecStart= lines"),
    ],
)
def test_it_refuses_with_the_reason_and_a_remedy(found, says):
    """Nothing is changed then."""
    planned = plan(found, _nothing)
    assert not planned.changes
    assert any(says in refusal.reason for refusal in planned.refusals)
    assert all(refusal.remedy for refusal in planned.refusals)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("override.conf", "[Service]\nRestart=always\n", "says Restart=always"),
        ("override.conf", "[Service]\nRestart = no\nKillMode=process\n", "says KillMode=process"),
        ("zz.conf", "[Service]\nExecCondition=\n", "says ExecCondition="),
        ("override.conf", "[Service]\nRestart=no\nExecStart=\nExecCondition=/bin/true\nLimitNOFILE=9\n", ""),
        ("10-local.conf", "[Service]\nRestart=always\n", ""),
    ],
)
def test_a_drop_in_that_is_read_later_must_not_undo_it(name, text, says):
    """`systemctl edit` writes override.conf, which sorts after ours and would have the last word."""
    path = f"/etc/systemd/system/{UNIT}.d/{name}"
    refusals = plan(_with({"drop_ins": (path,)}), {path: text}.get).refusals
    assert [one.reason.partition(" and ")[2] for one in refusals] == ([says] if says else [])
    assert all(path in one.reason and "10-local.conf" in one.remedy for one in refusals)


def test_a_later_command_line_undoes_a_written_one():
    """Where the own file is added to ExecStart=, nobody may set that after us."""
    path = f"/etc/systemd/system/{UNIT}.d/override.conf"
    found = replace(SHARING, setup=replace(SHARING.setup, drop_ins=(path,)))
    (refusal,) = plan(found, {path: "[Service]\nExecStart=\n"}.get).refusals
    assert "says ExecStart=" in refusal.reason


def test_what_may_be_wrong_is_said():
    """Type=notify, a command line that tells nothing, no state_path."""
    wrapper = (Command(("/etc/init.d/nova-compute", "systemd-start")),)
    setup = {"service_type": "notify", "start": wrapper, "process": None, "control_group": GROUP}
    warnings = " ".join(plan(_with(setup), _nothing).warnings)
    assert "READY=1" in warnings
    assert "not told by its command line" in warnings


def test_a_unit_that_is_only_linked_is_not_disabled():
    """`systemctl disable` would remove the link, and so the unit."""
    assert UNIT not in _changed(_with({"enabled": "linked"}))
    assert isinstance(_changed(FOUND)["/etc/nova-watchdog/managed-units"], AddLine)


def test_the_drop_in_says_what_the_project_s_own_file_says():
    """Comments aside, it is systemd/managed.conf."""
    file = (_REPOSITORY / "systemd" / "managed.conf").read_text()
    assert _directives(drop_in("a")) == _directives(file)


def _directives(text):
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def test_the_polkit_list_is_the_one_of_config_polkit(monkeypatch, capsys):
    """Whoever makes it, the file is the same."""
    monkeypatch.setattr(cli_config, "load_units", lambda _file: (UNIT, "b@c.service"))
    assert cli_config.polkit(Path("x")) == 0
    assert polkit_list((UNIT, "b@c.service")) == capsys.readouterr().out


def test_arguments_are_quoted_as_systemd_reads_them():
    """Specifiers are doubled, variables stay."""
    assert quoted("/a/b-1.conf") == "/a/b-1.conf"
    assert quoted("100%") == "100%%"
    assert quoted("${X}") == "${X}"
    assert quoted('a "b" \\') == '"a \\"b\\" \\\\"'
    start = Command(("/x", "a b"), frozenset({"no-env-expand"}))
    assert drop_in("a", start).endswith('ExecStart=\nExecStart=:/x "a b"\n')


@pytest.mark.lab
def test_systemd_takes_the_drop_in(tmp_path):
    """`systemd-analyze verify` finds nothing wrong with it."""
    unit = tmp_path / "nova-compute-x.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    drop = tmp_path / "nova-compute-x.service.d" / "nova-watchdog.conf"
    drop.parent.mkdir()
    drop.write_text(drop_in("a", Command(("/bin/true", "a b", "100%"))))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--generators=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    said = [line for line in done.stderr.splitlines() if "nova-" in line and "may-start" not in line]
    assert not said
