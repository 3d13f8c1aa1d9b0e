"""One tick of a pairing: observe, diagnose, decide, record, act. Knows ports, never adapters."""
