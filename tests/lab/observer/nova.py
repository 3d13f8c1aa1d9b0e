"""Heartbeats and service records from Nova's database, so also while the API or RabbitMQ is down."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pymysql

from lab.parts import mariadb

if TYPE_CHECKING:
    from lab.records import Recorder

_INTERVAL_S = 0.2
_QUERY = (
    "SELECT host, report_count, last_seen_up, disabled, disabled_reason, forced_down FROM services"
    " WHERE `binary` = 'nova-compute' AND deleted = 0"
)
_State = dict[str, Any]


def watch_services(recorder: Recorder) -> None:
    """Record `heartbeat` when a service reports and `service` when its state is changed, for ever."""
    heartbeats: dict[str, _State] = {}
    states: dict[str, _State] = {}
    connection: pymysql.Connection[pymysql.cursors.Cursor] | None = None
    while True:
        try:
            connection = connection or mariadb.connect("nova")
            with connection.cursor() as cursor:
                cursor.execute(_QUERY)
                rows = cursor.fetchall()
        except pymysql.Error:
            connection = None
            rows = ()
        now = time.monotonic()
        for host, count, seen, disabled, reason, forced in rows:
            heartbeat = {"report_count": count, "last_seen_up": seen.isoformat() if seen else None}
            state = {"disabled": bool(disabled), "disabled_reason": reason, "forced_down": bool(forced)}
            if count and heartbeats.get(host) != heartbeat:
                heartbeats[host] = heartbeat
                recorder.write("heartbeat", t=now, host=host, **heartbeat)
            if states.get(host) != state:
                states[host] = state
                recorder.write("service", t=now, host=host, **state)
        time.sleep(_INTERVAL_S)
