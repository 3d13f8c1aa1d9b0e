"""Nova's service records over its API: keystoneauth for the session, openstacksdk for clouds.yaml.

Uses `GET /os-services` and `PUT /os-services/{id}` at microversion 2.53 (Pike), the first one in
which a service has a UUID.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from keystoneauth1 import exceptions as keystone_errors
from requests import exceptions as requests_errors

from nova_watchdog.core.model import ServiceRecord, ServicesView
from nova_watchdog.ports import ActionRefusedError, Clock, ProbeError, ResultUnknownError

from ._clouds import CloudSession
from ._once import Once
from ._worker import Worker, WorkerTimeoutError

T = TypeVar("T")
_COMPUTE = "nova-compute"
_CONDUCTOR = "nova-conductor"
_SERVER_FAULT = 500


class OpenStackServices:
    """`ports.NovaServices` for one cloud, with one thread.

    `cloud` is the entry in `clouds_file` (clouds.yaml; a secure.yaml beside it is read too).
    `timeout_s` is the hard limit of one call.
    """

    def __init__(self, cloud: str, clouds_file: Path | str, *, timeout_s: float, clock: Clock) -> None:
        self._timeout_s = timeout_s
        self._session = CloudSession(cloud, Path(clouds_file), timeout_s=timeout_s, clock=clock)
        self._worker = Worker("nova")

    async def read(self) -> ServicesView:
        """All services, one request. Raises ProbeError."""
        try:
            return await self._worker.run(self._read, timeout_s=self._timeout_s)
        except WorkerTimeoutError as error:
            raise ProbeError(f"Nova gave {error}") from error

    async def enable(self, host: str, *, only_if_reason: str) -> None:
        """Enable the nova-compute of `host`, only while it is disabled with exactly that reason.

        Nova has no conditional write: the record is read right before, in the same call. Raises
        ActionRefusedError, ResultUnknownError.
        """
        once = Once()
        try:
            await self._worker.run(
                lambda: self._enable(host, only_if_reason, once), timeout_s=2 * self._timeout_s
            )
        except WorkerTimeoutError as error:
            # The thread may still be at it. Either it has not sent the change, and will not any more...
            if once.cancel():
                raise ActionRefusedError(f"{host} was not enabled: Nova gave {error}") from error
            # ...or it has, and the answer is missing.
            raise ResultUnknownError(f"enabling {host}: Nova gave {error}") from error

    async def close(self) -> None:
        """End the thread once it is idle. The token is left to expire."""
        self._worker.stop()

    def _read(self) -> ServicesView:
        services = self._services({})
        conductors = [service for service in services if service["binary"] == _CONDUCTOR]
        return ServicesView(
            computes={
                service["host"]: _record(service) for service in services if service["binary"] == _COMPUTE
            },
            conductors_up=sum(service["state"] == "up" for service in conductors),
            conductors=len(conductors),
        )

    def _services(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        answer = _translated(
            lambda: self._session.compute().get("/os-services", params=dict(query)), self._session
        )
        try:
            services = answer.json()["services"]
            for service in services:
                _record(service), service["binary"]  # checks that nothing is missing
        except (requests_errors.JSONDecodeError, KeyError, TypeError) as error:
            raise ProbeError(f"Nova's answer is not a list of services ({type(error).__name__})") from error
        return list(services)

    def _enable(self, host: str, only_if_reason: str, once: Once) -> None:
        try:
            found = self._services({"host": host, "binary": _COMPUTE})
        except ProbeError as error:
            raise ActionRefusedError(f"{host} was not enabled, its record cannot be read: {error}") from error
        records = [record for service in found if (record := _record(service)).host == host]
        if len(records) != 1:
            raise ActionRefusedError(f"Nova has {len(records)} nova-compute records of {host}")
        if (obstacle := _obstacle(records[0], only_if_reason)) is not None:
            raise ActionRefusedError(f"{host} was not enabled: {obstacle}")
        if not once.begin():
            return  # the caller gave up meanwhile
        self._put_enabled(host, records[0].service_id)

    def _put_enabled(self, host: str, service_id: str) -> None:
        try:
            self._session.compute().put(f"/os-services/{service_id}", json={"status": "enabled"})
        except keystone_errors.HttpError as error:
            status = error.http_status or 0
            if status >= _SERVER_FAULT:
                raise ResultUnknownError(f"enabling {host}: Nova answered with HTTP {status}") from error
            raise ActionRefusedError(f"Nova refused to enable {host}: HTTP {status}") from error
        except (keystone_errors.ClientException, requests_errors.RequestException) as error:
            raise ResultUnknownError(f"enabling {host}: {self._session.note_failure(error)}") from error


def _translated(call: Callable[[], T], session: CloudSession) -> T:
    """Run one request; each way it can fail becomes a ProbeError with a short reason."""
    try:
        return call()
    except (keystone_errors.ClientException, requests_errors.RequestException) as error:
        raise ProbeError(session.note_failure(error)) from error


def _record(service: Mapping[str, Any]) -> ServiceRecord:
    """One element of `services` (Compute API reference, "List Compute Services"). Raises KeyError."""
    return ServiceRecord(
        service_id=str(service["id"]),
        host=str(service["host"]),
        up=service["state"] == "up",
        disabled=service["status"] == "disabled",
        disabled_reason=service["disabled_reason"] or "",
        forced_down=bool(service["forced_down"]),
        updated_at=service["updated_at"] or "",
    )


def _obstacle(record: ServiceRecord, only_if_reason: str) -> str | None:
    if record.forced_down:
        return "it is forced down"
    if not record.disabled:
        return "it is not disabled"
    if record.disabled_reason != only_if_reason:
        return f"it is disabled with another reason ({record.disabled_reason!r})"
    return None
