"""Curves as SVG, drawn by pygal without its scripts; colours are those of the page."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
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
    seconds, values = [point[0] for point in points], [point[1] for point in points]

    def plot(settings: dict[str, Any]) -> Any:  # noqa: ANN401 - pygal has no types
        chart = pygal.XY(x_value_formatter=_seconds, value_formatter=written, **settings)
        chart.x_labels = ticks(0.0, max(seconds), settings["width"] // 90)
        chart.y_labels = ticks(min(values), max(values), 5)
        chart.xrange = (0.0, max(seconds))
        chart.add(None, list(points))
        return chart

    return _in_both_sizes(name, plot)


def bars(name: str, counts: Sequence[tuple[str, int]]) -> dict[str, str]:
    """Draw a histogram in both sizes.

    Args:
        name: a word for the element's id.
        counts: the range of each bin, in order, and how many values it has.
    """
    labels = [label for label, _ in counts]

    def plot(settings: dict[str, Any]) -> Any:  # noqa: ANN401 - pygal has no types
        chart = pygal.Bar(
            value_formatter=lambda count: f"{count:g}",
            show_minor_x_labels=False,
            truncate_label=-1,
            **settings,
        )
        chart.x_labels = labels
        chart.x_labels_major = [labels[0], labels[len(labels) // 2], labels[-1]]
        chart.add(None, [{"value": count, "label": label} for label, count in counts])
        return chart

    return _in_both_sizes(name, plot)


def log_curves(
    name: str, curves: Mapping[str, Points], written: Callable[[float], str]
) -> dict[str, str]:
    """Draw curves over logarithmic axes of seconds and values, with a legend, in both sizes."""
    every = [point for points in curves.values() for point in points]

    def plot(settings: dict[str, Any]) -> Any:  # noqa: ANN401 - pygal has no types
        legend = {"show_legend": True, "legend_at_bottom": True}
        chart = pygal.XY(
            x_value_formatter=_seconds,
            value_formatter=written,
            logarithmic=True,
            **{**settings, **legend},
        )
        chart.x_labels = decades([seconds for seconds, _ in every])
        chart.y_labels = decades([value for _, value in every])
        for title, points in curves.items():
            chart.add(title, list(points))
        return chart

    return _in_both_sizes(name, plot)


def _in_both_sizes(name: str, plot: Callable[[dict[str, Any]], Any]) -> dict[str, str]:
    """Return the SVG of a chart for wide and for narrow windows."""
    drawn = {}
    for size, (width, height) in _SIZES.items():
        chart = plot(_settings(width, height))
        chart.uuid = f"{name}-{size}"
        chart.add_xml_filter(_as_picture)
        drawn[size] = str(chart.render(is_unicode=True))
    return drawn


def _seconds(value: float) -> str:
    return f"{value:g} s"


def decades(values: Sequence[float]) -> list[float]:
    """Return the powers of ten around positive values, or thirds of decades if there are few."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    digits = (1, 2, 5) if high - low < 3 else (1,)  # noqa: PLR2004 - that many lines are too few
    return [digit * 10.0**power for power in range(low, high + 1) for digit in digits]


def _settings(width: int, height: int) -> dict[str, Any]:
    """Return what all charts have in common; the colours are variables of the page."""
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground="var(--ink)",
        foreground_strong="var(--ink)",
        foreground_subtle="var(--faint)",
        colors=("var(--curve)", "var(--slow)"),
        font_family="inherit",
        label_font_size=12,
        major_label_font_size=12,
        legend_font_size=12,
    )
    return {
        "style": style,
        "width": width,
        "height": height,
        "show_legend": False,
        "dots_size": 2,
        "js": [],
        "disable_xml_declaration": True,
        "margin_right": 30,
    }


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
