"""Bars as SVG, drawn without a library so that the same figures give the same bytes."""

from __future__ import annotations

from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, ROW, TOP = 720, 300, 90, 26, 40
OURS, OTHERS = "#2f6f9f", "#b8b8b8"


def bars(title: str, values: dict[str, float], *, ours: str, unit: str) -> str:
    """Return a bar for each value; those whose name contains `ours` are in our colour."""
    longest = max(values.values()) or 1
    height = TOP + ROW * len(values) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="13" role="img" aria-label="{escape(title)}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="22" font-weight="bold">{escape(title)}</text>',
    ]
    for row, (name, value) in enumerate(values.items()):
        y = TOP + ROW * row
        width = max(1, round((WIDTH - LEFT - RIGHT) * value / longest))
        colour = OURS if ours in name else OTHERS
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{width}" height="{ROW - 8}" fill="{colour}"/>',
            f'<text x="{LEFT + width + 6}" y="{y + 14}">{number(value)} {escape(unit)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def number(value: float) -> str:
    """Return a figure with three digits that mean something: 1,234, 56.7, 0.089."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"
