"""What the pictures of reports share: style, colours, and a drawing turned into text for a page.

Colours are written as variables of the page's style sheet, so that one picture serves light and dark.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from altis_local.drill.evidence import Evidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMES = ("ink", "faint", "old", "new", "bad", "gap", "fine", "fault", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8")
COLOURS = {name: f"#0a0b{number:02x}" for number, name in enumerate(_NAMES, start=16)}
"""Stand-ins that no drawing would use otherwise; each becomes `var(--name)`."""
SERIES = tuple(COLOURS[f"p{n}"] for n in range(1, 9))
"""Colours of things of which there are many, in order; after eight they begin again."""


def svg(draw: Callable[[Figure], None], *, height: float = 7.4) -> str:
    """A drawing as an SVG element as wide as the page; `height` in inches at eleven of width."""
    import matplotlib as mpl  # noqa: PLC0415  half a second, which only reports pay
    from matplotlib.figure import Figure  # noqa: PLC0415

    style = {
        "svg.fonttype": "none",
        "svg.hashsalt": "altis-local",
        "font.family": "sans-serif",
        "font.size": 9,
        **{f"{part}.color": COLOURS["ink"] for part in ("text", "xtick", "ytick")},
        "axes.labelcolor": COLOURS["ink"],
        "axes.edgecolor": COLOURS["faint"],
        "axes.facecolor": "none",
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=(11, height), facecolor="none", layout="constrained")
        draw(figure)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _styled(out.getvalue())


def _styled(text: str) -> str:
    for name, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    text = text[text.index("<svg") :]
    # The page sets the width; fixed points would overflow small screens.
    for part in ("height", "width"):
        text = re.sub(rf'(<svg[^>]*?) {part}="[^"]*"', r"\1", text, count=1)
    return text


def title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=10, fontweight="bold")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def legend(axes: Axes, columns: int = 4) -> None:
    """Above the drawing, at the right: it hides nothing there."""
    axes.legend(loc="lower right", fontsize=8, frameon=False, ncols=columns, bbox_to_anchor=(1, 1), borderpad=0)


def stages(axes: Axes, run: Evidence, zero: float, *, named: bool = False) -> None:
    """A line where each stage begins, with its name, and a dashed one for each fault."""
    for stage in run.facts.stages:
        axes.axvline(stage.begin - zero, color=COLOURS["faint"], lw=1)
        if named:
            place: dict[str, Any] = {"rotation": 90, "va": "top", "ha": "right", "fontsize": 8, "color": COLOURS["ink"]}
            axes.text(stage.begin - zero, 0.98, f"{stage.name} ", transform=axes.get_xaxis_transform(), **place)
    for mark in run.facts.faults:
        axes.axvline(mark.mono - zero, color=COLOURS["fault"], lw=1.2, ls="--")
