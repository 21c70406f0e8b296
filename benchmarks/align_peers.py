"""The peers of `align.py`: how other packages align a tilt series, in catomo's geometry.

A registration finds shifts; an axis step finds angle and offset of the tilt axis on the
shifted images. No peer gets anything of the truth. Images are cleaned in one of two ways:
`catomo`, a gift, mends bad pixels and subtracts the mean of each image's edge for all; `own` is
what the package does itself: tomviz subtracts the peak of each image's histogram (its bad pixels
are mended by catomo's rule), ETSpy and scikit-image take the images as recorded.

ETSpy 1.3 (imported)
    `stack_register` with PC, StackReg, COM, COM-CL at their defaults, from the middle tilt,
    `com_ref_index` the middle row (the default, the index of the middle tilt, throws the specimen
    out of the frame); `tilt_align` with CoM and with MaxImage (angle only: `also_shift` takes
    minutes). Its tilt axis lies along x, so its images are ours transposed.
scikit-image (imported)
    `phase_cross_correlation` of neighbours, chained from the tilt nearest 0° outwards,
    upsampling 20, with phase normalisation (its default) and without.
tomviz (its published methods, written anew; it has no package to import)
    centre of mass and band-passed cross-correlation, both in whole pixels as there, and StackReg
    (pystackreg, each image to the one before); axis angle where the variance over the
    tilts of |FFT|^0.2 is least along a line (2°, then 0.1° steps); offset where weighted back
    projections of five slices reach the highest value (whole pixels to ±20).
TomoPy (imported, if there is one)
    `align_joint`, 20 iterations, else defaults, from StackReg and tomviz's axis: alone it takes
    the axis for vertical.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from catomo.align.bad_pixels import mend
from catomo.align.geometry import Geometry, in_axis_frame
from catomo.align.preprocess import ring_level
from catomo.projection.shear import ShearProjector

_UPSAMPLING = 20  # of scikit-image: steps of 0.05 px
_TOMVIZ_BAND = 4  # its `filterCutoff`
_TOMVIZ_SLICES, _TOMVIZ_REACH_PX = 5, 20  # of its search for the axis offset


@dataclass(frozen=True)
class Found:
    """What a method says about a tilt series.

    Attributes
    ----------
    shifts : ndarray (tilt, 2)
        Where the specimen lies in each raw image, (y, x) in px; a common constant is arbitrary
        unless `offset_px` is given.
    angle_deg : float or None
        Angle of the tilt axis; None if the method does not tell.
    offset_px : float or None
        Where the axis lies across itself, from the centre of the shifted images.
    """

    shifts: np.ndarray
    angle_deg: float | None = None
    offset_px: float | None = None

    def geometry(self, angle_deg: float | None = None) -> Geometry:
        """Return catomo's geometry; `angle_deg` counts where the method found none."""
        angle = angle_deg if self.angle_deg is None else self.angle_deg
        across, along = in_axis_frame(self.shifts, angle)
        return Geometry(angle, across + (self.offset_px or 0.0), along)


Register = Callable[[np.ndarray, np.ndarray], Found]
FindAxis = Callable[[np.ndarray, np.ndarray, Found], Found]


def cleaned(package: str, how: str, images: np.ndarray) -> np.ndarray:
    """Return images (tilt, y, x) as a package gets them; `how` is ``catomo`` or ``own``."""
    if how == "own" and package != "tomviz":
        return images
    level = ring_level if how == "catomo" else _histogram_peak
    mended = (mend(image, 8.0)[0] for image in images)
    return np.stack([image - level(image) for image in mended]).astype(np.float32)


def peers() -> tuple[list[tuple[str, str, Register, dict[str, FindAxis]]], list[str]]:
    """Return ``(package, method, registration, {name: axis step})``, and packages missing."""
    found, missing = [], []
    with contextlib.redirect_stderr(io.StringIO()):
        if _importable("etspy.api"):
            axes = {"CoM axis": _etspy_axis("CoM"), "MaxImage axis": _etspy_axis("MaxImage")}
            for method in ("PC", "StackReg", "COM", "COM-CL"):
                found.append(("ETSpy", method, _etspy(method), axes))
        else:
            missing.append("ETSpy")
        axes = {"tomviz axis": tomviz_axis}
        if _importable("skimage.registration"):
            found.append(("scikit-image", "phase", _skimage("phase"), axes))
            found.append(("scikit-image", "correlation", _skimage(None), axes))
        else:
            missing.append("scikit-image")
        found.append(("tomviz", "centre of mass", tomviz_centre_of_mass, axes))
        found.append(("tomviz", "cross-correlation", tomviz_cross_correlation, axes))
        if _importable("tomopy"):
            axes = axes | {"tomviz axis, TomoPy align_joint": tomopy_joint}
        else:
            missing.append("TomoPy")
        found.append(("tomviz", "StackReg", tomviz_stackreg, axes))
    return found, missing


def tomviz_centre_of_mass(images, tilt_deg) -> Found:
    """Put the centre of mass, cut to whole pixels, on the pixel right of the middle."""
    places = [np.trunc(ndimage.center_of_mass(image)) for image in images.astype(np.float64)]
    half = np.array(images.shape[1:]) // 2
    return Found(np.array(places) - half, offset_px=_half_pixel(images))


def tomviz_cross_correlation(images, tilt_deg) -> Found:
    """Chain whole-pixel shifts from band-passed, apodised cross-correlations of neighbours."""
    rows, columns = images.shape[1:]
    radius = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns))
    band = np.sin(2 * np.pi * _TOMVIZ_BAND * radius) ** 2 * (radius <= 0.5 / _TOMVIZ_BAND)
    rim = [np.sin(np.pi * np.arange(1, n + 1) / n) ** 2 for n in (rows, columns)]
    rim = rim[0][:, None] * rim[1]

    def register(still, moving):
        product = np.conj(np.fft.fft2((moving - moving.mean()) * rim)) * np.fft.fft2(
            (still - still.mean()) * rim
        )
        peak = np.unravel_index(np.abs(np.fft.ifft2(product * band)).argmax(), still.shape)
        half = np.array(still.shape) // 2
        return -((np.array(peak) + half) % still.shape - half)

    return Found(_chained(images, tilt_deg, register, follow=True))


def tomviz_stackreg(images, tilt_deg) -> Found:
    """Register every image to the one before it by least squares."""
    from pystackreg import StackReg

    matrices = StackReg(StackReg.TRANSLATION).register_stack(images, reference="previous")
    return Found(matrices[:, [1, 0], 2])


def tomviz_axis(images, tilt_deg, found: Found) -> Found:
    """Find the angle in Fourier space, then the offset with the sharpest back projection."""
    spectra = np.fft.fft2(_shifted(images, found.shifts, "grid-wrap"))
    spectra = np.abs(np.fft.fftshift(spectra, axes=(1, 2)))
    middle = np.array(images.shape[1:])[:, None, None] // 2
    variance = np.var((spectra / spectra[0].max()) ** 0.2, axis=0)
    radii = np.arange(min(images.shape[1:]) // 3)

    def quietest(angles):
        turn = np.deg2rad(angles)[:, None]
        places = middle + np.stack([np.cos(turn) * radii, np.sin(turn) * radii])
        lines = ndimage.map_coordinates(variance, places, order=1)
        return angles[lines.sum(axis=1).argmin()]

    coarse = quietest(np.arange(-90.0, 90.0, 2.0))
    found = replace(found, angle_deg=float(quietest(coarse + np.arange(-20, 21) / 10)))
    geometry = replace(found, offset_px=None).geometry()
    aligned = np.stack([geometry.warp(image, t, order=1) for t, image in enumerate(images)])
    return replace(found, offset_px=_sharpest_offset(aligned, tilt_deg))


def tomopy_joint(images, tilt_deg, found: Found) -> Found:
    """Refine shifts by TomoPy's joint reprojection, from tomviz's axis."""
    from tomopy.prep.alignment import align_joint

    found = tomviz_axis(images, tilt_deg, found)
    geometry = found.geometry()
    aligned = np.stack([geometry.warp(image, t, order=3) for t, image in enumerate(images)])
    _, along, across, _ = align_joint(aligned, np.deg2rad(tilt_deg), iters=20, debug=False)
    a = np.deg2rad(found.angle_deg)
    raw = np.outer(along, [np.cos(a), np.sin(a)]) + np.outer(across, [-np.sin(a), np.cos(a)])
    return replace(found, shifts=found.shifts + raw)


def from_etspy(shifts, tiltaxis_deg: float, yshift_px: float) -> Found:
    """Translate what ETSpy's metadata hold about a stack whose axis lies along x.

    ETSpy shifts images by `shifts` (y, x), then turns them by `tiltaxis_deg` about pixel n/2 of
    n and moves them up by `yshift_px`. Ours are its images transposed, and turn about (n - 1)/2.
    """
    turn = np.deg2rad(tiltaxis_deg)
    half_pixel = 0.5 * (np.cos(turn) + np.sin(turn) - 1)
    return Found(-np.asarray(shifts)[:, ::-1], -tiltaxis_deg, yshift_px + half_pixel)


def _etspy(method: str) -> Register:
    def register(images, tilt_deg) -> Found:
        options = {"com_ref_index": (images.shape[2] - 1) / 2} if method == "COM-CL" else {}
        stack = _etspy_stack(images, tilt_deg).stack_register(method, **options)
        centred = 0.0 if method.startswith("COM") else None
        return Found(-stack.shifts.data[:, ::-1], offset_px=centred)

    return register


def _etspy_axis(method: str) -> FindAxis:
    def find(images, tilt_deg, found: Found) -> Found:
        moved = _etspy_stack(_shifted(images, found.shifts, "constant"), tilt_deg)
        said = moved.tilt_align(method).metadata.Tomography
        here = from_etspy(-found.shifts[:, ::-1], float(said.tiltaxis), float(said.yshift))
        return here if method == "CoM" else replace(found, angle_deg=here.angle_deg)

    return find


def _etspy_stack(images, tilt_deg):
    import etspy.api as etspy

    logging.getLogger("etspy").setLevel(logging.ERROR)
    turned = np.ascontiguousarray(images.swapaxes(1, 2), dtype=np.float32)
    return etspy.TomoStack(turned, np.asarray(tilt_deg)[:, None])


def _skimage(normalization: str | None) -> Register:
    def register(images, tilt_deg) -> Found:
        from skimage.registration import phase_cross_correlation

        def shift(still, moving):
            return -phase_cross_correlation(
                still, moving, upsample_factor=_UPSAMPLING, normalization=normalization
            )[0]

        return Found(_chained(images, tilt_deg, shift))

    return register


def _chained(images, tilt_deg, register, follow: bool = False) -> np.ndarray:
    """Add up the shifts of neighbours from the tilt nearest 0° outwards.

    `follow` moves (and wraps) each image by what was found before the next is compared to it.
    """
    start, last = int(np.argmin(np.abs(tilt_deg))), len(images) - 1
    shifts = np.zeros((len(images), 2))
    for step, end in ((1, last), (-1, 0)):
        still = images[start]
        for t in range(start, end, step):
            shift = register(still, images[t + step])
            shifts[t + step] = shift if follow else shifts[t] + shift
            still = images[t + step]
            if follow:
                still = np.roll(still, -shift, axis=(0, 1))
    return shifts


def _shifted(images, shifts, beyond: str) -> np.ndarray:
    """Return raw images with their specimens brought to one place; `beyond` as in scipy."""
    pairs = zip(images, shifts, strict=True)
    return np.stack([ndimage.shift(image, -shift, mode=beyond) for image, shift in pairs])


def _sharpest_offset(aligned, tilt_deg) -> float:
    """Return the offset at which weighted back projections reach the highest value, in px."""
    rows = aligned.sum(axis=(0, 2)).argsort()[aligned.shape[1] // 2 :]
    rows = np.sort(np.random.RandomState(0).permutation(rows)[:_TOMVIZ_SLICES])
    sinograms = aligned[:, rows].swapaxes(0, 1)
    width = aligned.shape[2]
    ramp = np.abs(np.fft.rfftfreq(2 * width))
    filtered = np.fft.irfft(np.fft.rfft(sinograms, 2 * width) * ramp)[..., :width]
    peaks = []
    candidates = np.arange(-_TOMVIZ_REACH_PX, _TOMVIZ_REACH_PX + 1) + _half_pixel(aligned)
    for offset in candidates:
        project = ShearProjector(tilt_deg, (width, width), width, (width - 1) / 2 + offset)
        slices = project.backward(filtered.astype(np.float32))
        peaks.append(slices.max(axis=(1, 2)).sum())
    return float(candidates[np.argmax(peaks)])


def _histogram_peak(image) -> float:
    counts, edges = np.histogram(image, 256)
    return float(edges[counts.argmax()])


def _half_pixel(images) -> float:
    """Return how far tomviz's centre, pixel n // 2 of n, lies from the middle."""
    width = images.shape[2]
    return width // 2 - (width - 1) / 2


def _importable(module: str) -> bool:
    try:
        __import__(module)
    except ImportError:
        return False
    return True
