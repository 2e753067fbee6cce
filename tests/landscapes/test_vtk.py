"""The file that ParaView reads, read back by the format's own rules."""

import jax
import numpy as np
import pytest

import lossland as ll

DATA = ll.load("two_gaussians(n=21, d=3, seed=2)")
CENTRE = {"weights": np.array([0.4, -0.2, 0.7]), "bias": np.array(0.1)}


def parsed(path):
    """Axes and arrays of a legacy file; the first axis runs fastest."""
    rest = path.read_bytes()

    def line():
        nonlocal rest
        head, _, rest = rest.partition(b"\n")
        return head.decode().split()

    def doubles(count):
        nonlocal rest
        values, end, rest = (
            np.frombuffer(rest[: 8 * count], ">f8"),
            rest[8 * count : 8 * count + 1],
            rest[8 * count + 1 :],
        )
        assert end == b"\n"
        return values

    assert " ".join(line()) == "# vtk DataFile Version 3.0"
    title = " ".join(line())
    assert [line(), line()] == [["BINARY"], ["DATASET", "RECTILINEAR_GRID"]]
    _, *sizes = line()
    shape = tuple(map(int, sizes))
    axes = []
    for letter, size in zip("XYZ", shape, strict=True):
        assert line() == [f"{letter}_COORDINATES", str(size), "double"]
        axes.append(doubles(size))
    assert line() == ["POINT_DATA", str(np.prod(shape))]
    arrays = {}
    while rest:
        word, name, kind, one = line()
        assert (word, kind, one, line()) == ("SCALARS", "double", "1", ["LOOKUP_TABLE", "default"])
        arrays[name] = doubles(int(np.prod(shape))).reshape(shape, order="F")
    return title, axes, arrays


def test_a_plane_and_a_volume_read_back(tmp_path):
    axes = ll.random_directions(CENTRE, jax.random.key(1), 3)
    given = {"radius": 1.0, "quantities": ["dead", "margin"]}
    p = ll.plane(ll.pair("relu+hinge"), DATA, CENTRE, axes[:2], steps=(3, 5), **given)
    p.values[0, 1] = np.nan
    v = ll.volume(ll.pair("relu+hinge"), DATA, CENTRE, axes, steps=(3, 5, 7), **given)
    for made, name in ((p, "new/plane.vtk"), (v, "volume.vtk")):
        ll.landscapes.write_vtk(made, tmp_path / name)
        title, found, arrays = parsed(tmp_path / name)
        assert title == f"relu+hinge on {DATA.name}"
        third = getattr(made, "gammas", np.zeros(1))
        for axis, expected in zip(found, (made.alphas, made.betas, third), strict=True):
            np.testing.assert_array_equal(axis, expected)
        shape = [len(axis) for axis in found]
        np.testing.assert_array_equal(arrays.pop("objective"), made.values.reshape(shape))
        assert set(arrays) == {"dead", "margin"}
        for quantity, values in arrays.items():
            np.testing.assert_array_equal(values, made.quantities[quantity].reshape(shape))


def test_another_ending_is_refused(tmp_path):
    p = ll.random_plane(ll.pair("relu+hinge"), DATA, CENTRE, key=jax.random.key(1), radius=1.0, steps=3)
    with pytest.raises(ValueError, match=r"ending \.vtk"):
        ll.landscapes.write_vtk(p, tmp_path / "plane.vtp")
