"""`python -m nova_watchdog` is `nova-watchdog`."""

import sys

from nova_watchdog.cli import main

sys.exit(main())
