"""What a simulation takes from a configuration, on a controller and elsewhere."""

from __future__ import annotations

import pytest

from config.sites import Site
from nova_watchdog.config import ConfigError, load_for_simulation
from nova_watchdog.core.hold.timing import Timing
from nova_watchdog.core.model import Mode


def test_on_a_controller_it_is_what_the_daemon_would_have(site: Site) -> None:
    """The same pairings, policies and times."""
    site.append("nova-watchdog.toml", "[policy]\nrestart_budget = 2\n[hold]\ndeadline_s = 20\n")
    site.append("nova-watchdog.toml", "[vcenter]\ninterval_s = 4\n[bus]\ninterval_s = 20\n")
    settings, rehearsal = site.load(), load_for_simulation(site.toml)
    assert rehearsal.pairings == tuple(one.pairing for one in settings.pairings)
    assert (rehearsal.policy, rehearsal.hold_policy) == (settings.policy, settings.hold_policy)
    assert rehearsal.timing == settings.timing == Timing(deadline_s=20.0)
    assert (rehearsal.vcenter.interval_s, rehearsal.bus.interval_s) == (4.0, 20.0)
    assert rehearsal.notes == ()


def test_without_novas_files_the_rest_is_known(site: Site) -> None:
    """Names, units and modes; what nova's files would say is made up, and told so."""
    (site.root / "cluster-b.conf").unlink()
    site.edit("nova-watchdog.toml", {"[pairing.cluster-b]\n": '[pairing.cluster-b]\nmode = "observe"\n'})
    rehearsal = load_for_simulation(site.toml)
    known, made_up = rehearsal.pairings
    assert (known.name, known.host, known.mode) == ("cluster-a", "vcenter-cluster-a", Mode.PROTECT)
    assert (made_up.name, made_up.unit) == ("cluster-b", "nova-compute@cluster-b.service")
    assert made_up.mode is Mode.OBSERVE
    assert made_up.vcenter != known.vcenter
    (note,) = rehearsal.notes
    assert note.startswith("pairing.cluster-b: nova's files are not read here (")


def test_one_note_tells_of_all_unread_files(site: Site) -> None:
    """On another machine that is every pairing: a line each would hide the rest."""
    for name in ("cluster-a", "cluster-b"):
        (site.root / f"{name}.conf").unlink()
    (note,) = load_for_simulation(site.toml).notes
    assert note.startswith("pairing.cluster-a, pairing.cluster-b: nova's files are not read here (")
    assert note.endswith(", and 1 more like it): they share one vCenter and one message bus here")


def test_pairings_keep_their_order(site: Site) -> None:
    """Whichever of them are made up."""
    (site.root / "cluster-a.conf").unlink()
    assert [one.name for one in load_for_simulation(site.toml).pairings] == ["cluster-a", "cluster-b"]


def test_what_only_a_controller_has_is_not_asked_for(site: Site) -> None:
    """clouds.yaml and the directories that the daemon writes into."""
    (site.root / "clouds.yaml").unlink()
    site.edit("nova-watchdog.toml", {f"{site.root}/store.json": "/none/such/store.json"})
    assert len(load_for_simulation(site.toml).pairings) == 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("@cluster-b.service", "@cluster-a.service", "is the unit of pairing.cluster-a too"),
        ('mode = "protect"', 'mode = "protct"', 'mode: is "protct"'),
        ("[control]", "[policy]\nvcenter_max_age_s = 10\n[control]", "vcenter_max_age_s: is 10"),
        ("[control]", "[bus]\nping_timeout_s = 11\n[control]", "bus.timeout_s: is 12"),
        ("[control]", "[hold]\nkill_s = 0\n[control]", "hold.kill_s: is 0"),
        ("[control]", '[vcenter]\ninterval_s = "5"\n[control]', "vcenter.interval_s: is a string"),
    ],
)
def test_mistakes_in_the_file_are_told(site: Site, old: str, new: str, told: str) -> None:
    """They are the same on every machine."""
    site.edit("nova-watchdog.toml", {old: new})
    with pytest.raises(ConfigError, match=told.replace("[", r"\[")):
        load_for_simulation(site.toml)


def test_a_file_that_is_no_toml_is_told(site: Site) -> None:
    """As ever."""
    site.toml.write_text("mode = \n")
    with pytest.raises(ConfigError, match="is not TOML"):
        load_for_simulation(site.toml)
