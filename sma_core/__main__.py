"""``python -m sma_core`` is the program ``sma``."""

import sys

if not sys.flags.safe_path:
    del sys.path[0]  # the working folder, whose files must not be imported in place of modules

from sma_core.cli import main

main()
