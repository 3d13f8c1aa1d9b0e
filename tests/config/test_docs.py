"""The documentation and the shipped examples say what the program does."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped, unused-ignore]

from nova_watchdog.config import load_units
from nova_watchdog.config.errors import Findings
from nova_watchdog.config.reference import key_tables
from nova_watchdog.config.schema import HoldTable, PolicyTable, Table
from nova_watchdog.config.toml_file import read_document

ROOT = Path(__file__).parents[2]


def test_the_reference_of_keys_is_up_to_date() -> None:
    """docs/configuration.md holds what `nova-watchdog config keys` prints."""
    text = (ROOT / "docs/configuration.md").read_text()
    printed = text.split("<!-- keys: begin -->\n")[1].split("<!-- keys: end -->")[0]
    assert printed.strip() == "\n".join(key_tables()).strip()


@pytest.mark.parametrize("table", [PolicyTable, HoldTable])
def test_every_field_of_a_policy_has_a_meaning(table: type[Table]) -> None:
    """The meanings come from the docstrings of the dataclasses: a field without a paragraph has none."""
    assert [name for name, field in table.model_fields.items() if not field.description] == []


def test_what_is_not_in_force_says_so() -> None:
    """The keys of `[hold]` have no effect on a daemon that is alone."""
    assert "### `[hold]`: used with `[etcd]`, and by `simulate`" in list(key_tables())


def test_the_example_is_right() -> None:
    """Its keys are known and its values allowed."""
    findings = Findings()
    document = read_document(ROOT / "docs/example/nova-watchdog.toml", findings)
    assert findings.mistakes == []
    assert document is not None
    assert document.cloud is not None
    clouds = yaml.safe_load((ROOT / "docs/example/clouds.yaml").read_text())
    assert document.cloud.cloud in clouds["clouds"]


def test_the_units_of_the_example_are_sorted_and_complete() -> None:
    """What the polkit rule is made of."""
    assert load_units(ROOT / "docs/example/nova-watchdog.toml") == (
        "nova-compute@cluster-a.service",
        "nova-compute@cluster-b.service",
    )
