"""The surface of a mesh that moves: which triangles meet in which vertex, and which way they face."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True, eq=False)
class Facets:
    """The planes of F triangles in one frame.

    Attributes:
        normals: (3, F) float32 outward, as long as twice the triangle's area.
        offsets: (F,) float32, the normal times any point of the plane.
    """

    normals: np.ndarray
    offsets: np.ndarray

    def facing(self, position_m: np.ndarray) -> np.ndarray:
        """Indices of the triangles whose outside can be seen from a place (3,): about half of a closed surface."""
        x, y, z = position_m.tolist()
        towards = self.normals[0] * x
        towards += self.normals[1] * y
        towards += self.normals[2] * z
        return np.flatnonzero(towards > self.offsets)


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles (F, 3) int32, counter-clockwise from outside, and the sum over them that gives vertex normals."""

    triangles: np.ndarray
    _corners: np.ndarray
    _spread: sparse.csr_array

    @classmethod
    def of(cls, triangles: np.ndarray, n_vertices: int) -> "Surface":
        """Prepare the triangles (F, 3) of a mesh of ``n_vertices``."""
        triangles = np.ascontiguousarray(triangles, np.int32)
        faces = np.repeat(np.arange(len(triangles)), 3)
        shape = (n_vertices, len(triangles))
        spread = sparse.csr_array((np.ones(faces.size, np.float32), (triangles.ravel(), faces)), shape=shape)
        return cls(triangles, np.ascontiguousarray(triangles.T, np.intp), spread)

    def facets(self, vertices_m: np.ndarray) -> Facets:
        """Planes of the triangles of vertices (V, 3)."""
        # NumPy takes several times as long where the innermost axis is three long, as in its cross product.
        axes = np.ascontiguousarray(vertices_m.T, np.float32)
        first, second, third = (axes.take(corner, axis=1) for corner in self._corners)
        (ux, uy, uz), (vx, vy, vz) = second - first, third - first
        normals = np.stack([uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx])
        return Facets(normals, (normals * first).sum(axis=0))

    def vertex_normals(self, facets: Facets) -> np.ndarray:
        """(3, V) float32 unit vertex normals, weighted by area."""
        normals = np.stack([self._spread @ normals for normals in facets.normals])
        normals /= np.maximum(np.sqrt((normals * normals).sum(axis=0)), 1e-12)
        return normals
