"""Where all commands print."""

from __future__ import annotations

import os
import sys

from rich.console import Console

# A file or a pipe has no width of its own: nothing is cut there.
out = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 160)
