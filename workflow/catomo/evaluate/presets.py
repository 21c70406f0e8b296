"""Published scores that a run on the same classes is compared with (preset data)."""

from __future__ import annotations

from collections.abc import Sequence

GENC_2022 = "Genc et al. 2022"

# Genc, Kovarik & Fraser, Sci Rep 12 (2022), Table 1: mean and half width of the 95 % interval;
# for the robust Hausdorff distances mean and standard error, by percentile. The overlap
# scores have the digits of the authors' published confusion matrices.
_TABLE_1 = {
    "background": {"precision": (0.994, 0.002), "recall": (0.991, 0.004), "dsc": (0.993, 0.003)},
    "alumina": {"precision": (0.956, 0.008), "recall": (0.972, 0.004), "dsc": (0.964, 0.003)},
    "pt": {"precision": (0.920, 0.033), "recall": (0.785, 0.047), "dsc": (0.845, 0.034)},
}
_TABLE_1_RHD_NM = {
    "alumina": {100: (5.45, 1.78), 95: (1.45, 0.68), 90: (0.59, 0.05)},
    "pt": {100: (3.70, 1.84), 95: (3.48, 1.80), 90: (1.81, 1.05)},
}


def paper_scores(class_names: Sequence[str]) -> dict[str, dict]:
    """Return the scores of the paper's Table 1 in the form of ``metrics.json``.

    Parameters
    ----------
    class_names : sequence of str
        Names of the classes of a run.

    Returns
    -------
    dict of str to dict
        Of each class: measure to ``mean`` and ``ci95`` (``se`` for distances). Empty unless
        the classes are those of the paper; scores of other classes do not compare.
    """
    if set(class_names) != set(_TABLE_1):
        return {}
    result: dict[str, dict] = {}
    for name in class_names:
        result[name] = {
            score: {"mean": mean, "ci95": half} for score, (mean, half) in _TABLE_1[name].items()
        }
        if name in _TABLE_1_RHD_NM:
            result[name]["rhd_nm"] = {
                str(percentile): {"mean": mean, "se": error}
                for percentile, (mean, error) in _TABLE_1_RHD_NM[name].items()
            }
    return result
