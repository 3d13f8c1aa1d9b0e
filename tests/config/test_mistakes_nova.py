"""Mistakes in nova's own files are told like the others: file, section and option, not the line's content."""

from __future__ import annotations

import pytest

from config.sites import Case, Site, cases

CASES = cases("mistakes_nova.toml")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.line[:50])
def test_a_mistake_in_novas_files_is_told_at_its_file(site: Site, case: Case) -> None:
    """The file that sets the option, section and option, what is wrong, what is allowed."""
    site.edit("cluster-a.conf", case.change(site.root))
    assert f"ROOT/cluster-a.conf: {case.line}" in site.mistakes()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[DEFAULT]\nhost\n", "line 2: is no assignment"),
        ("[DEFAULT]\n = x\n", "line 2: is indented, but there is no value to continue"),
        ("[DEFAULT]\n= x\n", "line 2: has a value without a key"),
        ("[DEFAULT\n", "line 1: is a section without its closing bracket"),
        ("[]\n", "line 1: is a section without a name"),
        ("host = x\n[DEFAULT]\n", "at or above line 2: has a key before the first section"),
        (
            "[DEFAULT]\nconfig_source = vault\n",
            "[DEFAULT] config_source: values from other sources than files are not read",
        ),
    ],
)
def test_a_file_that_nova_cannot_parse_is_told_with_its_line(site: Site, text: str, line: str) -> None:
    """oslo.config's complaint, without the line's content."""
    (site.root / "cluster-a.conf").write_text(text)
    (found,) = site.mistakes()
    assert found.startswith(f"ROOT/cluster-a.conf: {line}; allowed: ")


def test_a_nova_file_that_is_not_utf8_is_told(site: Site) -> None:
    """By the file's name, without its content."""
    (site.root / "cluster-a.conf").write_bytes(b"[DEFAULT]\nhost = \xff\n")
    (found,) = site.mistakes()
    assert "pairing.cluster-a.nova_config[1]: ROOT/cluster-a.conf is not UTF-8" in found
