"""``python -m sma_core`` is the program ``sma``."""

from sma_core.cli import main

main()
