"""`PYTHONPATH=watchdog:tests python -m drawings.write` writes docs/rules.md from the decision tables."""

from __future__ import annotations

from pathlib import Path

from drawings import phases
from drawings.tables import Table, entry, section
from nova_watchdog.core import diagnose, rules
from nova_watchdog.core.facts import Facts
from nova_watchdog.core.hold import rules as hold_rules
from nova_watchdog.core.hold.rules import HoldSituation
from nova_watchdog.core.kv import kv
from nova_watchdog.core.rules import Situation, Verb
from nova_watchdog.core.state import PairingState, Phase

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"

# One line here is all that a further table needs.
TABLES = (
    Table(
        "The diagnosis table",
        "what is wrong, and which readings show it",
        diagnose.TABLE,
        Facts,
        {"diagnosis": "word", "shown_by": "shown by"},
    ),
    Table(
        "The rule table",
        "what is done about it, and why",
        rules.TABLE,
        Situation,
        {"verb": "verb", "next": "next phase", "why": "why", "remedy": "remedy"},
    ),
    Table(
        "The table of holding",
        "who takes, keeps and gives up a pairing",
        hold_rules.TABLE,
        HoldSituation,
        {"verb": "verb", "why": "why", "remedy": "remedy"},
        "Applied by a daemon with `[etcd]`, and by `simulate`.",
    ),
)

_HEAD = """\
# What a rule number means

Drawn from the code by `PYTHONPATH=watchdog:tests python -m drawings.write`; do not edit.

Whatever the daemon says of a pairing, rows of these tables stand behind it:

{tables}

## From a number to its row

```text
{line}
```

1. Take the number. In the journal it is `rule=` and the first word of `shown_by=`; in `nova-watchdog status`
   it is in the lines `rule` and `shown by`; in `nova-watchdog history` in brackets. The description of
   `WatchdogActed` begins with it, and it is the label `rule` of `nova_watchdog_actions_total`.
2. Its row is this page with the number in small letters behind it: [`docs/rules.md#{anchor}`](#{anchor}). In
   a terminal: `grep 'id="{anchor}"' docs/rules.md`.
3. Read it with the rows above it: the first row that matches decides, so none of those matched. For what is
   so now `nova-watchdog explain PAIRING` shows every row, and the column that keeps it from matching.
4. `remedy` is for a human; `status` shows it with the pairing's own names for UNIT, HOST and PAIRING. Where
   there is none, nothing is asked of a human, and the line in the journal is no warning.

`phase=` in such a line is the phase that follows. The column `phase` of the rule table is the one before it.
"""

_PHASES = """\
## The phases

What the daemon remembers of a pairing between two looks. It begins at `{first}`: without a record, or with
one of another unit or host. Two things come before any rule: a unit that runs is watched, whoever started it
and whatever else is known, and where several controllers share a pairing the hold that begins here sets the
phase. A unit that this daemon has started stays in `{recovering}` until a rule sees that it works. Rules that
do something have it in brackets; rules that neither do anything nor change the phase are only in the rule
table.
"""


def page() -> str:
    """The whole page."""
    lines = [_head(), _PHASES.format(recovering=Phase.RECOVERING.value, first=PairingState().phase.value)]
    lines += ["```mermaid", *phases.diagram(), "```", "", *phases.table()]
    for table in TABLES:
        lines += ["", *section(table)]
    return "\n".join(lines) + "\n"


def _head() -> str:
    """How to use the page, with the rule that starts a process as its example."""
    rule = next(rule for rule in rules.TABLE if rule.verb is Verb.START)
    row = next(
        row for row in diagnose.TABLE if row.when.get("unit") and rule.when["diagnosis"] == {row.diagnosis}
    )
    line = kv(
        "edge",
        pairing="cluster-a",
        diagnosis=row.diagnosis,
        phase=rule.next,
        rule=rule.number,
        why=rule.why,
        shown_by=f"{row.number} {row.shown_by}",
    )
    tables = "\n".join(entry(table) for table in TABLES)
    return _HEAD.format(tables=tables, line=f"{line} ...", anchor=rule.number.lower())


if __name__ == "__main__":
    PAGE.write_text(page())
