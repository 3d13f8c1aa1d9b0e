"""`docs/metrics.md`, generated: `python -m nova_watchdog.telemetry.metrics_page > docs/metrics.md`."""

from __future__ import annotations

import sys

from nova_watchdog.core.concerns import Concern
from nova_watchdog.core.diagnose import Condition, Diagnosis
from nova_watchdog.core.facts import BusFact, HeartbeatFact, NovaFact, Quality, RpcFact, UnitFact, VCenterFact
from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.permission import Permission
from nova_watchdog.core.rules import TABLE
from nova_watchdog.core.state import Phase
from nova_watchdog.core.store_size import ALARMS
from nova_watchdog.telemetry.families import (
    ACTIONS,
    DRS_STATES,
    FAMILIES,
    HOLD_ACTIONS,
    OUTCOMES,
    PROBE_KINDS,
    READINGS,
    RELOADS,
    SERVICE_STATES,
    TAKEOVERS,
    VCENTER_STATES,
    words,
)

_HEAD = """\
# Metrics

Generated from the code by `python -m nova_watchdog.telemetry.metrics_page`; do not edit.

`GET /metrics` answers from the last picture that the daemon has, in Prometheus' text format, or in
OpenMetrics where the `Accept` header asks for it. A scrape never starts a probe and never waits for one.
Every series exists from the daemon's start; label values come from the configuration and from the closed
lists below alone. Times are Unix seconds, durations are seconds, and an age that cannot be told is `NaN`.
The daemon's own process adds the usual `process_*` families (memory, CPU time, open files).

Scrape every 15 s or more often: the alerts in `alerts/` count on it.

- A gauge that comes from a reading is `NaN` while that reading is unknown: a comparison with `NaN` is never
  true (but `!=`, which always is), so an alert on it stays silent. Alert on
  `nova_watchdog_pairing_reading_known` and `nova_watchdog_probe_success` as well.
- `nova_watchdog_pairing_condition` and `nova_watchdog_pairing_diagnosis` carry `vcenter` and `bus`, so that
  alerts are grouped and inhibited by what the pairings share. To give these labels to any other family of a
  pairing: `X * on (job, instance, pairing) group_left (vcenter, bus) nova_watchdog_pairing_info`.
- `vcenter` is `address:port/user name`, `bus` is `driver://address:port/virtual host` without the account,
  empty where nova's transport URL names no bus that could be asked.
- The families of holding (`nova_watchdog_hold*`, `_holder_info`, `_standby_ready`, `_preflight_blocks`,
  `_store_*` and `_takeovers_total`) exist only where controllers share their pairings. The holder is the one
  that says `nova_watchdog_hold{claim="mine"} == 1`. `holder` and `controller` are names of controllers: these
  series come and go with them.
- With several controllers each has its own series; `max without (instance)` of a state set asks whether any
  of them sees it so.
"""


def page() -> str:
    """The whole page."""
    lines = [_HEAD, "| metric | type | labels | meaning |", "|---|---|---|---|"]
    for family in FAMILIES:
        labels = ", ".join(f"`{label}`" for label in family.labels) or "-"
        lines.append(f"| `{family.name}` | {family.kind.value} | {labels} | {family.meaning} |")
    lines += ["", "## Values of labels", "", "| label | of | values |", "|---|---|---|"]
    lines += [f"| `{label}` | {of} | {_listed(values)} |" for label, of, values in _closed_lists()]
    return "\n".join(lines) + "\n"


def _closed_lists() -> list[tuple[str, str, tuple[str, ...]]]:
    acting = (
        *(rule.number for rule in TABLE if rule.verb in ACTIONS),
        *(number for number, _ in HOLD_ACTIONS),
    )
    verbs = sorted({*ACTIONS.values(), *(verb for _, verb in HOLD_ACTIONS)})
    return [
        ("condition", "`nova_watchdog_pairing_condition`", words(Condition)),
        ("diagnosis", "`nova_watchdog_pairing_diagnosis`", words(Diagnosis)),
        ("concern", "`nova_watchdog_pairing_concern`", words(Concern)),
        ("phase", "`nova_watchdog_pairing_phase`", words(Phase)),
        ("permission", "`nova_watchdog_pairing_permission`", words(Permission)),
        ("state", "`nova_watchdog_pairing_unit_state`", words(UnitFact)),
        ("state", "`nova_watchdog_pairing_vcenter_state`", words(VCenterFact)),
        ("state", "`nova_watchdog_pairing_nova_state`", words(NovaFact)),
        ("state", "`nova_watchdog_pairing_heartbeat_state`", words(HeartbeatFact)),
        ("state", "`nova_watchdog_pairing_service_state`", SERVICE_STATES),
        ("state", "`nova_watchdog_pairing_bus_state`, `nova_watchdog_bus_state`", words(BusFact)),
        ("state", "`nova_watchdog_pairing_rpc_state`", words(RpcFact)),
        ("state", "`nova_watchdog_pairing_quality_state`", words(Quality)),
        ("state", "`nova_watchdog_pairing_cluster_drs_state`", DRS_STATES),
        ("state", "`nova_watchdog_vcenter_state`", VCENTER_STATES),
        ("reading", "`nova_watchdog_pairing_reading_*`", READINGS),
        ("rule", "`nova_watchdog_actions_total`", acting),
        ("action", "`nova_watchdog_actions_total`", tuple(verbs)),
        ("outcome", "`nova_watchdog_actions_total`", OUTCOMES),
        ("outcome", "`nova_watchdog_reloads_total`", RELOADS),
        ("kind", "`nova_watchdog_probe_*`", PROBE_KINDS),
        ("claim", "`nova_watchdog_hold`", words(Claim)),
        ("outcome", "`nova_watchdog_takeovers_total`", TAKEOVERS),
        ("alarm", "`nova_watchdog_store_alarm`", ALARMS),
    ]


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"`{value}`" for value in values)


if __name__ == "__main__":
    sys.stdout.write(page())
