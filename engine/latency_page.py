"""The latencies of a run as one HTML file: percentile spectra on log axes, and how they went.

Nothing in it is fetched from anywhere (its own policy forbids it) and nothing runs: the drawings
are SVG made here. The x axis of a spectrum is log10(1 / (1 - q)): p50, p90, p99 ... stand evenly,
so that the tail has as much room as the middle.
"""

from __future__ import annotations

from html import escape
from math import ceil, floor, log10
from typing import TYPE_CHECKING, NamedTuple

from engine.latency_run import Kept, compared

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 14, 34
STEPS_A_DECADE = 12
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a7a00")
MEANING = {
    "tick_to_order": "frame in hand to order sent: the headline",
    "own": "frame in hand to the entry of send: our own share of it",
    "record": "a turn's input written to the recording (of one turn in 64)",
    "decode": "text of the frame to integers (of one turn in 64)",
    "apply": "the book or the order changed, its top told (of one turn in 64)",
    "decide": "the strategy's decision (of one turn in 64)",
    "risk": "intents and approvals written, the gate asked (of one turn in 64)",
    "encode": "the order's text, each leg's (of one turn in 64)",
    "send": "the send call, each leg's (of one turn in 64)",
    "ack": "order sent to its acknowledgement in hand",
    "fill": "order sent to its fill in hand",
    "exposure": "first unhedged fill to its hedge",
    "turn": "one turn of the lane, from its input in hand (one in 64)",
    "collect": "a garbage collection",
    "age": "how long the oldest record of a batch waited in its outbox for this lane",
}
STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#59636e;--line:#d1d9e0;--ground:#fff;
--soft:#f6f8fa}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9198a1;--line:#3d444d;--ground:#0d1117;
--soft:#151b23}}
body{font:14px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--ground);margin:0 auto;
max-width:1180px;padding:24px}
h1{font-size:22px;margin:0 0 4px}h2{font-size:16px;margin:28px 0 2px}
p{margin:2px 0 8px;color:var(--dim)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:4px 10px;text-align:right;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left}th{color:var(--dim);font-weight:600}
.worse{color:#d1242f}.better{color:#1a7f37}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:12px}
figure{margin:0;background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:8px}
figcaption{color:var(--dim);font-size:12px;padding:0 4px 4px}
svg{width:100%;height:auto;display:block}
svg text{fill:var(--dim);font:11px system-ui,sans-serif}
svg .grid{stroke:var(--line);stroke-width:1}svg .curve{fill:none;stroke-width:1.8}
svg .baseline{stroke-dasharray:5 4;opacity:.75}
"""


class Line(NamedTuple):
    """A curve: its name, its colour, points in data coordinates, and whether it is the baseline."""

    name: str
    colour: str
    points: list[tuple[float, float]]
    is_baseline: bool = False


def spoken(ns: float) -> str:
    """A time with the unit that reads best."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.0f} ns"


def spectrum(histogram: HdrHistogram) -> list[tuple[float, float]]:
    """(log10(1 / (1 - q)), ns) as far as the counts reach; the last point is the maximum."""
    count = histogram.total_count
    last = log10(count) if count > 1 else 0.0
    steps = [k / STEPS_A_DECADE for k in range(ceil(last * STEPS_A_DECADE))]
    points = [(x, value_at(histogram, 1 - 10**-x)) for x in steps]
    return [*points, (last, float(max(1, histogram.get_max_value())))]


def value_at(histogram: HdrHistogram, quantile: float) -> float:
    """ns at a quantile, at least 1: the axis is logarithmic."""
    return float(max(1, histogram.get_value_at_percentile(quantile * 100)))


def decades(lines: list[Line]) -> tuple[int, int]:
    """The powers of ten that hold every value."""
    values = [y for line in lines for _, y in line.points] or [1.0, 10.0]
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return low, max(high, low + 1)


def drawing(lines: list[Line], ticks: list[tuple[float, str]], title: str) -> str:
    """An SVG of curves over an x axis with `ticks` (position, label) and a log y axis in ns."""
    low, high = decades(lines)
    left = min(x for x, _ in ticks)
    right = max([x for x, _ in ticks] + [x for line in lines for x, _ in line.points])
    across = (WIDTH - LEFT - RIGHT) / ((right - left) or 1.0)
    down = (HEIGHT - TOP - BOTTOM) / (high - low)

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + (x - left) * across, HEIGHT - BOTTOM - (log10(y) - low) * down

    out = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">']
    for power in range(low, high + 1):
        _, y = at(left, 10.0**power)
        out.append(
            f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        )
        label = spoken(10.0**power)
        out.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for where, label in ticks:
        x, _ = at(where, 10.0**low)
        out.append(
            f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>'
        )
        place = HEIGHT - BOTTOM + 16
        out.append(f'<text x="{x:.1f}" y="{place}" text-anchor="middle">{escape(label)}</text>')
    for line in lines:
        dashed = " baseline" if line.is_baseline else ""
        path = " ".join("{:.1f},{:.1f}".format(*at(*p)) for p in line.points)
        out.append(f'<polyline class="curve{dashed}" stroke="{line.colour}" points="{path}"/>')
        if not line.is_baseline and len(line.points) < 60:
            for point in line.points:
                x, y = at(*point)
                tip = escape(f"{line.name}: {spoken(point[1])}")
                out.append(
                    f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="{line.colour}">'
                    f"<title>{tip}</title></circle>"
                )
    return "".join(out) + "</svg>"


def percentile_ticks(lines: list[Line]) -> list[tuple[float, str]]:
    """p0, p50, p90, p99, ... as far as any curve goes."""
    last = max((x for line in lines for x, _ in line.points), default=1.0)
    names = ["p90", "p99"] + [f"p99.{'9' * n}" for n in range(1, 8)]
    found = [(0.0, "min"), (log10(2), "p50")]
    return found + [(float(n), name) for n, name in enumerate(names, 1) if n <= max(1, last)]


def legend(lines: list[Line]) -> str:
    """Names in the colours of their curves; a dash says baseline."""
    return " &nbsp; ".join(
        f'<span style="color:{line.colour}">{"- -" if line.is_baseline else "—"} '
        f"{escape(line.name)}</span>"
        for line in lines
    )


def figure(lines: list[Line], ticks: list[tuple[float, str]], caption: str) -> str:
    """A drawing with its caption and legend."""
    picture = drawing(lines, ticks, caption)
    return f"<figure><figcaption>{escape(caption)}: {legend(lines)}</figcaption>{picture}</figure>"


def over_time(kept: Kept, key: tuple[str, str]) -> str:
    """p50, p99 and the maximum of every interval."""
    intervals = kept.series[key]
    begin = min(i.start_s for series in kept.series.values() for i in series)
    end = max(i.start_s + i.seconds for series in kept.series.values() for i in series)
    lines = []
    for name, quantile, colour in (("p50", 0.5, 0), ("p99", 0.99, 4), ("max", 1.0, 1)):
        points = [
            (i.start_s + i.seconds - begin, value_at(i.histogram, quantile)) for i in intervals
        ]
        lines.append(Line(name, COLOURS[colour], points))
    length = max(end - begin, 1.0)
    ticks = [(length * k / 4, f"{length * k / 4:.0f} s") for k in range(5)]
    return figure(lines, ticks, "over time, by interval")


def table(kept: Kept, other: Kept | None) -> str:
    """One row a series; with a baseline, how many times its p50, p99 and p99.9."""
    names = ["stage", "count", "p50", "p99", "p99.9", "max"]
    if other is not None:
        names += ["p50 / baseline", "p99 / baseline", "p99.9 / baseline"]
    ratios = compared(kept, other) if other is not None else {}
    out = ["<table><thead><tr>", *(f"<th>{n}</th>" for n in names), "</tr></thead><tbody>"]
    for name, row in kept.rows().items():
        cells = [escape(name), str(row["count"])]
        cells += [spoken(row[f]) for f in ("p50_ns", "p99_ns", "p999_ns", "max_ns")]
        out.append("<tr>" + "".join(f"<td>{c}</td>" for c in cells))
        if other is not None:
            for field in ("p50_ratio", "p99_ratio", "p999_ratio"):
                ratio = ratios.get(name, {}).get(field)
                kind = "" if ratio is None or 0.9 <= ratio <= 1.1 else "worse" if ratio > 1 else ""
                kind = "better" if ratio is not None and ratio < 0.9 else kind
                shown = "–" if ratio is None else f"{ratio:.2f} x"
                out.append(f'<td class="{kind}">{shown}</td>')
        out.append("</tr>")
    return "".join(out) + "</tbody></table>"


def page(kept: Kept, other: Kept | None = None) -> str:
    """The whole file."""
    wholes = {key: kept.whole(key) for key in sorted(kept.series)}
    main = [key for key in wholes if not key[1]] or list(wholes)
    together = [
        Line(key[0], COLOURS[n % len(COLOURS)], spectrum(wholes[key])) for n, key in enumerate(main)
    ]
    against = f" against run {escape(other.run)} of {escape(other.state)}" if other else ""
    out = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width">',
        f"<title>tiercel latency {escape(kept.run)}</title><style>{STYLE}</style></head><body>",
        f"<h1>Latency of run {escape(kept.run)}</h1><p>{escape(kept.state)}{against}. Percentile "
        "axes are logarithmic in 1 / (1 - q); a curve ends at its largest value.</p>",
        table(kept, other),
        "<h2>All stages</h2>",
        figure(together, percentile_ticks(together), "percentile spectrum"),
    ]
    for key, whole in wholes.items():
        stage, lane = key
        lines = [Line("this run", COLOURS[0], spectrum(whole))]
        if other is not None and key in other.series:
            lines.append(Line("baseline", COLOURS[1], spectrum(other.whole(key)), True))
        where = f" of lane {lane}" if lane else ""
        out.append(
            f'<section data-stage="{escape(" ".join(key).strip())}"><h2>{escape(stage + where)}'
            f"</h2><p>{escape(MEANING.get(stage, ''))}; {whole.total_count} counted</p>"
            f'<div class="pair">'
            + figure(lines, percentile_ticks(lines), "percentile spectrum")
            + over_time(kept, key)
            + "</div></section>"
        )
    return "".join(out) + "</body></html>\n"
