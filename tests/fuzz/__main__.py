"""Attack all targets and print a table of counts: ``python -m tests.fuzz [EXAMPLES] [PART OF A NAME]``."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path

SUPPORT = Path(__file__).parents[1] / "support"


def main() -> int:
    sys.path.insert(0, str(SUPPORT))
    from sma_core.plugins.discovery import PluginPolicy, installed_plugins
    from tests.fuzz.attack import EXAMPLES, attack
    from tests.fuzz.targets import all_targets

    examples = int(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLES
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    failed = total = 0
    with tempfile.TemporaryDirectory() as cache:
        os.environ["SMA_CACHE"] = cache
        names = [plugin.name for plugin in installed_plugins(PluginPolicy())]
        print("| target | inputs | accepted |", "| --- | --- | --- |", sep="\n")
        for target in all_targets(names):
            if wanted not in target.name:
                continue
            try:
                count = attack(target, examples)
            except Exception:
                failed += 1
                print(f"| {target.name} | failed | |", flush=True)
                traceback.print_exc()
                continue
            total += count.tried
            print(f"| {count.target} | {count.tried:,} | {count.accepted:,} |", flush=True)
    print(f"| all | {total:,} | |")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
