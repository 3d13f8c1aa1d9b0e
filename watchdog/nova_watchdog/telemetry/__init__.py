"""Metrics, HTTP, status. Reads snapshots, decides nothing."""
