"""The daemon reads nova's files as nova does: nova's own CONF, in a process of its own, is the judge."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.nova_reader import OPTIONS
from nova_watchdog.config.errors import Findings
from nova_watchdog.config.nova_conf import NovaConf, UnusableValueError
from nova_watchdog.config.nova_files import Reference

pytestmark = pytest.mark.lab

ERROR = "(error)"
Judge = Callable[[Sequence[Path]], list[Any]]


@pytest.fixture(scope="session")
def nova() -> Iterator[Judge]:
    """nova's answer for a list of files, by a process in the lab's OpenStack environment."""
    cache = Path(os.environ.get("LAB_CACHE", "/var/cache/nova-watchdog-lab"))
    environments = sorted(cache.glob("openstack-*/complete"), key=lambda path: path.lstat().st_mtime)
    assert environments, f"no OpenStack environment in {cache}: `make lab-up` makes it"
    reader = Path(__file__).parent / "nova_reader.py"
    with subprocess.Popen(
        [environments[-1].parent / "bin/python", reader],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        question, answer = process.stdin, process.stdout

        def ask(paths: Sequence[Path]) -> list[Any]:
            question.write(json.dumps([str(path) for path in paths]) + "\n")
            question.flush()
            values = json.loads(answer.readline())
            if isinstance(values, dict):
                return [ERROR] * len(OPTIONS)
            return [ERROR if isinstance(value, dict) else value for value in values]

        yield ask
        question.close()


def ours(paths: Sequence[Path]) -> list[Any]:
    """The daemon's answer in the same form."""
    conf = NovaConf.read(paths, Reference("", ""), Findings())
    if conf is None:
        return [ERROR] * len(OPTIONS)
    values: list[Any] = []
    for section, option in OPTIONS:
        try:
            values.append(conf.value(section, option))
        except UnusableValueError:
            values.append(ERROR)
    return values


def compare(nova: Judge, paths: Sequence[Path]) -> dict[str, Any]:
    """Both answers agree; returns them by option."""
    by_nova, by_us = nova(paths), ours(paths)
    differences = {
        name: {"nova": theirs, "watchdog": mine}
        for name, theirs, mine in zip(OPTIONS, by_nova, by_us, strict=True)
        # nova's default lies in its own installation, which is not known here.
        if theirs != mine and not (name == ("DEFAULT", "state_path") and mine == ERROR)
    }
    assert not differences, "\n".join(path.read_text() for path in paths if path.is_file())
    return {option: value for (_, option), value in zip(OPTIONS, by_us, strict=True)}


BASE = "[DEFAULT]\nstate_path = /var/lib/nova\nmy_ip = 192.0.2.11\n[glance]\nregion_name = one\n"

TRICKY = {
    "nothing is set": ("",),
    "comments and blank lines": ("# a\n; b\n[DEFAULT]\n\nhost = a # b\n",),
    "continued lines": ("[vmware]\ncluster_name = one\n  two\n\tthree\nhost_username = x\n",),
    "a blank line ends a value": ("[vmware]\ncluster_name = one\n\nhost_username = x\n",),
    "quotes": ('[vmware]\ncluster_name = "a b"\nhost_username = \'c\'\ncache_prefix = "d\'\nca_file = "\n',),
    "colons": ("[vmware]\ncluster_name: a = b\nhost_username = c:d\n",),
    "dollars": ("[vmware]\nhost_password = a$$b\\$c$1$ $\nhost_username = $$x\n",),
    "variables of both sections": ("[DEFAULT]\nhost = h\n[vmware]\ncluster_name = ${host}-$host_port\n",),
    "own section first": (
        "[DEFAULT]\ncache_prefix = d\n[vmware]\ncache_prefix = v\nca_file = $cache_prefix\n",
    ),
    "a foreign name in the section": ("[DEFAULT]\nhost = d\n[vmware]\nhost = v\nca_file = $host\n",),
    "a dotted variable": ("[DEFAULT]\nhost = ${vmware.cluster_name}\n[vmware]\ncluster_name = c\n",),
    "a dotted variable runs on": ("[vmware]\nca_file = $my_ip.example.org\n",),
    "a variable of another section": ("[vmware]\nca_file = $glance.region_name\n",),
    "an unset variable": ("[vmware]\nca_file = $cache_prefix/x\n",),
    "an unknown variable": ("[vmware]\nca_file = $nope/x\ncluster_name = ${vmware.nope}\n",),
    "a section as variable": ("[DEFAULT]\nhost = $vmware\n[vmware]\nca_file = $vmware\n",),
    "a circle": ("[vmware]\ncluster_name = $cache_prefix\ncache_prefix = $cluster_name\n",),
    "an indirect variable": (
        "[DEFAULT]\nhost = $my_ip\n[vmware]\nca_file = /$host\ncache_prefix = $ca_file\n",
    ),
    "twice in one file": (
        "[vmware]\nhost_ip = a\nhost_ip = b\n[DEFAULT]\nhost = x\n[vmware]\nhost_ip = c\n",
    ),
    "section names in other letters": (
        "[VMware]\nhost_ip = a\n[VMWARE]\ncluster_name = c\n[default]\nhost = x\n",
    ),
    "a later file wins": ("[vmware]\nhost_ip = a\nhost_port = 1\n", "[vmware]\nhost_ip = b\n"),
    "a later empty value wins": ("[vmware]\ncluster_name = a\n", "[vmware]\ncluster_name =\n"),
    "a later file changes a variable": ("[DEFAULT]\nhost = $my_ip\n", "[DEFAULT]\nmy_ip = 192.0.2.99\n"),
    "wrong types": ("[vmware]\nhost_port = x\ninsecure = maybe\napi_retry_count = -1\nhost_ip = a b\n",),
    "types with spaces": ("[vmware]\nhost_port =  8443 \ninsecure = Yes\napi_retry_count = 007\n",),
    "empty values": ("[vmware]\nhost_port =\ninsecure =\nhost_ip =\napi_retry_count =\n",),
    "names with an underscore": ("[DEFAULT]\nhost = vc_cluster_a\n[vmware]\nhost_ip = vc_1\n",),
    "addresses": ("[DEFAULT]\nhost = 2001:db8::1\n[vmware]\nhost_ip = 300.1.1.1\n",),
    "no section": ("host = x\n",),
    "no assignment": ("[DEFAULT]\nhost\n",),
    "an open section": ("[DEFAULT\n",),
    "a continuation of nothing": ("[DEFAULT]\n  host = x\n",),
}


@pytest.mark.parametrize("texts", TRICKY.values(), ids=TRICKY)
def test_tricky_files_mean_the_same(
    nova: Judge, nova_files: Callable[..., list[Path]], texts: tuple[str, ...]
) -> None:
    """Value by value, errors included."""
    compare(nova, nova_files(BASE, *texts))


def test_a_directory_means_the_same(nova: Judge, tmp_path: Path) -> None:
    """Its *.conf in the order of their names, in its place among the files."""
    directory = tmp_path / "conf.d"
    directory.mkdir()
    for name, cluster in (("b.conf", "b"), ("a.conf", "a"), (".hidden.conf", "h"), ("z.txt", "z")):
        (directory / name).write_text(f"[vmware]\ncluster_name = {cluster}\nhost_ip = {cluster}\n")
    last = tmp_path / "last.conf"
    last.write_text(BASE + "[vmware]\nhost_ip = last\n")
    values = compare(nova, [directory, last])
    assert (values["cluster_name"], values["host_ip"]) == ("b", "last")
    values = compare(nova, [last, directory])
    assert (values["cluster_name"], values["host_ip"]) == ("b", "b")


_NAMES = st.sampled_from([option for _, option in OPTIONS])
_SECTIONS = st.sampled_from(["[DEFAULT]", "[vmware]", "[VMware]", "[glance]"])
_PIECES = st.sampled_from(
    [
        *("a", "b.c", "8443", "true", " ", "  ", "'", '"', ",", "#", ";", "=", ":", "%s", "é", "{", "}"),
        *("$", "$$", "\\$", "${", "$my_ip", "${my_ip}", "${host}", "$host_port", "$cluster_name"),
        *("${vmware.host_ip}", "$glance.region_name", "$nope", "${DEFAULT.host}", "$state_path", "$HOST"),
    ]
)
_VALUES = st.lists(_PIECES, max_size=4).map("".join)
_ASSIGNMENTS = st.builds(
    lambda name, sign, value: f"{name}{sign}{value}",
    _NAMES,
    st.sampled_from(["=", " = ", ": ", " :"]),
    _VALUES,
)
_CONTINUED = st.builds(lambda first, second: f"{first}\n  {second}", _ASSIGNMENTS, _VALUES)
_OTHERS = st.one_of(st.just(""), st.just("# x"), st.just("; x"), _SECTIONS)
_LINES = st.one_of(_SECTIONS, *[_ASSIGNMENTS] * 4, _CONTINUED, _OTHERS)
_MALFORMED = st.one_of(_VALUES, _VALUES.map(lambda value: f"  {value}"))
_GOOD = st.lists(_LINES, max_size=12).map("\n".join)
_BAD = st.lists(st.one_of(_LINES, _MALFORMED), max_size=6).map("\n".join)
_FILES = st.lists(st.one_of(_GOOD, _GOOD, _GOOD, _GOOD, _BAD), min_size=1, max_size=3)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(texts=_FILES)
def test_random_files_mean_the_same(nova: Judge, texts: list[str]) -> None:
    """Sections, assignments, continuations and variables in any order, over several files."""
    with tempfile.TemporaryDirectory() as directory:
        paths = [Path(directory) / f"{index}.conf" for index in range(len(texts) + 1)]
        for path, text in zip(paths, [BASE, *(f"[vmware]\n{text}\n" for text in texts)], strict=True):
            path.write_text(text)
        compare(nova, paths)
