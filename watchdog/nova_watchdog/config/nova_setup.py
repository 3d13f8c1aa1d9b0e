"""What a nova-compute would read at its next start, looked at again and again while the daemon runs."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nova_watchdog.config.errors import Findings
from nova_watchdog.config.files import is_directory, unreadable
from nova_watchdog.config.nova_files import Reference, Stamp, parse_files, stamp
from nova_watchdog.config.nova_settings import NovaValues, read_nova
from nova_watchdog.config.settings import Settings
from nova_watchdog.config.transport import NOT_UNDERSTOOD
from nova_watchdog.core.setup import OPTIONS_THAT_MATTER, ComputeIdPlace, NovaSetup, options_text
from nova_watchdog.ports import ProbeError

COMPUTE_ID = "compute_id"
# A UUID is 36 characters; nova reads 40 (nova/virt/node.py).
_MAX_ID_BYTES = 40
_CA_DIGITS = 12


class NovaSetupReader:
    """Reads one pairing's files; nova's own files only when they changed, `compute_id` each time.

    elsewhere: the directories in which another pairing's nova-compute looks for its `compute_id`.
    """

    def __init__(self, paths: Sequence[Path], elsewhere: Collection[str] = ()) -> None:
        self._paths = tuple(paths)
        self._elsewhere = frozenset(elsewhere)
        self._stamp: Stamp | None = None
        self._last: NovaSetup | None = None

    def __call__(self) -> NovaSetup:
        """What is there now. Blocks while it reads. Raises ProbeError."""
        now = stamp(self._paths)
        if now is None or now != self._stamp or self._last is None:
            self._last = self._read()
            self._stamp = now
        found = self._last
        places = searched(self._paths, found.state_path)
        return replace(found, places=tuple(look(place, shared=place in self._elsewhere) for place in places))

    def _read(self) -> NovaSetup:
        findings = Findings()
        reference = Reference("nova's files", "nova_config")
        values = read_nova(self._paths, reference, findings)
        files = parse_files(self._paths, reference, findings)
        if values is None or files is None:
            raise ProbeError("; ".join(str(mistake) for mistake in findings.mistakes))
        # Of several lines the last one counts, and of several files.
        written = {
            option: given[-1]
            for file in files
            for option in OPTIONS_THAT_MATTER
            if (given := file.sections.get(option[0], {}).get(option[1]))
        }
        return NovaSetup(
            host=values.host,
            bus=same_bus(values.transport.redacted),
            config_files=tuple(str(path) for path in self._paths),
            state_path=None if values.state_path is None else str(values.state_path),
            places=(),
            cache_prefix=values.cache_prefix or "",
            options=options_text(written),
            ca=_ca(values),
            cluster=values.cluster,
            vcenter=values.vcenter_key,
        )


def readers_of(settings: Settings) -> Mapping[str, NovaSetupReader]:
    """One reader for each watched pairing, by its name; each knows where the others' nova-computes look."""
    searches = {
        one.pairing.name: searched(one.nova.files, str(one.nova.state_path or ""))
        for one in settings.pairings
    }
    return {
        one.pairing.name: NovaSetupReader(
            one.nova.files,
            {place for name, places in searches.items() if name != one.pairing.name for place in places},
        )
        for one in settings.pairings
    }


def searched(paths: Sequence[Path], state_path: str | None) -> tuple[str, ...]:
    """Where nova-compute looks for `compute_id`: beside each --config-file, and in its state_path."""
    beside = [str(path.parent) for path in paths if not is_directory(path)]
    return tuple(dict.fromkeys([*beside, *([state_path] if state_path else [])]))


def look(directory: str, *, shared: bool = False) -> ComputeIdPlace:
    """The file `compute_id` in that directory, as nova reads it."""
    path = Path(directory) / COMPUTE_ID
    try:
        if not path.exists():
            return ComputeIdPlace(directory, shared=shared)
    except OSError:
        pass  # told below, in more words
    words = unreadable(path, group="nova")
    if words is not None:
        return ComputeIdPlace(directory, problem=words[0], shared=shared)
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_ID_BYTES).decode()
        return ComputeIdPlace(directory, value=str(uuid.UUID(text.strip())), shared=shared)
    except OSError as error:
        return ComputeIdPlace(directory, problem=f"cannot be read ({error.strerror})", shared=shared)
    except ValueError:
        return ComputeIdPlace(directory, problem="holds no UUID", shared=shared)


def same_bus(redacted: str) -> str:
    """The bus's hosts in one order, and its virtual host; empty where the URL is not understood."""
    if redacted == NOT_UNDERSTOOD:
        return ""
    scheme, _, rest = redacted.partition("://")
    hosts, slash, vhost = rest.partition("/")
    return f"{scheme}://{','.join(sorted(hosts.split(',')))}{slash}{vhost}"


def _ca(values: NovaValues) -> str:
    """A short hash of the CA's content, empty where there is no file of its own."""
    if values.ca_file is None or is_directory(values.ca_file):
        return ""
    try:
        return hashlib.sha256(values.ca_file.read_bytes()).hexdigest()[:_CA_DIGITS]
    except OSError as error:
        raise ProbeError(f"{values.ca_file} cannot be read ({error.strerror})") from error
