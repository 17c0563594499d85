"""Curves as SVG, drawn by pygal without its scripts; colours are those of the page."""

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pygal
from pygal import PluginImportFixer
from pygal.style import Style

# pygal adds a hook for its plugins of maps, in the old form that makes every later import warn.
sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, PluginImportFixer)]

Points = Sequence[tuple[float, float]]

_SIZES = {"wide": (900, 260), "narrow": (420, 280)}
"""One for desks and paper, one for phones: letters in SVG shrink with the picture."""


def plots(name: str, points: Points, written: Callable[[float], str]) -> dict[str, str]:
    """Draw one curve in both sizes.

    Args:
        name: a word for the element's id.
        points: seconds and values, in order.
        written: how a value is written.
    """
    return {size: _plot(f"{name}-{size}", points, written, *_SIZES[size]) for size in _SIZES}


def _plot(
    name: str, points: Points, written: Callable[[float], str], width: int, height: int
) -> str:
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground="var(--ink)",
        foreground_strong="var(--ink)",
        foreground_subtle="var(--faint)",
        colors=("var(--curve)",),
        font_family="inherit",
        label_font_size=12,
        major_label_font_size=12,
    )
    chart = pygal.XY(
        style=style,
        width=width,
        height=height,
        show_legend=False,
        dots_size=2,
        js=[],
        disable_xml_declaration=True,
        x_value_formatter=lambda seconds: f"{seconds:g} s",
        value_formatter=written,
        margin_right=30,
    )
    seconds, values = [point[0] for point in points], [point[1] for point in points]
    chart.x_labels = ticks(0.0, max(seconds), width // 90)
    chart.y_labels = ticks(min(values), max(values), 5)
    chart.xrange = (0.0, max(seconds))
    chart.uuid = name
    chart.add(None, list(points))
    chart.add_xml_filter(_as_picture)
    return str(chart.render(is_unicode=True))


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers around `low` to `high`, about `most` of them."""
    rough = (high - low) / most or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * digit for digit in (1, 2, 5, 10) if power * digit >= rough * 0.999)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(number * step, 9) for number in range(first, last + 1)]


def _as_picture(root: Any) -> Any:  # noqa: ANN401 - an element of whichever XML library pygal has
    """Take the scripts out, and let each point say its value when pointed at."""
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag.endswith("script"):
                parent.remove(child)
            elif child.tag.endswith("desc"):
                if child.get("class") == "value":
                    child.tag = child.tag.replace("desc", "title")
                else:
                    parent.remove(child)
    return root
