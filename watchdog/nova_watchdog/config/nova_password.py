"""The vCenter password, which may be rotated in nova's files while the daemon runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nova_watchdog.config.errors import Findings
from nova_watchdog.config.nova_conf import VMWARE, NovaConf, UnusableValueError
from nova_watchdog.config.nova_files import Reference, Stamp, stamp
from nova_watchdog.config.secret import Secret


class NovaPassword:
    """`[vmware] host_password`: each call looks whether the files changed, and reads them again if so.

    While the files cannot be read or hold no usable password, the last good one is returned: a
    broken nova.conf is no reason to lose sight of vCenter.
    """

    def __init__(self, paths: Sequence[Path], last_good: Secret) -> None:
        self._paths = tuple(paths)
        self._last_good = last_good
        self._stamp: Stamp | None = None

    def __call__(self) -> str:
        """The password as nova's files have it now, or the last good one."""
        now = stamp(self._paths)
        if now is None or now != self._stamp:
            self._read()
            self._stamp = now
        return self._last_good.reveal()

    def __repr__(self) -> str:
        return f"NovaPassword({', '.join(map(str, self._paths))})"

    def _read(self) -> None:
        conf = NovaConf.read(self._paths, Reference("", ""), Findings())
        if conf is None:
            return
        try:
            value = conf.value(VMWARE, "host_password")
        except UnusableValueError:
            return
        if isinstance(value, str) and value:
            self._last_good = Secret(value)
