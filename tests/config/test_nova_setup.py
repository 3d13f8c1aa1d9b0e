"""What a nova-compute would read at its next start: nova's files, and where its compute_id lies."""

from __future__ import annotations

import os

import pytest

from nova_watchdog.config import nova_setup
from nova_watchdog.config.nova_setup import NovaSetupReader, look, same_bus, searched
from nova_watchdog.core.setup import options_that_differ
from nova_watchdog.ports import ProbeError

_ID = "0b1f8a5e-3f52-4c8e-9d7c-6a2a3b3f0001"
_SHARED = """\
[DEFAULT]
compute_driver = vmwareapi.VMwareVCDriver
transport_url = rabbit://nova:Sup3rSecret@b:5672,nova:Sup3rSecret@a:5672/v
[vmware]
host_username = nova
host_password = Sup3rSecret
host_ip = vc1
cache_prefix = $host
"""
_OWN = """\
[DEFAULT]
host = a
state_path = {state}
[vmware]
cluster_name = C0
datastore_regex = ds.*
"""


@pytest.fixture
def files(tmp_path):
    """A shared file, and one of the pairing's own."""
    shared, own = tmp_path / "nova.conf", tmp_path / "a" / "a.conf"
    own.parent.mkdir()
    (tmp_path / "state").mkdir()
    shared.write_text(_SHARED)
    own.write_text(_OWN.format(state=tmp_path / "state"))
    return shared, own


def test_what_must_be_the_same_is_read(files, tmp_path):
    """Host, bus in one order, state path, places; nothing of an account."""
    found = NovaSetupReader(files, {str(tmp_path)})()
    assert found.host == "a"
    assert found.bus == "rabbit://a:5672,b:5672/v"
    assert found.state_path == str(tmp_path / "state")
    assert [(place.directory, place.value, place.shared) for place in found.places] == [
        (str(tmp_path), None, True),
        (str(tmp_path / "a"), None, False),
        (str(tmp_path / "state"), None, False),
    ]
    assert "Sup3rSecret" not in repr(found)


def test_a_change_is_seen_at_the_next_look(files, tmp_path):
    """compute_id each time, nova's files when they changed."""
    reader = NovaSetupReader(files)
    first = reader()
    (tmp_path / "a" / "compute_id").write_text(f" {_ID.upper()} \n")
    assert reader().compute_id == _ID
    files[1].write_text(files[1].read_text().replace("ds.*", "other.*"))
    os.utime(files[1], ns=(1, 1))
    assert options_that_differ(first.options, reader().options) == ("[vmware] datastore_regex",)
    files[0].write_text(files[0].read_text().replace("Sup3rSecret", "An0ther"))
    os.utime(files[0], ns=(2, 2))
    assert options_that_differ(reader().options, first.options) == ("[vmware] datastore_regex",)


def test_unchanged_files_are_not_read_again(files, monkeypatch):
    """Every ten seconds, for every pairing: it must cost nothing."""
    reader = NovaSetupReader(files)
    first = reader()
    monkeypatch.setattr(nova_setup, "read_nova", None)
    assert reader() == first


def test_files_that_cannot_be_used_are_a_failed_probe(files):
    """With every mistake, and without a secret."""
    files[0].write_text(_SHARED.replace("host_ip = vc1\n", "nonsense Sup3rSecret\n"))
    with pytest.raises(ProbeError, match="no assignment") as error:
        NovaSetupReader(files)()
    assert "Sup3rSecret" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "value", "problem"),
    [
        (_ID, _ID, ""),
        (f"{_ID}\n", _ID, ""),
        ("", None, "holds no UUID"),
        ("nonsense", None, "holds no UUID"),
        (f"{_ID} and much more than nova would ever read", None, "holds no UUID"),
    ],
)
def test_compute_id_is_read_as_nova_reads_it(tmp_path, content, value, problem):
    """Forty characters, blanks around the UUID."""
    (tmp_path / "compute_id").write_text(content)
    place = look(str(tmp_path))
    assert (place.value, place.problem) == (value, problem)


def test_a_compute_id_that_is_no_file_is_a_problem(tmp_path):
    """A directory, and none at all."""
    assert look(str(tmp_path)).problem == ""
    (tmp_path / "compute_id").mkdir()
    assert "directory" in look(str(tmp_path)).problem


def test_directories_of_configuration_are_not_searched(tmp_path, files):
    """nova looks beside each --config-file, not in a --config-dir."""
    assert searched((*files, tmp_path / "a"), None) == (str(tmp_path), str(tmp_path / "a"))


def test_the_order_of_brokers_does_not_matter():
    """Each host tries them in its own order."""
    assert same_bus("rabbit://b:1,a:2/v") == same_bus("rabbit://a:2,b:1/v") == "rabbit://a:2,b:1/v"
    assert same_bus("rabbit://a:1/v") != same_bus("rabbit://a:1/w")
    assert same_bus("(not understood)") == ""
