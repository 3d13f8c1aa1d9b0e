"""Reads nova's own configuration the way nova does: with oslo.config, several files, `$variables`, defaults.

Differences from nova, on purpose: nothing outside the named files is read, neither the default
locations (`/etc/nova/nova.conf.d` and the like) nor the environment (`OS_VMWARE__HOST_IP`: this
daemon's environment is not nova's) nor `[DEFAULT] config_source`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from oslo_config import cfg

from nova_watchdog.config.errors import Findings
from nova_watchdog.config.nova_files import NovaFile, Reference, normalise, parse_files
from nova_watchdog.config.nova_options import (
    OTHER_VMWARE_NAMES,
    default_options,
    rabbit_options,
    vmware_options,
)

DEFAULT = "DEFAULT"
VMWARE = "vmware"
RABBIT = "oslo_messaging_rabbit"

Name = tuple[str, str]  # section, option


class UnusableValueError(Exception):
    """A value that nova itself could not use either: what is wrong, what is allowed, without any secret."""

    def __init__(self, wrong: str, allowed: str) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.allowed = allowed


class NovaConf:
    """One nova-compute's configuration. `read` makes it; `value` never returns a guess."""

    def __init__(self, paths: Sequence[Path], files: Sequence[NovaFile]) -> None:
        self._files = files
        self._conf = cfg.ConfigOpts()
        self._conf.register_opts(default_options())
        self._conf.register_opts(vmware_options(), group=VMWARE)
        self._conf.register_opts(rabbit_options(), group=RABBIT)
        self._options: dict[Name, cfg.Opt] = {
            **{(DEFAULT, opt.name): opt for opt in default_options()},
            **{(VMWARE, opt.name): opt for opt in vmware_options()},
            **{(RABBIT, opt.name): opt for opt in rabbit_options()},
        }
        arguments = [f"--config-{'dir' if path.is_dir() else 'file'}={path}" for path in paths]
        self._conf(
            arguments,
            project="nova",
            prog="nova-compute",
            default_config_files=[],
            default_config_dirs=[],
            use_env=False,
        )

    @classmethod
    def read(cls, paths: Sequence[Path], reference: Reference, findings: Findings) -> NovaConf | None:
        """Read the files; None with every mistake recorded when one cannot be used."""
        files = parse_files(paths, reference, findings)
        if files is None:
            return None
        source = next((file for file in files if "config_source" in file.sections.get(DEFAULT, {})), None)
        if source is not None:
            findings.wrong(
                str(source.path),
                "[DEFAULT] config_source",
                "values from other sources than files are not read",
                "the options that the watchdog needs in files",
            )
            return None
        try:
            return cls(paths, files)
        except (cfg.Error, OSError, UnicodeDecodeError):
            # The files passed a moment ago, so one of them is being replaced right now. oslo.config's own
            # text may quote a line and is not shown.
            findings.wrong(
                reference.file, reference.key, "a file changed while it was read", "files that hold still"
            )
            return None

    def is_set(self, section: str, option: str) -> bool:
        """Whether one of the files sets the option."""
        return self.origin(section, option) is not None

    def origin(self, section: str, option: str) -> Path | None:
        """The file whose value counts: the last one that sets the option."""
        return next(
            (file.path for file in reversed(self._files) if option in file.sections.get(section, {})), None
        )

    def value(self, section: str, option: str) -> object:
        """The option's value, converted and with its `$variables` replaced. Raises UnusableValueError."""
        opt = self._options[section, option]
        self._check_variables((section, option), (), secret=opt.secret)
        try:
            return self._conf[option] if section == DEFAULT else self._conf[section][option]
        except (cfg.Error, ValueError):
            raw = self._raw((section, option))
            shown = "holds an unusable value" if opt.secret else f"is {first_line(raw or '')}"
            raise UnusableValueError(shown, _ALLOWED.get(option, "a value that nova accepts")) from None

    def _raw(self, name: Name) -> str | None:
        """The text as written in the file that counts, or the default's."""
        section, option = name
        for file in reversed(self._files):
            values = file.sections.get(section, {}).get(option)
            if values:
                return values[-1]
        opt = self._options.get(name)
        return None if opt is None or opt.default is None else str(opt.default)

    def _check_variables(self, name: Name, above: tuple[Name, ...], *, secret: bool) -> None:
        """Make every option known that the value refers to, however indirectly.

        oslo.config knows only registered options and recurses without end on a circle. The name of
        what looks like a variable inside a secret is part of the secret.
        """
        if name in above:
            raise UnusableValueError("refers to itself through its variables", "a value without a circle")
        for variable in _variables(self._raw(name) or ""):
            target = self._target(name[0], variable)
            if target is None and (secret or "\n" in (self._raw(name) or "")):
                raise UnusableValueError(
                    "holds a $ that names no option of these files",
                    "$$ for a plain dollar sign, or $name of an option that is set",
                )
            if target is None:
                raise UnusableValueError(
                    f"refers to ${variable}, which these files do not set", _hint(variable)
                )
            self._register(target)
            self._check_variables(target, (*above, name), secret=secret)

    def _target(self, section: str, variable: str) -> Name | None:
        """The option that `$variable` means in a value of `section`: the section's own, else of [DEFAULT]."""
        if "." in variable:
            group, option = variable.split(".", 1)
            candidates = [(group, option)] if group == normalise(group) != DEFAULT else []
        else:
            candidates = [(section, variable), (DEFAULT, variable)]
        return next((name for name in candidates if self._is_known(name)), None)

    def _is_known(self, name: Name) -> bool:
        section, option = name
        if name in self._options:
            return True
        # oslo.config refuses names with a leading underscore.
        if option.startswith("_") or (section == VMWARE and option not in OTHER_VMWARE_NAMES):
            return False
        return self.is_set(section, option)

    def _register(self, name: Name) -> None:
        """An option of nova's that is not read for itself, only through a variable: as plain text."""
        if name in self._options:
            return
        section, option = name
        opt = cfg.StrOpt(option)
        self._conf.register_opt(opt, group=None if section == DEFAULT else section)
        self._options[name] = opt


def first_line(text: str) -> str:
    """What may be shown of a value: a line indented by accident joins it, and may be the password's."""
    first, *more = text.split("\n")
    return f'"{first}"' + (" and goes on over several lines" if more else "")


def _variables(text: str) -> Iterator[str]:
    """The names in `$name` and `${name}`, by oslo.config's own pattern; an escaped dollar is none."""
    for match in cfg.ConfigOpts.Template.pattern.finditer(text.replace(r"\$", "$$")):
        name = match["named"] or match["braced"]
        if name:
            yield name


def _hint(variable: str) -> str:
    first = variable.split(".", 1)[0]
    if variable in ("pybasedir", "bindir", "state_path"):
        return f"the value written out: the default of {variable} lies in nova's own installation"
    if "." in variable:
        return (
            f"an option that is set, $$ for a plain dollar sign, or ${{{first}}} where text follows the name"
        )
    return "an option that is set in these files, or $$ for a plain dollar sign"


_ALLOWED = {
    "host": "a host name or an address",
    "host_ip": "a host name or an address",
    "host_port": "a port from 0 to 65535",
    "insecure": "true or false",
    "api_retry_count": "0 or a greater whole number",
}
