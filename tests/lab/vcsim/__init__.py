"""The vCenter simulator of the lab."""
