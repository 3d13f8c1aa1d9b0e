"""`nova-watchdog preflight` and `adopt` as a person meets them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from aiohttp import web

from cli.adopt_bench import ID, SETUP, RememberingSystemd
from cli.served import beside
from config.sites import NOVA_CONF, PAIRING_CONF, TOML, Site
from core.preflight_bench import TOLD, checks
from nova_watchdog import cli, cli_adopt
from nova_watchdog.adopt.changes import WriteFile
from nova_watchdog.adopt.plan import plan
from nova_watchdog.config.settings import EtcdSettings
from nova_watchdog.core.preflight.check import Report
from nova_watchdog.core.setup import Command
from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.telemetry import preflight_view


def _served(socket, *reports):
    async def begin():
        app = web.Application()
        preflight_view.add_to(app, lambda: FleetSnapshot("ctl2", "1", 0.0, 0.0, 0.0), lambda: reports)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.UnixSite(runner, str(socket)).start()
        return runner.cleanup

    return beside(begin)


_READY = Report("a", "a.service", "ctl1", tuple(checks().values()), TOLD)
_NOT_READY = replace(_READY, checks=tuple(checks(unit={"listed": False}).values()))


@pytest.mark.parametrize(("report", "code"), [(_READY, 0), (_NOT_READY, 1)])
def test_the_exit_code_tells_whether_it_could_take_over(tmp_path, capsys, report, code):
    """0 where all hard checks pass, 1 where one does not."""
    with _served(tmp_path / "s", report):
        assert cli.main(["preflight", "--socket", str(tmp_path / "s")]) == code
        assert ("NOT READY" in capsys.readouterr().out) == bool(code)
        assert cli.main(["preflight", "a", "--json", "--socket", str(tmp_path / "s")]) == code
        assert json.loads(capsys.readouterr().out)["pairings"][0]["name"] == "a"


def test_no_daemon_is_no_answer(tmp_path, capsys):
    """Exit code 2, and a hint."""
    assert cli.main(["preflight", "--socket", str(tmp_path / "s")]) == 2
    assert "no daemon answers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--compute-id", "nonsense"], "no UUID"),
        (["--compute-id-from", "/nothing/there"], "--compute-id-from"),
        (["--config", "/nothing/there"], "/nothing/there"),
    ],
)
def test_adopt_tells_usage_from_refusal(capsys, arguments, says):
    """Exit code 2 for what cannot be meant."""
    assert cli.main(["adopt", "a", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_adopt_without_root_is_refused(monkeypatch, capsys):
    """And says what is possible without."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(cli_adopt, "load_for_run", lambda _file: None)
    assert cli.main(["adopt", "a"]) == 1
    assert "--dry-run" in capsys.readouterr().err


class _Systemd(RememberingSystemd):
    """Every unit is loaded, and reads the site's files."""

    def __init__(self, files):
        super().__init__()
        self.files = [str(file) for file in files]

    def show(self, unit):
        start = Command(("/usr/bin/nova-compute", *(f"--config-file={file}" for file in self.files)))
        return replace(SETUP, start=(start,), process=None, control_group="", fragment=unit)


def test_what_adopt_finds_by_the_configuration(tmp_path):
    """Nova's files, and which places another pairing's nova-compute searches too."""
    (tmp_path / "nova.conf").write_text(NOVA_CONF)
    for name in ("cluster-a", "cluster-b"):
        (tmp_path / f"{name}.conf").write_text(PAIRING_CONF.format(name=name))
    (tmp_path / "clouds.yaml").write_text("clouds: {lab: {auth: {auth_url: http://k}}}\n")
    (tmp_path / "nova-watchdog.toml").write_text(TOML.format(root=tmp_path))
    etcd = EtcdSettings(("http://e:2379",), "/nova-watchdog/")
    settings = replace(Site(tmp_path).load(), etcd=etcd)
    one = settings.pairings[0]
    units = ("nova-compute@cluster-a.service", "nova-compute@cluster-b.service")
    found = cli_adopt.found_for(settings, one, units, _Systemd(one.nova.files), ID)
    assert found.shares
    assert [(place.directory, place.shared) for place in found.nova.places] == [
        (str(tmp_path), True),
        ("/var/lib/nova-cluster-a", False),
    ]
    planned = plan(found, lambda _path: None)
    assert not planned.refusals
    assert planned.changes[0] == WriteFile(
        "/var/lib/nova-cluster-a/compute_id",
        f"{ID}\n",
        planned.changes[0].why,
        "/var/lib/nova-cluster-a",
    )
