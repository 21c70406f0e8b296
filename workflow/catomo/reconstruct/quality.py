"""What a reconstruction is worth, seen from its own data: no truth is needed.

Residual and mass of every tilt show what is wrong with the data; the Fourier correlation of
two half-reconstructions tells the resolution; the width of edges along x and along z makes
the missing wedge visible. Sums grow slab by slab, the rest looks at a sample of slices.
"""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage, optimize, special

from catomo.labels.otsu import material_threshold

_CONE_DEG = 30.0  # a frequency counts as along an axis up to here
_MOST_RINGS = 64  # finer rings hold too few values to tell signal from noise
_TAPER = 0.1  # of a slice's size, on either side: an abrupt border correlates with itself

_SMOOTH_PX = 2.0  # noise below this size makes no edge
_REACH_PX = 12  # an edge counts when nothing else lies as near to it
_NORMAL_DEG = 20.0  # an edge is across an axis up to here
_FEWEST_EDGES = 50
_BRIGHT = 3.0  # of the half height: Pt lies here, and would lift the edge beneath it
_BINS_PER_PX = 4
_PIXEL_SIGMA = 12**-0.5  # of a pixel as a box: nothing is narrower

_LEAST_ROW = 0.005  # rows with this share of the fullest row's matter belong to the support

HALVES_NOTE = (
    "even and odd tilts share the missing wedge and the rule that nothing is negative: what "
    "both lack looks alike in both, so along z the figure is a limit, not a resolution"
)


class TiltSums:
    """Residual and mass of every tilt, gathered slab by slab.

    Parameters
    ----------
    tilt_deg : sequence of float
        Tilt angles in degrees, in the order of the sinograms.
    """

    def __init__(self, tilt_deg):
        self._tilt_deg = np.asarray(tilt_deg, dtype=np.float64)
        self._unexplained, self._total, self._measured, self._projected = np.zeros(
            (4, len(self._tilt_deg))
        )
        self._volume = 0.0

    def add(self, measured: np.ndarray, projected: np.ndarray, slab: np.ndarray) -> None:
        """Add a slab of slices.

        Parameters
        ----------
        measured, projected : ndarray (n, tilt, detector)
            The data as measured, negative values included, and the projections of `slab`.
        slab : ndarray (n, depth, width)
            The slices, in the frame that was projected.
        """
        # Negative values count as zero for the fit, as for MLEM; cut off from a sum, they
        # would leave it too big. Slice by slice: so the slab's size changes no last digit.
        for y, p, image in zip(measured, projected, slab, strict=True):
            wanted = np.maximum(y, 0)
            self._unexplained += np.square(p - wanted, dtype=np.float64).sum(axis=1)
            self._total += np.square(wanted, dtype=np.float64).sum(axis=1)
            self._measured += y.sum(axis=1, dtype=np.float64)
            self._projected += p.sum(axis=1, dtype=np.float64)
            self._volume += image.sum(dtype=np.float64)

    def residual(self) -> float:
        """Return ``‖Ax−y‖ / ‖y‖`` over all tilts; not-a-number where the data hold nothing."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.sqrt(self._unexplained.sum() / self._total.sum()))

    def residual_by_tilt(self) -> list[float]:
        """Return ``‖Ax−y‖ / ‖y‖`` of every tilt."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.sqrt(self._unexplained / self._total).tolist()

    def mass_balance(self) -> dict:
        """Compare the mass of every image with the mass of the volume.

        Returns
        -------
        dict
            ``by_tilt``: mass of the image per mass of the volume, 1 at every tilt when
            background and illumination are right and all of the specimen is in view.
            ``seen``: the least share of the volume that a tilt has in view. The others look
            at measured per projected mass, which do not mind what leaves the frame:
            ``spread`` is its relative standard deviation over the tilts, ``drift`` its change
            from the first to the last tilt by a straight line, ``bow`` its excess at the
            highest tilts over the middle: background, or something in view from the side.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            by_tilt = self._measured / self._volume
            seen = (self._projected / self._volume).min()
            ratio = self._measured / self._projected
        spread = drift = bow = np.nan
        if len(ratio) > 2 and np.isfinite(ratio).all() and ratio.mean() != 0:
            ratio = ratio / ratio.mean()
            spread = ratio.std()
            low, high = self._tilt_deg.min(), self._tilt_deg.max()
            along = (2 * self._tilt_deg - low - high) / (high - low)
            bow, half, _ = np.polyfit(along, ratio, 2)
            drift = 2 * half
        return {
            "by_tilt": by_tilt.tolist(),
            "seen": float(seen),
            "spread": float(spread),
            "drift": float(drift),
            "bow": float(bow),
        }


def half_correlation(even: np.ndarray, odd: np.ndarray, pixel_size_nm: float) -> dict:
    """Return the Fourier ring correlation of slices from even and from odd tilts.

    Parameters
    ----------
    even, odd : ndarray (n, depth, width)
        The same slices, reconstructed from every second tilt.
    pixel_size_nm : float

    Returns
    -------
    dict
        ``frequency_per_nm``: middles of the rings. ``all``, ``x`` and ``z``: whole rings, and
        the parts of them within 30° of either axis; each with ``curve`` and ``resolution_nm``,
        the period at which the curve first falls under 0.5 and 0.143 (two pixels if it never
        does). ``note``: what the figures cannot tell.

    Notes
    -----
    Saxton & Baumeister 1982; halves by tilts as Cardone et al. 2005. Cross and power spectra
    are summed over the slices first, so slices count by what they hold. 0.143 between halves
    corresponds to 0.5 of the whole against the truth (Rosenthal & Henderson 2003).
    """
    depth, width = even.shape[1:]
    window = np.outer(_taper(depth), _taper(width))
    sums = np.zeros((3, depth, width // 2 + 1))
    for one, other in zip(even, odd, strict=True):
        a, b = (fft.rfft2(window * (image - image.mean())) for image in (one, other))
        sums += [(a * b.conj()).real, np.abs(a) ** 2, np.abs(b) ** 2]

    kz, kx = fft.fftfreq(depth)[:, None], fft.rfftfreq(width)[None]
    rings = min(_MOST_RINGS, min(depth, width) // 4)
    ring = (np.hypot(kz, kx) * 2 * rings).astype(int)
    ring[0, 0] = rings  # the mean is not signal; beyond the last ring nothing is counted
    # One of each pair of opposite frequencies is there, except where kx is 0 or at its end.
    twice = np.full(width // 2 + 1, 2.0)
    twice[0] = twice[width // 2 if width % 2 == 0 else 0] = 1
    angle = np.degrees(np.arctan2(np.abs(kz), kx))
    regions = {"all": angle >= 0, "x": angle <= _CONE_DEG, "z": angle >= 90 - _CONE_DEG}
    frequency = (np.arange(rings) + 0.5) / (2 * rings * pixel_size_nm)
    result = {"frequency_per_nm": frequency.tolist()}
    for name, region in regions.items():
        cross, first, second = (
            np.bincount(ring[region], (twice * s)[region], rings + 1)[:rings] for s in sums
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            curve = cross / np.sqrt(first * second)
        result[name] = {
            "curve": curve.tolist(),
            "resolution_nm": {
                str(level): _resolution(curve, frequency, level, pixel_size_nm)
                for level in (0.5, 0.143)
            },
        }
    return {**result, "note": HALVES_NOTE}


def edge_width(slices: np.ndarray, pixel_size_nm: float) -> dict:
    """Return how wide the specimen's edges are along x and along z.

    Parameters
    ----------
    slices : ndarray (n, depth, width)
        Slices of the volume.
    pixel_size_nm : float

    Returns
    -------
    dict
        ``x`` and ``z``, each with ``sigma_nm`` (of the Gaussian that would make so wide an
        edge), ``rise_nm`` (from 10 to 90 %) and ``edges`` (how many places were averaged;
        not-a-number below 50), and ``elongation``, sigma along z per sigma along x.

    Notes
    -----
    Edges are where matter of at least 12 px, none of it brighter than 1.5 times the usual,
    meets as much emptiness, both after smoothing by 2 px, and whose normal lies within 20°
    of the axis. Their profiles along the normal are laid on each other by their places of
    half height, as they are, without interpolation, and an error function is fitted. The
    pixel itself is part of the width (σ 0.29 px). Noise of 0.3 of the matter's value changes
    it by up to a tenth; a sigma above 6 px, half the reach, says "wide" and no more.
    """
    smooth = ndimage.gaussian_filter(slices, (0, _SMOOTH_PX, _SMOOTH_PX), output=np.float32)
    level = usual_value(smooth) / 2
    found = [_edges(smooth, level, axis) for axis in (2, 1)]
    sigma = pixel_size_nm * np.array(
        [_edge_sigma(slices, axis, *edges) for axis, edges in zip((2, 1), found, strict=True)]
    )
    rise = 2 * np.sqrt(2) * special.erfinv(0.8)
    return {
        **{
            name: {"sigma_nm": float(s), "rise_nm": float(rise * s), "edges": len(inward)}
            for name, s, (_, inward, _) in zip("xz", sigma, found, strict=True)
        },
        "elongation": float(sigma[1] / sigma[0]),
    }


def support_extent(slices: np.ndarray) -> tuple[int, int]:
    """Return the range ``start, stop`` of z that holds the specimen.

    Parameters
    ----------
    slices : ndarray (n, depth, width)
        Slices of the volume, or of a coarse reconstruction.
    """
    smooth = ndimage.gaussian_filter(slices, (0, 1, 1), output=np.float32)
    filled = np.count_nonzero(smooth > usual_value(smooth) / 4, axis=(0, 2))
    rows = np.flatnonzero(filled > _LEAST_ROW * filled.max())
    return (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, slices.shape[1])


def support_depth(slices: np.ndarray, margin: float = 0.1) -> int:
    """Return how many rows about the middle one, the tilt axis, hold the specimen.

    Parameters
    ----------
    slices : ndarray (n, depth, width)
        Slices of the volume, or of a coarse reconstruction.
    margin : float
        Share of the specimen's depth that is added on either side, at least two rows.
    """
    start, stop = support_extent(slices)
    depth = slices.shape[1]
    reach = max(depth / 2 - start, stop - depth / 2) + max(2, margin * (stop - start))
    return min(depth, int(np.ceil(2 * reach)))


def usual_value(images: np.ndarray) -> float:
    """Return the usual value of matter: the median above half of itself; infinity without any.

    The search starts from a threshold that is not misled by Pt, twenty times as bright.
    """
    root = np.sqrt(np.maximum(images, 0))  # brings Pt nearer to alumina
    histogram, edges = np.histogram(root, 1024, (0, float(root.max()) or 1.0))
    threshold = edges[material_threshold(histogram) + 1] ** 2
    for _ in range(8):
        matter = images[images > threshold]
        if not matter.size:
            return np.inf
        threshold = np.median(matter) / 2
    return 2 * float(threshold)


def _taper(size: int) -> np.ndarray:
    """Return a window that falls to zero over a tenth of the size at either end."""
    distance = (np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5) / (_TAPER * size)
    return np.sin(np.pi / 2 * np.minimum(distance, 1)) ** 2


def _resolution(curve, frequency, level: float, pixel_size_nm: float) -> float:
    """Return the period at which the curve first falls under a level."""
    known = np.isfinite(curve)
    curve, frequency = curve[known], frequency[known]
    under = np.flatnonzero(curve < level)
    if not len(curve) or (len(under) and under[0] == 0):
        return float("nan")
    if not len(under):
        return 2 * pixel_size_nm
    i = under[0]
    step = (curve[i - 1] - level) / (curve[i - 1] - curve[i])
    return float(1 / (frequency[i - 1] + step * (frequency[i] - frequency[i - 1])))


def _edges(smooth: np.ndarray, level: float, axis: int):
    """Find lone edges crossed along an axis.

    Returns
    -------
    place : tuple
        Slice, line and position (a float) along the axis of every edge.
    inward : ndarray
        1 where matter lies at higher positions, -1 where at lower.
    along : ndarray
        Cosine between the edge's normal and the axis.
    """
    lines = np.moveaxis(smooth, axis, -1)
    empty = _run(lines <= level)
    filled = _run((lines > level) & (lines < _BRIGHT * level))
    rising = empty[..., :-_REACH_PX] & filled[..., _REACH_PX:]
    falling = filled[..., :-_REACH_PX] & empty[..., _REACH_PX:]
    i, j, k = np.nonzero(rising | falling)
    inward = np.where(rising[i, j, k], 1, -1)
    k = k + _REACH_PX - 1  # the last pixel before the edge
    low, high = lines[i, j, k], lines[i, j, k + 1]
    slope = high - low
    k_across = k + ((level - low) / slope > 0.5)
    last = lines.shape[1] - 1
    up, down = np.minimum(j + 1, last), np.maximum(j - 1, 0)
    across = (lines[i, up, k_across] - lines[i, down, k_across]) / np.maximum(up - down, 1)
    along = np.abs(slope) / np.hypot(slope, across)
    kept = along >= np.cos(np.radians(_NORMAL_DEG))
    place = i[kept], j[kept], (k + (level - low) / slope)[kept]
    return place, inward[kept], along[kept]


def _run(mask):
    """Return where a run of `_REACH_PX` true pixels of the last axis begins."""
    count = np.cumsum(np.pad(mask, ((0, 0), (0, 0), (1, 0))), axis=-1, dtype=np.int32)
    return count[..., _REACH_PX:] - count[..., :-_REACH_PX] == _REACH_PX


def _edge_sigma(slices, axis: int, place, inward, along) -> float:
    """Return the sigma, in pixels, of the mean edge along its normal."""
    if len(inward) < _FEWEST_EDGES:
        return np.nan
    lines = np.moveaxis(slices, axis, -1)
    i, j, position = place
    first = np.floor(position).astype(int) - _REACH_PX + 1
    count, total = np.zeros((2, 2 * _REACH_PX * _BINS_PER_PX + 1))
    for step in range(2 * _REACH_PX):
        distance = (first + step - position) * along * inward
        where = np.rint((distance + _REACH_PX) * _BINS_PER_PX).astype(int)
        count += np.bincount(where, minlength=len(count))
        total += np.bincount(where, lines[i, j, first + step], len(count))
    kept = count > 0
    u = (np.arange(len(count)) / _BINS_PER_PX - _REACH_PX)[kept]
    profile, weight = total[kept] / count[kept], np.sqrt(count[kept])
    top, bottom = profile[u > _REACH_PX / 2].mean(), profile[u < -_REACH_PX / 2].mean()
    if not top > bottom:
        return np.nan
    profile = (profile - bottom) / (top - bottom)
    fit = optimize.least_squares(
        lambda guess: weight * (_edge(u, *guess) - profile), (0, 1, 0, 2), method="lm"
    )
    return np.hypot(fit.x[3], _PIXEL_SIGMA)


def _edge(u, bottom, height, centre, blur):
    return bottom + height * special.ndtr((u - centre) / np.hypot(blur, _PIXEL_SIGMA))
