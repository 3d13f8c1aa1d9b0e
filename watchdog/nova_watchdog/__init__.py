"""Watches each nova-compute to vCenter pairing of an OpenStack cloud."""

__version__ = "0.1.0"
