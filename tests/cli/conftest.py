"""The configuration of the config tests, for the command line."""

from config.conftest import ca_file, site

__all__ = ["ca_file", "site"]
