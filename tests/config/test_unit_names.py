"""Names that systemd takes for no unit at all."""

from __future__ import annotations

import pytest

from nova_watchdog.config import ConfigError, load


@pytest.mark.parametrize("unit", ["@cluster-a.service", ".service", "n" * 248 + ".service"])
def test_a_name_that_systemd_refuses_is_a_mistake(site, unit):
    """It answers an error to each question about it: the watch over all units would fail with it."""
    site.edit("nova-watchdog.toml", {"nova-compute@cluster-a.service": unit})
    with pytest.raises(ConfigError, match=r"pairing\.cluster-a\.unit"):
        load(site.toml)


def test_the_longest_name_is_fine(site):
    """255 bytes in all."""
    unit = "n" * 247 + ".service"
    site.edit("nova-watchdog.toml", {"nova-compute@cluster-a.service": unit})
    assert load(site.toml).pairings[0].pairing.unit == unit
