"""catomo: electron tomography of catalysts, from a tilt series to numbers and surfaces."""

__version__ = "0.1.0"
