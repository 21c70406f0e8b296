"""The low-order terms of shifts."""

import numpy as np
import pytest

from catomo.align.low_order import fit_low_order, low_order_terms


def test_fit_of_low_order_terms_ignores_an_outlier():
    tilt = np.arange(-60.0, 61, 3)
    values = low_order_terms(tilt) @ [2.0, -3.0, 0.5]
    spoilt = values.copy()
    spoilt[7] += 50
    found = fit_low_order(tilt, spoilt, np.ones(len(tilt), bool))
    assert found == pytest.approx(values, abs=1e-3)
