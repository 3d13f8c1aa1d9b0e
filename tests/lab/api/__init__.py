"""Clients of the cloud's HTTP APIs, used inside the lab and by tests outside it."""
