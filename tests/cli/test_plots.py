"""Figures: what is drawn for which shape, read from the figure's own objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from dgmlang.compiler.diagnostics.diagnostic import DgmError
from dgmlang.plots.canvas import figure, save
from dgmlang.plots.curves import curves
from dgmlang.plots.pictures import as_pictures, mosaic, square
from dgmlang.plots.reconstructions import paired, reconstructions
from dgmlang.plots.samples import samples
from dgmlang.runtime.metrics import Record

RNG = np.random.default_rng(0)
BITS = RNG.integers(0, 2, (10, 64)).astype(float)


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((5, 8, 9), (5, 8, 9)),
        ((5, 8, 9, 1), (5, 8, 9)),
        ((5, 8, 9, 3), (5, 8, 9, 3)),
        ((5, 16), None),
    ],
)
def test_which_arrays_are_pictures(shape: tuple[int, ...], found: tuple[int, ...] | None) -> None:
    pictures = as_pictures(RNG.random(shape))
    assert (None if pictures is None else pictures.shape) == found


def test_vectors_of_two_values_are_folded() -> None:
    pictures = as_pictures(2 * BITS - 1)
    assert pictures is not None
    np.testing.assert_array_equal(pictures.reshape(10, 64), 2 * BITS - 1)
    assert as_pictures(BITS[:, :60]) is None
    assert as_pictures(BITS[:, :9]) is None


def test_a_mosaic_keeps_every_picture_at_its_place() -> None:
    pictures = np.arange(1, 5 * 2 * 3 + 1, dtype=float).reshape(5, 2, 3)
    sheet = mosaic(pictures, 3)
    assert sheet.shape == (2 * 3 - 1, 3 * 4 - 1)
    np.testing.assert_array_equal(sheet[:2, 4:7], pictures[1])
    np.testing.assert_array_equal(sheet[3:, :3], pictures[3])
    assert np.all(np.isnan(sheet[2]))
    assert np.sum(np.isfinite(sheet)) == pictures.size


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (2, 2), (4, 2), (5, 3), (64, 8), (65, 9)])
def test_columns_of_a_square(n: int, columns: int) -> None:
    assert square(n) == columns


def test_pictures_beside_data() -> None:
    drawn = samples(BITS, BITS)
    assert [axes.get_title() for axes in drawn.axes] == ["data", "samples"]
    assert all(len(axes.images) == 1 for axes in drawn.axes)


def test_points_keep_the_scale_of_the_data_and_count_what_is_outside() -> None:
    data = RNG.uniform(-1, 1, (50, 2))
    draws = np.concatenate([data, [[100.0, 0.0]]])
    left, right = samples(draws, data).axes
    assert right.get_title() == "samples (1 outside)"
    assert left.get_xlim() == right.get_xlim()
    assert len(np.asarray(right.collections[0].get_offsets())) == 51


@pytest.mark.parametrize(
    ("draws", "panels"),
    [(RNG.normal(size=50), 1), (RNG.normal(size=(50, 5)), 5), (RNG.normal(size=(50, 40)), 16)],
)
def test_other_values_get_a_panel_an_entry(draws: np.ndarray, panels: int) -> None:
    assert len(samples(draws).axes) == panels


def test_bars_are_shares() -> None:
    (axes,) = samples(np.array([0, 0, 0, 2])).axes
    heights = [bar.get_bbox().height for bar in axes.patches if isinstance(bar, Rectangle)]
    np.testing.assert_allclose(heights, [0.75, 0, 0.25])


def test_curves_of_two_runs_have_their_own_axes() -> None:
    first = [Record(s, {"loss": 9.0 - s, "grad": 1.0}) for s in range(5)]
    second = [*first, Record(5, {"loss": 3.0, "valid": 4.0})]
    left, right = curves([("elbo", first), ("iwae(k = 8)", second)]).axes
    assert [axes.get_title() for axes in (left, right)] == ["elbo", "iwae(k = 8)"]
    assert not left.get_shared_y_axes().joined(left, right)
    assert [len(axes.lines) for axes in (left, right)] == [1, 2]
    np.testing.assert_array_equal(left.lines[0].get_ydata(), [9, 8, 7, 6, 5])


def test_each_row_is_followed_by_its_reconstructions() -> None:
    top = np.arange(5 * 4, dtype=float).reshape(5, 2, 2)
    found = paired(top, -top, 2)
    np.testing.assert_array_equal(found, np.concatenate([top[:2], -top[:2], top[2:4], -top[2:4]]))
    assert len(reconstructions(BITS, BITS).axes) == 1


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_figures_reach_files(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "deep" / f"a.{ending}"
    save(figure(1, 1), path)
    assert path.stat().st_size > 0
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_places_that_take_no_figure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "a.xyz", tmp_path / "file" / "a.png"):
        with pytest.raises(DgmError, match="cannot write"):
            save(figure(1, 1), path)
