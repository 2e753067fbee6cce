"""What lies on planes, drawn: gradient fields, kink lines, regions, points; and surfaces in three dimensions."""

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lossland.core import Params, guarded
from lossland.figures._planes import colour_scale, draw_plane, spread_out
from lossland.figures._style import RED, style
from lossland.figures._words import label_ticks, verbatim
from lossland.landscapes import GradientField, KinkSegments, Plane, Regions, place

ARROWS = 13
"""Arrows on each axis."""


@guarded()
def fields_figure(fields: Mapping[str, GradientField]) -> Figure:
    """Where descent within a plane goes, and where it would leave the plane; a row for each pair.

    Args:
        fields: title -> field, from `gradient_field`.

    Returns:
        The figure. Left, the objective with streamlines of steepest descent, thick where the gradient is steep. Right,
        the share of the gradient that lies outside the plane, from 0 to 1, with arrows of the part inside; each arrow's
        length grows as the square root of the gradient's, so that flat parts are seen too.
    """
    with style():
        figure = Figure(figsize=(8.4, 3.5 * len(fields)), layout="constrained")
        engine: Any = figure.get_layout_engine()
        engine.set(w_pad=0.1)
        rows = figure.subplots(len(fields), 2, sharex=True, sharey=True, squeeze=False)
        for k, ((left, right), (title, field)) in enumerate(zip(rows, fields.items(), strict=True)):
            p = field.plane
            drawn = draw_plane(left, p, colour_scale([p.values]), lines=False)
            label_ticks(figure.colorbar(drawn, ax=left, label="objective", shrink=0.85))
            left.set_title(verbatim(title))
            draw_streams(left, field)
            share = np.where(np.isfinite(field.norms), field.share_outside, np.nan)
            alphas, betas, share = spread_out(p, share)
            levels = np.linspace(0.0, 1.0, 21)
            # The colours end before they are dark: arrows lie on them.
            drawn = right.contourf(alphas, betas, share.T, levels, cmap="OrRd", norm=Normalize(0.0, 1.5))
            figure.colorbar(drawn, ax=right, label="share of the gradient outside the plane", shrink=0.85)
            _arrows(right, field)
            right.plot(0, 0, marker="+", color="black", ms=9, mew=1.6)
            right.set(title="arrows: descent within the plane" if k == 0 else "", xlabel="alpha")
    return figure


@guarded()
def draw_streams(axes: Axes, field: GradientField) -> None:
    """Draw white streamlines of steepest descent within a plane, thick where the gradient is steep.

    Args:
        axes: of the plane.
        field: from `gradient_field`.
    """
    p = field.plane
    u, v = np.moveaxis(_downhill(field), -1, 0).swapaxes(1, 2)
    speed = np.hypot(u, v)
    # A strip has no streams: they need two points on each axis.
    if not speed.max() > 0 or min(speed.shape) < 2:
        return
    width = 0.35 + 1.4 * np.sqrt(speed / speed.max())
    # A stream that creeps over a plateau says nothing: descent stands still there.
    still = speed <= 1e-9 * speed.max()
    u, v = np.ma.array(u, mask=still), np.ma.array(v, mask=still)
    axes.streamplot(p.alphas, p.betas, u, v, density=1.0, color=(1, 1, 1, 0.8), linewidth=width, arrowsize=0.7)
    axes.set(xlim=(p.alphas[0], p.alphas[-1]), ylim=(p.betas[0], p.betas[-1]))


def _downhill(field: GradientField) -> np.ndarray:
    """(a, b, 2), where descent within the plane goes, the largest component 1; 0 where there is no such number."""
    steps = np.where(np.isfinite(field.steepest).all(axis=-1, keepdims=True), -field.steepest, 0.0)
    return steps / (np.abs(steps).max() or 1.0)


def _arrows(axes: Axes, field: GradientField) -> None:
    p = field.plane
    rows, columns = (np.unique(_inner(len(axis)).round().astype(int)) for axis in (p.alphas, p.betas))
    # In units of the picture, so that arrows do not overlap whatever the two axes' ranges.
    reach = np.array([np.ptp(p.alphas) or 1.0, np.ptp(p.betas) or 1.0])
    steps = _downhill(field)[np.ix_(rows, columns)] / reach
    size = np.linalg.norm(steps, axis=-1, keepdims=True)
    if not size.max() > 0:
        return
    steps = steps / np.sqrt(np.where(size > 0, size, 1.0) * size.max()) * reach * 0.95 / ARROWS
    u, v = steps[..., 0].T, steps[..., 1].T
    there = p.alphas[rows], p.betas[columns]
    axes.quiver(*there, u, v, angles="xy", scale_units="xy", scale=1.0, color="0.15", width=0.004, pivot="middle")


def _inner(count: int) -> np.ndarray:
    edge = 0.5 * count / ARROWS
    return np.linspace(edge, count - 1 - edge, min(ARROWS, count)) if count > ARROWS else np.arange(count) * 1.0


@guarded()
def draw_kinks(axes: Axes, found: KinkSegments, **look: Any) -> None:
    """Draw kink lines, the fainter the more there are: dotted where only the curvature jumps.

    Args:
        axes: of a plane.
        found: from `kink_segments`.
        **look: of the lines, as `LineCollection` takes it.
    """
    faint = float(np.clip(0.45 * (60.0 / max(len(found.ends), 1)) ** 0.6, 0.07, 0.7))
    for soft in (False, True):
        held = found.ends[(found.kinds == "curvature") == soft]
        given = {"colors": "black", "linewidths": 0.5, "alpha": faint, "linestyles": ":" if soft else "-"} | look
        axes.add_collection(LineCollection(list(held), **given), autolim=False)


@guarded()
def draw_regions(axes: Axes, p: Plane, found: Regions) -> None:
    """Hatch the parts of a map, and draw their borders.

    Args:
        axes: of the plane p.
        p: the plane.
        found: from `regions`.
    """
    alphas, betas, inside = spread_out(p, (found.labels > 0).astype(float))
    if not inside.any():
        return
    with matplotlib.rc_context({"hatch.color": (1, 1, 1, 0.75), "hatch.linewidth": 0.6}):
        axes.contourf(alphas, betas, inside.T, [0.5, 1.5], colors="none", hatches=["////"])
        axes.contour(alphas, betas, inside.T, [0.5], colors="white", linewidths=1.0)


@guarded()
def draw_points(axes: Axes, p: Plane, points: Mapping[str, Params]) -> None:
    """Mark solutions by their names: a full disc on the plane, a hollow one at the nearest point of it; see `place`.

    Args:
        axes: of the plane p.
        p: the plane.
        points: name -> params. One beyond the plane's box is left out.
    """
    middle = 0.5 * (p.alphas[0] + p.alphas[-1])
    for k, (name, params) in enumerate(points.items()):
        found = place(p, params)
        if not (p.alphas[0] <= found.alpha <= p.alphas[-1] and p.betas[0] <= found.beta <= p.betas[-1]):
            continue
        near = found.off <= 1e-6 * (1.0 + np.hypot(found.alpha, found.beta))
        axes.plot(
            found.alpha, found.beta, marker="o", ms=5, mec="white", mfc=RED if near else "none", mew=1.2, zorder=6
        )
        right = found.alpha > middle
        text = verbatim(name) if near else f"{verbatim(name)} ({found.off:.2g} off)"
        side, level = (-6, "right") if right else (6, "left"), (-7, "top") if k % 2 else (7, "bottom")
        axes.annotate(
            text, (found.alpha, found.beta), xytext=(side[0], level[0]), textcoords="offset points", ha=side[1],
            va=level[1], fontsize=7.5, color="white", zorder=6,
            bbox={"boxstyle": "round,pad=0.2", "fc": (0, 0, 0, 0.45), "lw": 0},
        )  # fmt: skip


@guarded(columns=1)
def surfaces_figure(
    planes: Mapping[str, Plane], what: str = "objective", columns: int = 3, elevation: float = 32.0, turn: float = -52.0
) -> Figure:
    """Several planes as surfaces in three dimensions, on one scale, with contours on the floor.

    Args:
        planes: title -> plane.
        what: the word beside the height.
        columns: panels in a row.
        elevation: of the eye, in degrees.
        turn: of the eye about the height, in degrees.

    Returns:
        The figure; the height is logarithmic where the values span more than two decades. Holes are left open.
    """
    across = min(columns, len(planes))
    down = -(-len(planes) // across)
    scale = colour_scale([p.values for p in planes.values()])
    with style():
        figure = Figure(figsize=(3.9 * across, 3.5 * down))
        for k, (title, p) in enumerate(planes.items()):
            axes: Any = figure.add_subplot(down, across, k + 1, projection="3d")
            _surface(axes, p, scale, what)
            axes.view_init(elevation, turn)
            axes.set_title(verbatim(title), y=0.98)
        figure.subplots_adjust(left=0.0, right=0.94, bottom=0.06, top=0.95, wspace=0.12, hspace=0.1)
    return figure


def _surface(axes: Any, p: Plane, scale: Any, what: str) -> None:
    height, (low, high, named) = _heights(p, scale), _upwards(scale, what)
    floor = low - 0.3 * (high - low)
    alphas, betas, height = spread_out(p, height)
    a, b = np.meshgrid(alphas, betas, indexing="ij")
    look = {"cmap": "viridis", "vmin": low, "vmax": high}
    most = {"rcount": min(len(alphas), 101), "ccount": min(len(betas), 101)}
    axes.plot_surface(a, b, height, linewidth=0, antialiased=False, **look, **most)
    levels = np.linspace(low, high, 14)
    axes.contour(a, b, height, levels, offset=floor, linewidths=0.7, **look)
    axes.set(xlabel="alpha", ylabel="beta", zlabel=named, zlim=(floor, high))
    axes.tick_params(pad=0)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.pane.set_facecolor((1, 1, 1, 0))
        axis._axinfo["grid"].update({"color": "0.88", "linewidth": 0.5})
        axis.set_major_locator(MaxNLocator(5))
    axes.set_zticks([t for t in MaxNLocator(5).tick_values(low, high) if low <= t <= high])


def _heights(p: Plane, scale: Any) -> np.ndarray:
    """The heights of a plane's surface: its values, or their logarithms on a logarithmic scale."""
    shown = np.where(np.isnan(p.values), np.nan, np.clip(p.values, scale.vmin, scale.vmax))
    return np.log10(shown) if isinstance(scale, LogNorm) else shown


def _upwards(scale: Any, what: str) -> tuple[float, float, str]:
    """The range and the name of the heights."""
    low, high = scale.vmin, scale.vmax
    if isinstance(scale, LogNorm):
        return float(np.log10(low)), float(np.log10(high)), f"log10 {what}"
    return low, high, what


@guarded()
def interactive_figure(
    planes: Mapping[str, Plane], what: str = "objective", points: Mapping[str, Params] | None = None
) -> Any:
    """Planes as surfaces that a reader turns, with a menu that changes the pair: a plotly figure.

    Args:
        planes: title -> plane.
        what: the word beside the height.
        points: name -> params, marked on each surface at their nearest point.

    Returns:
        A `plotly.graph_objects.Figure`; `figure.write_html("plane.html")` is one file that needs no network.
    """
    import plotly.graph_objects as graph

    scale = colour_scale([p.values for p in planes.values()])
    low, high, named = _upwards(scale, what)
    size = (high - low) / 20
    bands = {"z": {"show": True, "usecolormap": True, "project_z": True, "start": low, "end": high, "size": size}}
    figure, drawn = graph.Figure(), []
    for title, p in planes.items():
        height, first = _heights(p, scale), not drawn
        alphas, betas, strip = spread_out(p, height)
        figure.add_trace(graph.Surface(
            x=alphas, y=betas, z=strip.T, cmin=low, cmax=high, colorscale="Viridis", contours=bands, name=title,
            visible=first, colorbar={"title": {"text": named}, "len": 0.7},
            hovertemplate="alpha %{x:.4g}<br>beta %{y:.4g}<br>" + named + " %{z:.5g}<extra></extra>",
        ))  # fmt: skip
        drawn.append(title)
        if points:
            figure.add_trace(_marked(graph, p, height, points, first))
            drawn.append(title)
    buttons = [
        {"label": title, "method": "update", "args": [{"visible": [t == title for t in drawn]}]} for title in planes
    ]
    figure.update_layout(
        scene={"xaxis": {"title": {"text": "alpha"}}, "yaxis": {"title": {"text": "beta"}},
               "zaxis": {"title": {"text": named}, "range": [low - 0.3 * (high - low), high]},
               "camera": {"eye": {"x": 1.45, "y": -1.75, "z": 0.95}, "center": {"x": 0.0, "y": 0.0, "z": -0.15}}},
        margin={"l": 0, "r": 0, "t": 40, "b": 0}, showlegend=False, title={"text": _title(planes), "x": 0.5},
        updatemenus=[{"buttons": buttons, "x": 0.02, "y": 0.98, "xanchor": "left"}] if len(planes) > 1 else [],
    )  # fmt: skip
    return figure


def _title(planes: Mapping[str, Plane]) -> str:
    held = next(iter(planes.values())).settings
    return f"{held['data']}, {held['model']}" + ("" if len(planes) > 1 else f", {next(iter(planes))}")


def _marked(graph: Any, p: Plane, height: np.ndarray, points: Mapping[str, Params], visible: bool) -> Any:
    """Discs on a surface at the pixel nearest to each point."""
    found = [place(p, params) for params in points.values()]
    at = [(np.argmin(np.abs(p.alphas - x.alpha)), np.argmin(np.abs(p.betas - x.beta))) for x in found]
    return graph.Scatter3d(
        x=[x.alpha for x in found], y=[x.beta for x in found], z=[height[i] for i in at], text=list(points),
        mode="markers+text", marker={"size": 5, "color": RED, "line": {"color": "white", "width": 1}},
        textposition="top center", visible=visible, hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
