"""Run the benchmarks of docs/benchmarks.md and write their sections; remarks by hand around them are kept.

python -m benchmarks [NAME ...] [--folder FOLDER] [--out PAGE]    the full run: some 20 minutes on 2 cores
python -m benchmarks --quick                                      a few pictures each, only printed unless --out
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.page import PAGE, parser

NAMES = ("indexing", "memory", "descriptors", "search", "layout", "startup")


def main(arguments: list[str] | None = None) -> None:
    """Run each in a process of its own, one after another."""
    made = parser(__doc__)
    made.add_argument("names", nargs="*", metavar="NAME", help=f"which; all by default: {', '.join(NAMES)}")
    given = made.parse_args(arguments)
    unknown = sorted(set(given.names) - set(NAMES))
    if unknown:
        made.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    out = given.out or (None if given.quick else PAGE)
    options = [*(["--quick"] if given.quick else []), *(["--folder", str(given.folder)] if given.folder else [])]
    options += ["--out", str(out)] if out else []
    for name in [name for name in NAMES if name in (given.names or NAMES)]:
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], check=True)


if __name__ == "__main__":
    main()
