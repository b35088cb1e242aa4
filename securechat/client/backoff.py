"""How long to wait before the next try to reach a server: longer each time, and not all clients at once."""

from __future__ import annotations

FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0
HELD_LONG_ENOUGH = 20.0  # a link that lasted this long starts the delays anew; one that flaps does not


def delay(failures: int, chance: float) -> float:
    """Seconds to wait after so many failures in a row; `chance` (0 to 1) spreads them over the upper half."""
    longest: float = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(failures, 10))
    return longest * (1 + chance) / 2
