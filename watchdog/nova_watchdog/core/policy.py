"""Thresholds, with units and reasons, and the inequalities between them."""

from __future__ import annotations

from dataclasses import dataclass

# nova-compute reports every `report_interval` (10 s by default, nova/conf/service.py).
NOVA_REPORT_INTERVAL_S = 10.0
# ResourceTracker's update_available_resource, nova/compute/manager.py.
_NOVA_POLLS_EVERY_S = 60.0
# WatchdogSec= of the daemon's unit is 30 s, and a look may take its time.
_LONGEST_TICK_S = 10.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the daemon is, and how much it may do before only a human may act.

    restart_budget: starts allowed in `restart_window_s` before the pairing is given up.
    restart_window_s: how long a start counts against the budget.
    restart_backoff_s: pause before the 1st, 2nd, ... start since the pairing was last healthy; the
        last value repeats.
    start_cap_s: how long a start may take before missing heartbeats count (init_host walks over
        every instance of the cluster before the first heartbeat).
    heartbeat_stale_s: age at which a heartbeat no longer counts, by local receipt. Nova's own
        `service_down_time` is 60 s.
    vcenter_max_age_s, services_max_age_s, bus_max_age_s, inventory_max_age_s, workload_max_age_s: age
        at which a reading turns Unknown.
    settle_s: how long a dependency must have passed before a start that waited for it.
    stuck_disabled_hold_s: how long vCenter must have been fine, and the driver's own disable still
        stand, before it counts as stuck: the driver takes 19 to 92 s to enable itself again.
    enable_retry_s: pause between two attempts to enable a service.
    hang_hold_s: how long pings must have gone unanswered, on a proven bus with a conductor answering,
        before a nova-compute counts as hung (and its heartbeat must stand still too).
    conductor_hold_s: how long no conductor must have answered on a proven bus before they count as down.
    kill_retry_s: pause between two attempts to kill a hung nova-compute.
    action_spacing_s: how long after a start or a kill the other pairings of the same vCenter or message
        bus wait with theirs; only the first starts after a takeover do not wait for one another.
    vcenter_idle_s: how long nova's account may make no call to vCenter; it polls every 60 s.
    two_consumers_hold_s: how long two consumers on one queue are tolerated: RabbitMQ keeps the one of a
        lost process for minutes.
    queued_rpcs: how many RPCs may wait in the queue of a nova-compute.
    build_stuck_s: how long an instance may be in BUILD without a change.
    datastore_free_min: the free part of a datastore below which it counts as full, 0 to 1.
    certificate_warn_days: how many days before its end vCenter's certificate is told.
    tick_s: the longest time between two looks at a pairing when nothing wakes it.
    """

    restart_budget: int = 3
    restart_window_s: float = 1800.0
    restart_backoff_s: tuple[float, ...] = (0.0, 10.0, 60.0)
    start_cap_s: float = 1800.0
    heartbeat_stale_s: float = 45.0
    vcenter_max_age_s: float = 20.0
    services_max_age_s: float = 20.0
    settle_s: float = 5.0
    stuck_disabled_hold_s: float = 150.0
    enable_retry_s: float = 30.0
    bus_max_age_s: float = 45.0
    inventory_max_age_s: float = 180.0
    workload_max_age_s: float = 180.0
    hang_hold_s: float = 60.0
    conductor_hold_s: float = 15.0
    kill_retry_s: float = 60.0
    action_spacing_s: float = 15.0
    vcenter_idle_s: float = 125.0
    two_consumers_hold_s: float = 180.0
    queued_rpcs: int = 20
    build_stuck_s: float = 1800.0
    datastore_free_min: float = 0.05
    certificate_warn_days: float = 21.0
    tick_s: float = 1.0

    def problems(self) -> list[tuple[str, str, str]]:
        """Every broken bound as (key, what is wrong, what is allowed)."""
        found: list[tuple[str, str, str]] = []
        if self.restart_budget < 1:
            found.append(("restart_budget", f"is {self.restart_budget}", "1 or more"))
        if not self.restart_backoff_s:
            found.append(("restart_backoff_s", "is empty", "at least one pause in seconds"))
        elif min(self.restart_backoff_s) < 0 or list(self.restart_backoff_s) != sorted(
            self.restart_backoff_s
        ):
            found.append(
                (
                    "restart_backoff_s",
                    f"is {list(self.restart_backoff_s)}",
                    "pauses of 0 or more that never shrink",
                )
            )
        elif self.restart_window_s <= self.restart_backoff_s[-1]:
            found.append(
                (
                    "restart_window_s",
                    f"is {self.restart_window_s:g}",
                    f"more than the longest pause in restart_backoff_s ({self.restart_backoff_s[-1]:g})",
                )
            )
        if self.heartbeat_stale_s < 3 * NOVA_REPORT_INTERVAL_S:
            found.append(
                (
                    "heartbeat_stale_s",
                    f"is {self.heartbeat_stale_s:g}",
                    f"{3 * NOVA_REPORT_INTERVAL_S:g} or more: three of Nova's report intervals",
                )
            )
        found += self._out_of_bounds()
        found += self._not_positive()
        return found

    def _out_of_bounds(self) -> list[tuple[str, str, str]]:
        """What is too short, too long, or no fraction."""
        found: list[tuple[str, str, str]] = []
        if self.hang_hold_s < 2 * NOVA_REPORT_INTERVAL_S:
            found.append(
                ("hang_hold_s", f"is {self.hang_hold_s:g}", f"{2 * NOVA_REPORT_INTERVAL_S:g} or more")
            )
        if self.vcenter_idle_s < _NOVA_POLLS_EVERY_S:
            found.append(
                ("vcenter_idle_s", f"is {self.vcenter_idle_s:g}", "60 or more: nova polls every 60 s")
            )
        if not 0 <= self.datastore_free_min < 1:
            found.append(("datastore_free_min", f"is {self.datastore_free_min:g}", "0 or more, less than 1"))
        if self.tick_s > _LONGEST_TICK_S:
            found.append(("tick_s", f"is {self.tick_s:g}", f"up to {_LONGEST_TICK_S:g}: systemd waits 30 s"))
        if self.action_spacing_s < 0:
            found.append(("action_spacing_s", f"is {self.action_spacing_s:g}", "0 or more"))
        return found

    def _not_positive(self) -> list[tuple[str, str, str]]:
        """Durations that must be more than zero."""
        names = (
            "restart_window_s",
            "start_cap_s",
            "vcenter_max_age_s",
            "services_max_age_s",
            "settle_s",
            "stuck_disabled_hold_s",
            "enable_retry_s",
            "bus_max_age_s",
            "inventory_max_age_s",
            "workload_max_age_s",
            "conductor_hold_s",
            "kill_retry_s",
            "two_consumers_hold_s",
            "queued_rpcs",
            "build_stuck_s",
            "certificate_warn_days",
            "tick_s",
        )
        return [
            (name, f"is {getattr(self, name):g}", "more than 0") for name in names if getattr(self, name) <= 0
        ]
