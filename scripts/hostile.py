#!/usr/bin/env python3
"""What 200 peers that never log in and one that never reads cost the others: nothing that anyone notices.

A real server; the strangers come from 20 loopback addresses, a lawful login from another. Once with the default limits,
once with `limits.exempt` holding all of loopback, which takes the limits on connections away. Prints the figures;
status 1 when a login takes a second, or deliveries more than twice as long as in quiet (and more than 40 ms).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from securechat.tls import authority
from tests.hostile.measure import SETTINGS, Figures, measure
from tests.running import Server


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one phase")
    words = parser.parse_args()
    held = True
    for name, settings in SETTINGS.items():
        figures, reasons = run(settings, words.pairs, words.seconds)
        print(f"== {name}\n{figures}")
        print(f"in the log {len(reasons)} times, last: {reasons[-1] if reasons else 'never'}")
        held = held and figures.held and bool(reasons)
    print("held" if held else "NOT held")
    return 0 if held else 1


def run(settings: str, pairs: int, seconds: float) -> tuple[Figures, list[str]]:
    """The figures, and what the log says of the reader that never reads."""
    with tempfile.TemporaryDirectory() as folder:
        certificates = Path(folder) / "certificates"
        certificates.mkdir()
        authority.create(certificates)
        server = Server(Path(folder) / "data", certificates, settings).start()
        try:
            figures = measure(server, pairs, seconds)
        finally:
            server.stop()
        return figures, [line for line in server.log().splitlines() if "does not read" in line]


if __name__ == "__main__":
    sys.exit(main())
