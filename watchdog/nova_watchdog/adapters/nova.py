"""Nova's service records and workload over its API.

keystoneauth for the session, openstacksdk for clouds.yaml. Uses
`GET` and `PUT /os-services`, `GET /os-hypervisors/detail` and `GET /servers/detail`.
"""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from keystoneauth1 import exceptions as keystone_errors
from requests import exceptions as requests_errors

from nova_watchdog.core.model import ServiceRecord, ServicesView, WorkloadView
from nova_watchdog.ports import ActionRefusedError, Clock, ProbeError, ResultUnknownError

from ._clouds import MICROVERSION, CloudSession
from ._nova_answers import COMPUTE, builds_by_host, is_hidden, record, services_view, workload_view
from ._once import Once
from ._worker import Worker, WorkerTimeoutError

T = TypeVar("T")
_SERVER_FAULT = 500
# Stein: the first one that lists the services of a cell that does not answer. A cloud without it is
# asked again after a while: it may have been upgraded.
_CELL_DOWN_MICROVERSION = "2.69"
_ASK_AGAIN_S = 3600.0
# A workload takes several requests, each of them heavier than one of services.
_WORKLOAD_TIMEOUTS = 3
_MOST_PAGES = 20  # of 1000 each, as Nova ships (`[api] max_limit`)
# The oldest first: what the bound cuts off is new.
_OLDEST_BUILDS = {
    "all_tenants": "1",
    "status": "BUILD",
    "sort_key": "created_at",
    "sort_dir": "asc",
    "limit": "200",
}
_MOST_BUILD_PAGES = 5
_NOT_AS_DOCUMENTED = (requests_errors.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError)


class OpenStackServices:
    """`ports.NovaServices` for one cloud, with one thread for services and one for the workload.

    `cloud` is the entry in `clouds_file` (clouds.yaml; a secure.yaml beside it is read too).
    `timeout_s` is the hard limit of one `read`; `enable` takes twice as long at most, `workload`
    three times.
    """

    def __init__(self, cloud: str, clouds_file: Path | str, *, timeout_s: float, clock: Clock) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._session = CloudSession(cloud, Path(clouds_file), timeout_s=timeout_s, clock=clock)
        self._worker = Worker("nova")
        # The workload of a large cloud takes seconds: it must not delay the services.
        self._workload_worker = Worker("nova-workload")
        self._is_older_until_s: float | None = None

    async def read(self) -> ServicesView:
        """All services, one request. Raises ProbeError."""
        try:
            return await self._worker.run(self._read, timeout_s=self._timeout_s)
        except WorkerTimeoutError as error:
            raise ProbeError(f"Nova gave {error}") from error

    async def workload(self) -> WorkloadView:
        """All hypervisors and builds: one request each, more only where Nova pages. Raises ProbeError."""
        timeout_s = _WORKLOAD_TIMEOUTS * self._timeout_s
        until_s = self._clock.now_s() + timeout_s
        try:
            return await self._workload_worker.run(lambda: self._workload(until_s), timeout_s=timeout_s)
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
        """End the threads once they are idle. The token is left to expire."""
        self._worker.stop()
        self._workload_worker.stop()

    def _read(self) -> ServicesView:
        return services_view(self._services({}))

    def _services(self, query: Mapping[str, str]) -> list[Mapping[str, Any]]:
        answer = _translated(lambda: self._get_services(query), self._session)
        try:
            services = answer.json()["services"]
            services_view(services)  # checks that nothing is missing
            return list(services)
        except _NOT_AS_DOCUMENTED as error:
            raise ProbeError(f"Nova's answer is not a list of services ({type(error).__name__})") from error

    def _get_services(self, query: Mapping[str, str]) -> Any:
        if self._is_older_until_s is None or self._clock.now_s() >= self._is_older_until_s:
            try:
                answer = self._get("/os-services", query, microversion=_CELL_DOWN_MICROVERSION)
            except keystone_errors.NotAcceptable:
                self._is_older_until_s = self._clock.now_s() + _ASK_AGAIN_S
            else:
                self._is_older_until_s = None
                return answer
        return self._get("/os-services", query)

    def _workload(self, until_s: float) -> WorkloadView:
        try:
            builds_s: dict[str, list[float]] = defaultdict(list)
            builds = self._pages("/servers/detail", "servers", _OLDEST_BUILDS, until_s)
            for page, date in itertools.islice(builds, _MOST_BUILD_PAGES):
                for host, ages_s in builds_by_host(page, date).items():
                    builds_s[host] += ages_s
            hypervisors = self._pages("/os-hypervisors/detail", "hypervisors", {}, until_s)
            return workload_view((found for page, _ in hypervisors for found in page), builds_s)
        except _NOT_AS_DOCUMENTED as error:
            raise ProbeError(f"Nova's answer is not a list as documented ({type(error).__name__})") from error

    def _pages(
        self, path: str, key: str, query: Mapping[str, str], until_s: float
    ) -> Iterator[tuple[list[Any], str]]:
        """The pages of a list and the Date of each answer. A page is as long as Nova or `query` wants it."""
        marker: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            if self._clock.now_s() >= until_s:  # nobody waits any more
                break
            ask = functools.partial(self._get, path, {**query, **marker})
            answer = _translated(ask, self._session)
            body = answer.json()
            page = body[key]
            yield page, answer.headers.get("Date", "")
            if not page or all(link["rel"] != "next" for link in body.get(f"{key}_links", ())):
                return
            marker = {"marker": str(page[-1]["id"])}
        raise ProbeError(f"Nova's list of {key} has no end")

    def _get(self, path: str, query: Mapping[str, str], microversion: str = MICROVERSION) -> Any:
        return self._session.compute().get(path, params=dict(query), microversion=microversion)

    def _enable(self, host: str, only_if_reason: str, once: Once) -> None:
        try:
            found = self._services({"host": host, "binary": COMPUTE})
        except ProbeError as error:
            raise ActionRefusedError(f"{host} was not enabled, its record cannot be read: {error}") from error
        services = [service for service in found if service["host"] == host]
        if len(services) != 1:
            raise ActionRefusedError(f"Nova has {len(services)} nova-compute records of {host}")
        if is_hidden(services[0]):
            raise ActionRefusedError(f"{host} was not enabled: its cell does not answer Nova's API")
        service = record(services[0])
        if (obstacle := _obstacle(service, only_if_reason)) is not None:
            raise ActionRefusedError(f"{host} was not enabled: {obstacle}")
        if not once.begin():
            return  # the caller gave up meanwhile
        self._put_enabled(host, service.service_id)

    def _put_enabled(self, host: str, service_id: str) -> None:
        try:
            compute = self._session.compute()
        except ProbeError as error:
            raise ActionRefusedError(f"{host} was not enabled: {error}") from error
        try:
            compute.put(f"/os-services/{service_id}", json={"status": "enabled"})
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


def _obstacle(service: ServiceRecord, only_if_reason: str) -> str | None:
    if service.forced_down:
        return "it is forced down"
    if not service.disabled:
        return "it is not disabled"
    if service.disabled_reason != only_if_reason:
        return f"it is disabled with another reason ({service.disabled_reason!r})"
    return None
