"""Every mistake is one clear line, and all of them come at once."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from config.sites import Case, Site, cases

CASES = cases("mistakes.toml")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.line[:50])
def test_a_mistake_in_the_toml_file_is_one_line(site: Site, case: Case) -> None:
    """File, key, what is wrong, what is allowed; and nothing else."""
    site.edit("nova-watchdog.toml", case.change(site.root))
    lines = site.mistakes()
    assert f"ROOT/nova-watchdog.toml: {case.line}" in lines
    # A misspelt key may be missing under its right name too.
    assert len(lines) == 1 or "unknown key" in case.line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("mode = \n", "line 1, column 8: is not TOML: invalid value; allowed: TOML 1.0 (https://toml.io)"),
        (
            "a = 1\na = 2\n",
            "line 2, column 6: is not TOML: cannot overwrite a value; allowed: TOML 1.0 (https://toml.io)",
        ),
        ("openstack = 3\npairing = 1", "openstack: is an integer; allowed: a table [openstack]"),
        ("pairing = 1", "pairing: is an integer; allowed: tables such as [pairing.cluster-a]"),
        ("", "pairing: is missing; allowed: at least one table such as [pairing.cluster-a]"),
        ("pairing.a = 1", "pairing.a: is an integer; allowed: a table [pairing.a]"),
    ],
)
def test_a_file_of_another_shape_is_told(site: Site, text: str, line: str) -> None:
    """Syntax errors come with their line, tables that are none with their name."""
    site.toml.write_text(text)
    assert f"ROOT/nova-watchdog.toml: {line}" in site.mistakes()


def test_a_file_that_is_not_utf8_is_told_with_its_line(site: Site) -> None:
    """The position, not the content."""
    site.toml.write_bytes(b"# one\n# \xff\n")
    assert site.mistakes() == ["ROOT/nova-watchdog.toml: line 2: is not UTF-8; allowed: a TOML file in UTF-8"]


def test_a_missing_file_is_told(site: Site) -> None:
    """So is its missing directory."""
    site.toml.unlink()
    assert site.mistakes() == ["ROOT/nova-watchdog.toml: file: does not exist; allowed: a readable file"]


def test_a_file_that_is_no_file_is_told(site: Site) -> None:
    """A directory or a socket is never opened."""
    site.toml.unlink()
    site.toml.mkdir()
    assert site.mistakes() == ["ROOT/nova-watchdog.toml: file: is a directory; allowed: a regular file"]
    (site.root / "nova.conf").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(site.root / "nova.conf"))
    site.toml.rmdir()
    site.toml.write_text(
        f'[openstack]\ncloud = "lab"\nclouds_file = "{site.root}/clouds.yaml"\n'
        f'[pairing.a]\nunit = "a.service"\nnova_config = ["{site.root}/nova.conf"]\n'
        f'[control]\nsocket = "{site.root}/s"\n[store]\npath = "{site.root}/s"\n'
    )
    (line,) = site.mistakes()
    assert line.endswith(
        "pairing.a.nova_config[0]: ROOT/nova.conf is no regular file; allowed: a regular file"
    )


def test_all_mistakes_come_at_once(site: Site) -> None:
    """Across tables, pairings and nova's files, a wrong table not hiding what lies behind it."""
    site.edit(
        "nova-watchdog.toml",
        {
            'cloud = "lab"': 'cloud = "lba"\ntimeout_s = "4"',
            "@cluster-a.service": "@cluster-a",
            "[store]": "[storage]\n[store]\nx = 1",
        },
    )
    site.edit("cluster-a.conf", {"host_ip = vc1.example.org\n": ""})
    site.edit("cluster-b.conf", {"[vmware]": "[vmware"})
    found = [line.split("; allowed")[0].replace("nova-watchdog.toml", "TOML") for line in site.mistakes()]
    assert found == [
        'ROOT/TOML: storage: unknown key (did you mean "store"?)',
        "ROOT/TOML: openstack.timeout_s: is a string",
        'ROOT/TOML: pairing.cluster-a.unit: is "nova-compute@cluster-a"',
        "ROOT/TOML: store.x: unknown key",
        "ROOT/cluster-a.conf: [vmware] host_ip: is set in none of ROOT/nova.conf, ROOT/cluster-a.conf",
        "ROOT/cluster-b.conf: line 4: is a section without its closing bracket",
        'ROOT/TOML: openstack.cloud: "lba" is no cloud of ROOT/clouds.yaml (did you mean "lab"?)',
    ]


def test_a_mistake_in_a_shared_file_is_told_once(site: Site) -> None:
    """Both pairings read nova.conf; its bad line is one mistake."""
    site.append("nova.conf", "oops\n")
    assert site.mistakes() == [
        "ROOT/nova.conf: line 5: is no assignment; allowed: key = value, [section], or # and a comment"
    ]


def test_two_pairings_may_not_share_a_host(site: Site) -> None:
    """Two nova-computes under one name destroy each other's work."""
    site.edit("cluster-b.conf", {"host = vcenter-cluster-b": "host = vcenter-cluster-a"})
    (line,) = site.mistakes()
    wrong, allowed = line.split("; allowed: ")
    assert wrong.endswith(
        'pairing.cluster-b.nova_config: [DEFAULT] host "vcenter-cluster-a" is that of pairing.cluster-a too'
    )
    assert allowed.startswith("a host of its own for each pairing")


def test_two_pairings_may_not_share_a_cluster_whatever_the_account(site: Site) -> None:
    """The same cluster of the same vCenter, its name in other letters, is one cluster."""
    site.edit(
        "cluster-b.conf",
        {"cluster_name = cluster-b": "cluster_name = cluster-a", "vc1": "VC1", "nova@": "other@"},
    )
    (line,) = site.mistakes()
    assert 'cluster_name "cluster-a" at VC1.example.org:443 belongs to pairing.cluster-a too' in line


def test_pairings_with_one_session_must_agree_on_trust(site: Site) -> None:
    """One of them would be verified, the other not."""
    site.edit("cluster-b.conf", {"insecure = true": "insecure = false"})
    (line,) = site.mistakes()
    assert "[vmware] ca_file or insecure differs from pairing.cluster-a's" in line


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (
            "clouds: {lab: [\n",
            "ROOT/clouds.yaml: line 2: is not YAML; allowed: a clouds.yaml as openstacksdk reads it",
        ),
        (
            "cloud: {}\n",
            "ROOT/clouds.yaml: clouds: is missing or empty; allowed: a table of clouds, as openstacksdk",
        ),
        (
            "- lab\n",
            "ROOT/clouds.yaml: clouds: is missing or empty; allowed: a table of clouds, as openstacksdk",
        ),
    ],
)
def test_a_wrong_clouds_yaml_is_told(site: Site, content: str, line: str) -> None:
    """With its line where it is no YAML."""
    (site.root / "clouds.yaml").write_text(content)
    (found,) = site.mistakes()
    assert found.startswith(line)


def test_a_file_name_cannot_forge_a_second_line(site: Site) -> None:
    """A mistake is one line whatever is in it."""
    site.edit("nova-watchdog.toml", {f"{site.root}/cluster-a.conf": "/none\\nfile: key: wrong"})
    (line,) = site.mistakes()
    assert "/none\\nfile: key: wrong does not exist" in line


def test_nothing_else_is_written(site: Site, tmp_path: Path) -> None:
    """Reading a configuration leaves no file behind."""
    before = sorted(tmp_path.iterdir())
    site.load()
    assert sorted(tmp_path.iterdir()) == before
