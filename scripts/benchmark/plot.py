"""A figure of small panels, each with two lines over the same axis, as SVG; for light and dark surroundings alike."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 420, 260  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 46, 22, 44, 46  # its margins
COLUMNS = 2
HEADING = 64  # above the panels
GRID_LINES = 4

STYLE = """
  .paper { fill: #ffffff } .ink { fill: #1f2328 } .soft { fill: #59636e } .line { stroke: #d1d9e0 }
  .ours { fill: #0550ae } .ours-line { stroke: #0550ae } .floor { fill: #9a6700 } .floor-line { stroke: #9a6700 }
  .halo { stroke: #ffffff; stroke-width: 4px; paint-order: stroke }
  text { font: 12px system-ui, sans-serif } .title { font-weight: 600; font-size: 14px }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 } .halo { stroke: #0d1117 }
    .ink { fill: #f0f6fc } .soft { fill: #9198a1 } .line { stroke: #3d444d }
    .ours { fill: #79c0ff } .ours-line { stroke: #79c0ff } .floor { fill: #d29922 } .floor-line { stroke: #d29922 }
  }
"""


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    floor: float
    ours: float


@dataclass(frozen=True, slots=True)
class Panel:
    """`x` says what grows to the right, on a logarithmic scale."""

    title: str
    x: str
    points: Sequence[Point]


def svg(title: str, unit: str, caption: str, panels: Sequence[Panel]) -> str:
    """The whole figure; all panels share the scale of `unit`, which begins at 0."""
    rows = math.ceil(len(panels) / COLUMNS)
    width, height = COLUMNS * WIDTH, HEADING + rows * HEIGHT
    top = _round_up(max(max(point.floor, point.ours) for panel in panels for point in panel.points))
    body = [element for number, panel in enumerate(panels) for element in _placed(number, panel, top)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="paper" width="{width}" height="{height}" rx="8"/>',
            _text(16, 26, title, "ink title"),
            _text(16, 46, f"{unit}; {caption}", "soft"),
            *_legend(width),
            *body,
            "</svg>\n",
        ]
    )


def _legend(width: int) -> list[str]:
    return [
        f'<circle class="ours" cx="{width - 196}" cy="22" r="4"/>',
        _text(width - 186, 26, "securechat", "ink"),
        f'<circle class="floor" cx="{width - 106}" cy="22" r="4"/>',
        _text(width - 96, 26, "bare floor", "ink"),
    ]


def _placed(number: int, panel: Panel, top: float) -> Iterator[str]:
    x, y = number % COLUMNS * WIDTH, HEADING + number // COLUMNS * HEIGHT
    yield f'<g transform="translate({x} {y})">'
    yield _text(LEFT, 20, panel.title, "ink title")
    yield from _grid(top)
    places = _places([point.x for point in panel.points])
    for point, place in zip(panel.points, places, strict=True):
        yield _text(place, HEIGHT - BOTTOM + 18, f"{point.x:g}", "soft", "middle")
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 36, panel.x, "soft", "middle")
    floors, ours = [point.floor for point in panel.points], [point.ours for point in panel.points]
    yield from _curve(places, floors, ours, top, "floor")
    yield from _curve(places, ours, floors, top, "ours")
    yield "</g>"


def _grid(top: float) -> Iterator[str]:
    for nth in range(GRID_LINES + 1):
        value = top * nth / GRID_LINES
        y = _height(value, top)
        yield f'<line class="line" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        yield _text(LEFT - 8, y + 4, f"{value:g}", "soft", "end")


def _curve(
    places: Sequence[float], values: Sequence[float], others: Sequence[float], top: float, kind: str
) -> Iterator[str]:
    heights = [_height(value, top) for value in values]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(places, heights, strict=True))
    yield f'<polyline class="{kind}-line" points="{path}" fill="none" stroke-width="2"/>'
    for x, y, value, other in zip(places, heights, values, others, strict=True):
        above = value > other or (value == other and kind == "ours")  # so that no label lies on the other line
        yield f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
        yield _text(x, y - 9 if above else y + 19, f"{value:.1f}", f"{kind} halo", "middle")


def _places(values: Sequence[float]) -> list[float]:
    """Where each value stands on a logarithmic axis, a little inside its ends."""
    first, last = LEFT + 24.0, WIDTH - RIGHT - 16.0
    low, high = math.log(min(values)), math.log(max(values))
    if low == high:
        return [(first + last) / 2] * len(values)
    return [first + (last - first) * (math.log(value) - low) / (high - low) for value in values]


def _height(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)


def _round_up(value: float) -> float:
    """The next 1, 2, 4 or 6 times a power of ten, which four lines divide well."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 4, 6, 8, 10) if power * step >= value)


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'
