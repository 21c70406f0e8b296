"""The geometry between raw and aligned images, and the one resampling along it.

A point `u` across and `v` along the tilt axis, in px from the centre of the aligned image,
lies in raw image t, from the raw centre (axis angle a), at ::

    x = cos a·(u + across[t]) + sin a·(v + along[t])
    y = cos a·(v + along[t]) − sin a·(u + across[t])

where `across` holds the offset of the axis and the shift of the specimen together. Where an image
was turned, enlarged or sheared by itself, a matrix of its own takes (y, x) from there to where it
was recorded (`Geometry.distortion`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import ndimage

SplineOrder = Literal[1, 3]  # linear and cubic interpolation

# A value for the top, bottom, left and right of raw images.
Sides = tuple[bool, bool, bool, bool]
ALL_SIDES: Sides = (True, True, True, True)
NO_SIDES: Sides = (False, False, False, False)

# An aligned pixel was not measured if more than this part of it comes from such raw pixels.
HIDDEN_FROM = 0.25


@dataclass(frozen=True)
class Geometry:
    """Where the aligned images lie in the raw ones.

    Attributes
    ----------
    axis_angle_deg : float
        Of the tilt axis, from the image's vertical.
    across, along : ndarray (tilt,)
        Shifts in px across and along the tilt axis; those across include the axis offset.
    distortion : ndarray (tilt, 2, 2), optional
        Takes (y, x) of each image, in px from its centre, to where they were recorded; None if all
        images are only shifted.
    """

    axis_angle_deg: float
    across: np.ndarray
    along: np.ndarray
    distortion: np.ndarray | None = None

    @classmethod
    def still(cls, images: int) -> Geometry:
        """Return the geometry of images that are aligned already."""
        return cls(0.0, np.zeros(images), np.zeros(images))

    def warp(self, image: np.ndarray, t: int, order: SplineOrder) -> np.ndarray:
        """Return raw image `t` as aligned, float32; 0 where the raw frame ends."""
        turn = self.to_raw(t)
        centre = (np.array(image.shape) - 1) / 2
        shift = np.array([self.along[t], self.across[t]])
        return ndimage.affine_transform(
            image, turn, centre + turn @ (shift - centre), order=order, output=np.float32
        )

    def binned(self, factor: int, shape: tuple[int, int]) -> Geometry:
        """Return the same geometry in pixels of images binned by `factor`.

        Binning cuts the rows and columns left over at the far edges, which moves the centre.
        """
        left_over = np.array([n % factor for n in shape]) / 2
        if self.distortion is not None:
            left_over = np.linalg.solve(self.distortion, left_over[:, None])[..., 0].T
        along, across = rotation(self.axis_angle_deg).T @ left_over
        return replace(
            self, across=(self.across + across) / factor, along=(self.along + along) / factor
        )

    def turned(self, angle_deg: float) -> Geometry:
        """Return the geometry with its axis turned by an angle; the specimen stays in place."""
        along, across = rotation(-angle_deg) @ np.stack([self.along, self.across])
        return replace(
            self, axis_angle_deg=self.axis_angle_deg + angle_deg, across=across, along=along
        )

    def to_raw(self, t: int) -> np.ndarray:
        """Return the matrix that takes (along, across) to (y, x) in raw image `t`."""
        turn = rotation(self.axis_angle_deg)
        return turn if self.distortion is None else self.distortion[t] @ turn

    def outside(self, shape: tuple[int, int], t: int, sides: Sides = ALL_SIDES) -> np.ndarray:
        """Return which pixels of aligned image `t` lie outside the raw frame, beyond some sides."""
        (y_by_v, y_by_u), (x_by_v, x_by_u) = self.to_raw(t)
        middle_y, middle_x = (np.array(shape) - 1) / 2
        v = (np.arange(shape[0]) - middle_y + self.along[t])[:, None]
        u = np.arange(shape[1]) - middle_x + self.across[t]
        y, x = y_by_v * v + y_by_u * u, x_by_u * u + x_by_v * v
        beyond = np.zeros(shape, bool)
        for is_open, past in zip(
            sides, (y < -middle_y, y > middle_y, x < -middle_x, x > middle_x), strict=True
        ):
            beyond |= past & is_open
        return beyond

    def hidden(self, mask: np.ndarray, t: int) -> np.ndarray:
        """Return which pixels of aligned image `t` come from those that a raw mask marks."""
        return self.warp(mask.astype(np.float32), t, order=1) > HIDDEN_FROM


def rotation(angle_deg: float) -> np.ndarray:
    """Return the matrix that takes (along, across) to raw (y, x) for an axis angle."""
    a = np.deg2rad(angle_deg)
    return np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])


def in_axis_frame(shifts: np.ndarray, angle_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Return raw shifts (tilt, [y, x]) as ``(across, along)`` the tilt axis."""
    along, across = (shifts @ rotation(angle_deg)).T
    return across, along
