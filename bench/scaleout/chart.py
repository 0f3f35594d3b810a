"""The growth runs as pictures: bars in the terminal, an SVG, and a PNG of it. A bar is a phase, at its time from the step."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from scaleout.growth_runs import GrowthMeasured
from scaleout.shell import DemoError

# Bottom of a start last. Colours keep their difference for the colour-blind (Okabe and Ito's palette).
COLOURS = {"detect": "#D55E00", "provision": "#999999", "image": "#0072B2", "model": "#009E73", "start": "#E69F00", "healthy": "#CC79A7"}

WIDTH, LEFT, RIGHT = 960, 150, 90
LANE, LANE_GAP, RUN_GAP, TOP, BOTTOM = 15, 3, 26, 92, 64


def spans_of(run: GrowthMeasured) -> list[tuple[str, float, float]]:
    spans = {"detect": (0.0, run.detect_s), **run.spans}
    return [(name, max(0.0, spans[name][0]), max(0.0, spans[name][1])) for name in COLOURS if name in spans]


def axis_step(longest: float) -> int:
    return next(step for step in (1, 2, 5, 10, 20, 30, 60, 120, 300) if longest / step <= 12)


def text_bars(runs: Sequence[GrowthMeasured], width: int = 64) -> str:
    longest = max(run.end_to_end_s for run in runs)
    lines = []
    for run in runs:
        lines.append(f"{run.name}: a new copy answered {run.end_to_end_s:.1f} s after the step")
        for name, begin, end in spans_of(run):
            first = round(begin / longest * width)
            length = max(round(end / longest * width) - first, 0)
            source = f" from {run.sources[name]}" if name in run.sources else ""
            bar = " " * first + ("█" * length or "▏")
            lines.append(f"  {name:<9} {bar:<{width + 1}} {end - begin:6.2f} s{source}")
        lines.append("")
    return "\n".join(lines).rstrip()


def svg(runs: Sequence[GrowthMeasured], title: str, subtitle: str) -> str:
    longest = max(run.end_to_end_s for run in runs) * 1.02
    scale = (WIDTH - LEFT - RIGHT) / longest
    body: list[str] = []
    y = TOP
    for run in runs:
        spans = spans_of(run)
        height = len(spans) * (LANE + LANE_GAP)
        body.append(f'<text x="12" y="{y + 12}" class="run">{escape(run.name)}</text>')
        body.append(f'<text x="12" y="{y + 28}" class="note">{run.end_to_end_s:.1f} s</text>')
        answered = LEFT + run.end_to_end_s * scale
        body.append(f'<line x1="{answered:.1f}" y1="{y - 4}" x2="{answered:.1f}" y2="{y + height}" class="answered"/>')
        for lane, (name, begin, end) in enumerate(spans):
            top, x, length = y + lane * (LANE + LANE_GAP), LEFT + begin * scale, (end - begin) * scale
            body.append(f'<rect x="{x:.1f}" y="{top}" width="{max(length, 1.5):.1f}" height="{LANE}" fill="{COLOURS[name]}"/>')
            label = f"{name} {end - begin:.1f} s" if end - begin >= 0.95 else f"{name} {(end - begin) * 1000:.0f} ms"
            fits_beside = x + length + 8 + 7 * len(label) < WIDTH - 8
            at, anchor = (x + length + 6, "start") if fits_beside else (x - 6, "end")
            body.append(f'<text x="{at:.1f}" y="{top + 12}" class="label" text-anchor="{anchor}">{escape(label)}</text>')
        y += height + RUN_GAP
    grid = []
    for second in range(0, int(longest) + 1, axis_step(longest)):
        x = LEFT + second * scale
        grid.append(f'<line x1="{x:.1f}" y1="{TOP - 14}" x2="{x:.1f}" y2="{y - 10}" class="grid"/>')
        grid.append(f'<text x="{x:.1f}" y="{y + 6}" class="note" text-anchor="middle">{second} s</text>')
    style = ("text{font-family:DejaVu Sans,Helvetica,Arial,sans-serif;fill:#222}.title{font-size:17px;font-weight:bold}.run{font-size:13px;"
             "font-weight:bold}.note{font-size:11px;fill:#555}.label{font-size:11px;paint-order:stroke;stroke:#fff;stroke-width:3px}.grid{stroke:#ddd}"
             ".answered{stroke:#222;stroke-width:1.5;stroke-dasharray:3 2}")
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + BOTTOM - 20}" viewBox="0 0 {WIDTH} {y + BOTTOM - 20}">',
        f"<style>{style}</style>", '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="12" y="30" class="title">{escape(title)}</text>', f'<text x="12" y="50" class="note">{escape(subtitle)}</text>',
        *grid, *body,
        f'<text x="12" y="{y + 30}" class="note">Seconds from the step of the load. Dashed: the first answer of the new copy.</text>',
        "</svg>", ""])


def write(runs: Sequence[GrowthMeasured], folder: Path, title: str, subtitle: str) -> list[Path]:
    """growth.svg, and growth.png beside it."""
    drawing, picture = folder / "growth.svg", folder / "growth.png"
    drawing.write_text(svg(runs, title, subtitle))
    done = subprocess.run(["rsvg-convert", "--zoom", "2", "--output", picture, drawing], capture_output=True, text=True)
    if done.returncode != 0:
        raise DemoError(f"rsvg-convert made no picture of {drawing}: {done.stderr.strip()}")
    return [drawing, picture]
