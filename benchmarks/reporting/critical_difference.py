"""The critical difference diagram of mean ranks (Demsar 2006)."""

from io import StringIO
from typing import TYPE_CHECKING

from benchmarks.evaluation import significance
from benchmarks.reporting.statistics_tables import Level

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALPHA = 0.05


def critical_difference_diagram(level: Level, setting: str) -> "Figure":
    """Mean ranks on a line; a bar joins detectors that do not differ by Wilcoxon's test after Holm.

    setting: what the ranks were measured on; it is printed below, so that a synthetic corpus is named.
    """
    from matplotlib.figure import Figure
    from scikit_posthocs import critical_difference_diagram as draw

    ranks = significance.average_ranks(level.units)[list(level.units.columns)]
    p = significance.wilcoxon_holm(level.units)
    figure = Figure(figsize=(8, 1.6 + 0.17 * len(ranks)), layout="constrained")
    axes = figure.add_subplot()
    numbers = range(len(ranks))  # instead of names: the order of a set of texts differs between processes
    drawn = draw(
        ranks.set_axis(numbers),
        p.loc[ranks.index, ranks.index].set_axis(numbers).set_axis(numbers, axis=1),
        alpha=ALPHA,
        ax=axes,
        label_fmt_left="{label}",
        label_fmt_right="{label}",
        label_props={"fontsize": 8},
    )
    for label in drawn["labels"]:
        name, rank = list(ranks.items())[int(label.get_text())]
        text = f"{name} ({rank:.2f})" if label.get_ha() == "right" else f"({rank:.2f}) {name}"
        label.set_text(text.replace("$", r"\$"))
    axes.set_title(f"Mean ranks over {len(level.units)} units, {level.name}", fontsize=9)
    figure.supxlabel(f"{setting} {_meaning_of_bars(level)}", fontsize=6, wrap=True)
    return figure


def svg(figure: "Figure", title: str) -> str:
    """The figure as SVG; the same results give the same bytes."""
    import matplotlib

    drawn = StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "asdbench"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Title": title})
    return drawn.getvalue()


def _meaning_of_bars(level: Level) -> str:
    """What the bars of a diagram mean, and whether the test can find any difference at all."""
    n_units, k = level.units.shape
    text = f"Bars: no difference found by Wilcoxon's test after Holm at {ALPHA:g}"
    if significance.smallest_p(k, n_units) > ALPHA:
        text += f", which cannot find a difference in any pair of {k} on {n_units} units, however large it is"
    if n_units < 2:
        return f"{text}."
    limit = significance.critical_difference(k, n_units, ALPHA)
    return f"{text}. Nemenyi's critical difference at {ALPHA:g}: {limit:.2f}."
