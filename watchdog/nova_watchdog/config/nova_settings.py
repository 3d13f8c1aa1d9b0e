"""From one pairing's nova files to what the daemon needs of them, with every missing or wrong option told."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nova_watchdog.config.errors import Findings
from nova_watchdog.config.files import is_directory, unreadable
from nova_watchdog.config.nova_conf import DEFAULT, VMWARE, NovaConf, UnusableValueError, first_line
from nova_watchdog.config.nova_files import Reference
from nova_watchdog.config.nova_password import NovaPassword
from nova_watchdog.config.secret import Secret
from nova_watchdog.config.settings import TransportSettings
from nova_watchdog.config.transport import redact

# Directories that nova-compute reads besides its --config-file arguments (oslo.config, find_config_dirs).
NOVA_DEFAULT_DIRS = (Path("/etc/nova/nova.conf.d"), Path("/etc/nova/nova-compute.conf.d"))

# nova imports `nova.virt.` + compute_driver (nova/virt/driver.py, load_compute_driver).
_DRIVER = re.compile(r"vmwareapi\.(?:driver\.)?VMwareVCDriver")
_DRIVER_ALLOWED = "vmwareapi.VMwareVCDriver, the only driver that this watchdog knows"


@dataclass(frozen=True, slots=True)
class NovaValues:
    """The options of one nova-compute, checked. With a `ca_file`, `insecure` is False, as in nova."""

    files: tuple[Path, ...]
    host: str
    address: str
    port: int
    username: str
    password: Secret
    ca_file: Path | None
    insecure: bool
    cluster: str
    datastore_regex: str | None
    cache_prefix: str | None
    api_retry_count: int
    state_path: Path | None
    transport: TransportSettings

    @property
    def vcenter_key(self) -> str:
        """`address:port/username`, the key of `Settings.vcenters`."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address.lower()}:{self.port}/{self.username}"

    def password_source(self) -> NovaPassword:
        """Reads the password again at each call."""
        return NovaPassword(self.files, self.password)


def read_nova(paths: Sequence[Path], reference: Reference, findings: Findings) -> NovaValues | None:
    """Read and check one pairing's files; None when a mistake was recorded."""
    conf = NovaConf.read(paths, reference, findings)
    if conf is None:
        return None
    _note_unlisted_dirs(paths, reference, findings)
    reader = _Reader(conf, paths, findings)
    reader.check_driver()
    ca_file = reader.ca_file()
    url = reader.text(DEFAULT, "transport_url")
    values = NovaValues(
        files=tuple(paths),
        host=reader.required(DEFAULT, "host", "the name of this nova-compute service"),
        address=reader.required(VMWARE, "host_ip", "the address of the vCenter"),
        port=reader.number(VMWARE, "host_port"),
        username=reader.required(VMWARE, "host_username", "the vCenter account that nova uses"),
        password=Secret(reader.required(VMWARE, "host_password", "the password of that account")),
        ca_file=ca_file,
        insecure=ca_file is None and reader.value(VMWARE, "insecure") is True,
        cluster=reader.required(VMWARE, "cluster_name", "the name of the vSphere cluster"),
        datastore_regex=reader.regex(VMWARE, "datastore_regex"),
        cache_prefix=reader.text(VMWARE, "cache_prefix"),
        api_retry_count=reader.number(VMWARE, "api_retry_count"),
        state_path=reader.state_path(),
        transport=TransportSettings(Secret(url or ""), redact(url or "")),
    )
    return values if reader.fine else None


def _note_unlisted_dirs(paths: Sequence[Path], reference: Reference, findings: Findings) -> None:
    """A host name set in a directory that is not listed would make the daemon watch the wrong service."""
    if any(is_directory(path) for path in paths):
        return  # nova is then started with --config-dir, and reads no default directory
    for directory in NOVA_DEFAULT_DIRS:
        if is_directory(directory) and any(directory.glob("*.conf")):
            findings.note(
                f"{reference.key}: nova-compute also reads {directory}, before its --config-file arguments,"
                " unless it gets --config-dir; it is not listed here"
            )


class _Reader:
    """Reads options and records what is wrong with each; after a mistake `fine` is False, the value blank."""

    def __init__(self, conf: NovaConf, paths: Sequence[Path], findings: Findings) -> None:
        self._conf = conf
        self._paths = paths
        self._findings = findings
        self.fine = True

    def wrong(self, section: str, option: str, wrong: str, allowed: str) -> None:
        """Record a mistake at the file that sets the option, or at the last file when none does."""
        file = self._conf.origin(section, option) or self._paths[-1]
        self._findings.wrong(str(file), f"[{section}] {option}", wrong, allowed)
        self.fine = False

    def value(self, section: str, option: str) -> object:
        """The converted value, None after a mistake."""
        try:
            return self._conf.value(section, option)
        except UnusableValueError as error:
            self.wrong(section, option, error.wrong, error.allowed)
            return None

    def text(self, section: str, option: str) -> str | None:
        """A text, None when it is unset or empty."""
        value = self.value(section, option)
        return str(value) if value not in (None, "") else None

    def number(self, section: str, option: str) -> int:
        """A whole number that has a default."""
        mistakes_before = len(self._findings.mistakes)
        value = self.value(section, option)
        if isinstance(value, int):
            return value
        if len(self._findings.mistakes) == mistakes_before:
            self.wrong(section, option, "is empty", "a whole number, or no such line")
        return 0

    def required(self, section: str, option: str, meaning: str) -> str:
        """A text without which nova could not work either."""
        mistakes_before = len(self._findings.mistakes)
        text = self.text(section, option)
        if text is None and len(self._findings.mistakes) == mistakes_before:
            if self._conf.is_set(section, option):
                self.wrong(section, option, "is empty", meaning)
            else:
                files = ", ".join(map(str, self._paths))
                self.wrong(section, option, f"is set in none of {files}", meaning)
        if text and "\n" in text and option != "host_password":
            self.wrong(
                section, option, "goes on over several lines", "one line; an indented one continues it"
            )
            return ""
        return text or ""

    def check_driver(self) -> None:
        """Only nova's vCenter driver is watched."""
        driver = self.required(DEFAULT, "compute_driver", _DRIVER_ALLOWED)
        if driver and not _DRIVER.fullmatch(driver):
            self.wrong(DEFAULT, "compute_driver", f'is "{driver}"', _DRIVER_ALLOWED)

    def regex(self, section: str, option: str) -> str | None:
        """A regular expression that compiles, as nova demands at its start."""
        text = self.text(section, option)
        try:
            re.compile(text or "")
        except re.error as error:
            self.wrong(
                section,
                option,
                f"is {first_line(text or '')} ({error.msg})",
                "a regular expression of Python's",
            )
        return text

    def ca_file(self) -> Path | None:
        """The CA bundle, or directory of CAs, that vCenter's certificate is checked against."""
        text = self.text(VMWARE, "ca_file")
        if text is None:
            return None
        path = Path(text)
        self._findings.files.append(path)
        if is_directory(path):
            return path
        words = unreadable(path, group="nova")
        if words is not None:
            self.wrong(VMWARE, "ca_file", f"{path} {words[0]}", words[1])
            return None
        try:
            ssl.create_default_context(cafile=str(path))
        except (ssl.SSLError, OSError):
            self.wrong(VMWARE, "ca_file", f"{path} holds no certificate", "certificates in PEM form")
        return path

    def state_path(self) -> Path | None:
        """nova's state directory; None when its default applies, which lies in nova's own installation."""
        if not self._conf.is_set(DEFAULT, "state_path") and not self._conf.is_set(DEFAULT, "pybasedir"):
            return None
        text = self.text(DEFAULT, "state_path")
        return None if text is None else Path(text)
