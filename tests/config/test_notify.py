"""Receivers of events: right tables become settings, wrong ones one clear line each, no secret shows."""

from __future__ import annotations

import dataclasses
import importlib.util
import tomllib
from pathlib import Path

import pytest

from config.sites import Case, Site, cases
from nova_watchdog.config import ConfigError
from nova_watchdog.config.errors import Findings
from nova_watchdog.config.notify import read_notify
from nova_watchdog.config.settings import NotifySettings
from nova_watchdog.core.events import Severity

KEY = "0123456789abcdef0123456789abcdef"
ALL = """
[notify]
runbook_base_url = "https://wiki.example.org/runbooks/"
resend_s = 30
[[notify.alertmanager]]
url = "https://am1.example.org:9093/"
username = "watchdog"
password_file = "{root}/password"
[[notify.alertmanager]]
url = "https://am2.example.org:9093"
bearer_token_file = "{root}/token"
ca_file = "{root}/ca.pem"
least_firing_s = 45
[notify.pagerduty]
routing_key_file = "{root}/routing-key"
min_severity = "warning"
proxy = "http://proxy.example.org:3128"
[notify.apprise]
urls_file = "{root}/urls"
"""
SECRETS = ("the-password", "the-token", KEY, "slack-token", "mail-password")


@pytest.fixture
def notified(site: Site, ca_file: Path) -> Site:
    """A site with every receiver."""
    (site.root / "password").write_text("the-password\n")
    (site.root / "token").write_text("# issued in November\nthe-token\n")
    (site.root / "routing-key").write_text(KEY)
    (site.root / "urls").write_text(
        "# the team's channel\nslack://slack-token/#cloud\n\nmailto://u:mail-password@a.example\n"
    )
    (site.root / "ca.pem").write_bytes(ca_file.read_bytes())
    site.append("nova-watchdog.toml", ALL.format(root=site.root))
    return site


def test_without_a_table_nobody_is_told(site: Site) -> None:
    """No receiver, and nothing is wrong with that."""
    assert site.load().notify == NotifySettings()
    assert NotifySettings().known_secrets() == ()


def test_every_receiver_gets_what_its_table_says(notified: Site) -> None:
    """Addresses without their last slash, secrets from their files."""
    notify = notified.load().notify
    assert (notify.runbook_base_url, notify.resend_s) == ("https://wiki.example.org/runbooks", 30.0)
    first, second = notify.alertmanagers
    assert (first.url, first.username, first.least_firing_s) == (
        "https://am1.example.org:9093",
        "watchdog",
        60.0,
    )
    assert first.password is not None
    assert first.password.one() == "the-password"
    assert second.bearer_token is not None
    assert second.bearer_token.one() == "the-token"
    assert (second.password, second.ca_file, second.least_firing_s) == (None, notified.root / "ca.pem", 45.0)
    assert notify.pagerduty is not None
    assert notify.pagerduty.routing_key.one() == KEY
    assert notify.pagerduty.url == "https://events.pagerduty.com/v2/enqueue"
    assert notify.pagerduty.min_severity is Severity.WARNING
    assert notify.pagerduty.proxy == "http://proxy.example.org:3128"
    assert notify.apprise is not None
    assert notify.apprise.urls() == ("slack://slack-token/#cloud", "mailto://u:mail-password@a.example")
    assert notify.apprise.min_severity is Severity.WARNING


def test_a_pager_is_told_of_what_its_table_says(notified: Site) -> None:
    """For example of what is critical alone."""
    notified.edit("nova-watchdog.toml", {'min_severity = "warning"': 'min_severity = "critical"'})
    pagerduty = notified.load().notify.pagerduty
    assert pagerduty is not None
    assert pagerduty.min_severity is Severity.CRITICAL


@pytest.mark.parametrize("case", cases("mistakes_notify.toml"), ids=lambda case: case.line[:50])
def test_a_mistake_is_one_line(notified: Site, case: Case) -> None:
    """File, key, what is wrong, what is allowed; and nothing else."""
    notified.edit("nova-watchdog.toml", case.change(notified.root))
    assert notified.mistakes() == [f"ROOT/nova-watchdog.toml: {case.line}"]


@pytest.mark.parametrize(
    ("toml", "line"),
    [
        ("notify = 3", "notify: is an integer; allowed: a table [notify]"),
        (
            "[notify]\nalertmanager = 3",
            "notify.alertmanager: is an integer; allowed: tables such as [[notify.alertmanager]]",
        ),
        (
            '[notify.alertmanager]\nurl = "http://a"',
            "notify.alertmanager: is a table; allowed: tables such as [[notify.alertmanager]]",
        ),
        (
            "[notify]\nalertmanager = [3]",
            "notify.alertmanager[0]: is an integer; allowed: a table [notify.alertmanager[0]]",
        ),
        ("[notify]\npagerduty = 3", "notify.pagerduty: is an integer; allowed: a table [notify.pagerduty]"),
    ],
)
def test_a_table_of_another_shape_is_told(site: Site, toml: str, line: str) -> None:
    """`[notify.alertmanager]` instead of `[[...]]` is the usual one."""
    text = site.toml.read_text()
    site.toml.write_text(f"{toml}\n{text}" if toml.startswith("notify") else text + toml)
    assert site.mistakes() == [f"ROOT/nova-watchdog.toml: {line}"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "is empty; allowed: one line"),
        (b"# nothing but this\n", "is empty; allowed: one line"),
        (b"the-token\nthe-password\n", "holds 2 lines; allowed: one line"),
        (b"the-token\x1b[0m", "holds control characters; allowed: printable text"),
        (b"the-token\xff", "is not UTF-8; allowed: text in UTF-8"),
    ],
)
def test_an_unusable_secret_is_told_without_it(notified: Site, content: bytes, line: str) -> None:
    """Nothing of the file's content."""
    (notified.root / "token").write_bytes(content)
    assert notified.mistakes() == [
        f"ROOT/nova-watchdog.toml: notify.alertmanager[1].bearer_token_file: ROOT/token {line}"
    ]


def test_apprise_that_is_not_installed_is_told_with_the_remedy(
    notified: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an extra."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "apprise" else object())
    (line,) = notified.mistakes()
    assert line == (
        "ROOT/nova-watchdog.toml: notify.apprise: the Python package apprise is not installed; allowed: no"
        ' such table, or the extra: pip install "nova-compute-watchdog[notify]"'
    )


def test_mistakes_in_several_receivers_come_at_once(notified: Site) -> None:
    """One hides no other."""
    notified.edit("nova-watchdog.toml", {"https://am1": "am1", "https://am2": "am2"})
    (notified.root / "routing-key").unlink()
    (notified.root / "urls").write_text("")
    assert [line.split(": ")[1] for line in notified.mistakes()] == [
        "notify.alertmanager[0].url",
        "notify.alertmanager[1].url",
        "notify.pagerduty.routing_key_file",
        "notify.apprise.urls_file",
    ]


def test_a_secret_over_plain_http_is_noted(notified: Site) -> None:
    """It is allowed, and worth a word."""
    notified.edit("nova-watchdog.toml", {"https://am1": "http://am1"})
    assert notified.load().notes[-1] == (
        "notify.alertmanager[0]: its secret goes unencrypted to http://am1.example.org:9093"
    )


def test_no_secret_shows(notified: Site) -> None:
    """Neither in the settings nor in a mistake beside them."""
    settings = notified.load()
    text = repr(settings) + str(dataclasses.asdict(settings)) + "".join(settings.notes)
    notified.edit("nova-watchdog.toml", {"resend_s = 30": "resend_s = 3"})
    with pytest.raises(ConfigError) as caught:
        notified.load()
    text += repr(caught.value) + str(caught.value)
    assert not [secret for secret in SECRETS if secret in text]


def test_a_replaced_secret_is_taken_and_both_stay_known(notified: Site) -> None:
    """The old one may still be in a line that is about to be logged."""
    notify = notified.load().notify
    assert notify.pagerduty is not None
    new = notified.root / "new"
    new.write_text("fedcba9876543210")
    new.rename(notified.root / "routing-key")
    assert notify.pagerduty.routing_key.one() == "fedcba9876543210"
    assert {KEY, "fedcba9876543210", "the-password", "the-token"} <= set(notify.known_secrets())
    assert any("slack-token" in secret for secret in notify.known_secrets())


@pytest.mark.parametrize("content", [None, "", "a\nb\n"])
def test_a_secret_that_cannot_be_used_any_more_leaves_the_last_good_one(
    notified: Site, content: str | None
) -> None:
    """And its repair brings the new one."""
    notify = notified.load().notify
    assert notify.pagerduty is not None
    path = notified.root / "routing-key"
    path.unlink()
    if content is not None:
        path.write_text(content)
    assert notify.pagerduty.routing_key.one() == KEY
    path.write_text("fedcba9876543210")
    assert notify.pagerduty.routing_key.one() == "fedcba9876543210"


def test_the_example_of_the_documentation_is_right() -> None:
    """Its keys and values are; its files are not on this machine."""
    text = (Path(__file__).parents[2] / "docs/notifications.md").read_text()
    tables = tomllib.loads(text.split("```toml\n")[1].split("```")[0])
    findings = Findings()
    read_notify(Path("nova-watchdog.toml"), tables["notify"], findings)
    assert len(findings.mistakes) == 5
    assert all("does not exist" in mistake.wrong for mistake in findings.mistakes)
