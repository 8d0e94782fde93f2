"""Comparison of detectors over units and on the same clips: spreads of a mean, differences of a pair.

For a comparison over units, seeds are averaged first, because a repetition is not another data set. Then the SNR levels
of a unit, which contain the same machine sound, are averaged, or one level is selected. The tests in `significance` use
the result, one AUC per unit and detector.
"""

import numpy as np
import pandas as pd
from scipy.stats import norm

from benchmarks.evaluation.means import SET, means, set_means
from benchmarks.evaluation.sampling_error import SamplingError, ScoreLoader, sampling_error
from features import InputError


def unit_aucs(results: pd.DataFrame, snr_db: float | None = None) -> pd.DataFrame:
    """AUC of each unit and detector, `(n_units, n_detectors)`: means over seeds, then over SNR levels or at one level.

    Detectors without results in all sets are left out, as in the ranks of the leaderboard, which lists them.

    >>> import pandas as pd
    >>> cells = {"machine": "fan", "unit": ["id_00", "id_02"], "snr_db": 6.0, "seed": 0, "status": "ok"}
    >>> unit_aucs(pd.DataFrame({"detector": "knn", "auc": [0.8, 0.9]} | cells))["knn"].to_dict()
    {('fan', 'id_00'): 0.8, ('fan', 'id_02'): 0.9}
    """
    chosen = results if snr_db is None else results[results["snr_db"] == snr_db]
    if chosen.empty:
        raise InputError(f"comparison: no results at {snr_db} dB; there are {sorted(results['snr_db'].unique())}")
    sets = chosen[SET].drop_duplicates().reset_index(drop=True)
    of_set = set_means(chosen, sets, "auc").dropna().T  # (n_sets, n_detectors)
    return of_set.groupby([sets["machine"], sets["unit"]]).mean()


def spreads(
    results: pd.DataFrame, scores: ScoreLoader, n: int, rng: np.random.Generator, level: float = 0.95
) -> pd.DataFrame:
    """Three separate spreads of a mean AUC: over seeds, over clips of the same units, over units.

    Returns per complete detector `detector, auc, seed_sd, clips_low, clips_high, units_low, units_high`. Seeds: the
    standard deviation of the mean. Clips: DeLong limits (`sampling_error`). Units: bootstrap over whole units.

    >>> import numpy as np
    >>> import pandas as pd
    >>> cell = {"machine": "fan", "unit": "id_00", "snr_db": 6.0, "seed": [0, 1], "status": "ok", "message": ""}
    >>> results = pd.DataFrame({"detector": "a", "auc": [1.0, 0.75], **cell, "fit_seconds": 1.0, "score_seconds": 1.0})
    >>> order = {0: [1.0, 2.0, 3.0, 4.0], 1: [1.0, 3.0, 2.0, 4.0]}  # seed -> scores
    >>> clips = pd.DataFrame({"part": "test", "path": list("1234"), "label": [0, 0, 1, 1]})
    >>> rng = np.random.default_rng(0)
    >>> table = spreads(results, lambda row: clips.assign(score=order[row["seed"]]), n=100, rng=rng)
    >>> table[["detector", "auc", "seed_sd"]].round(3)
      detector    auc  seed_sd
    0        a  0.875    0.177
    """
    units = unit_aucs(results)
    complete = results[results["detector"].isin(units.columns)]
    errors = sampling_error(complete, scores)
    board = means(complete).set_index("detector").loc[list(units.columns), ["auc", "seed_sd"]]
    clips = [errors.mean_interval(str(name), auc, level) for name, auc in board["auc"].items()]
    board[["clips_low", "clips_high"]] = clips
    return board.join(unit_bootstrap(units, n, rng, level)).reset_index()


def unit_bootstrap(units: pd.DataFrame, n: int, rng: np.random.Generator, level: float = 0.95) -> pd.DataFrame:
    """Percentile limits of each detector's mean over `n` resamples of whole units, the same ones for all detectors.

    `units` `(n_units, n_detectors)`; returns `units_low, units_high` per detector. The limits are too narrow for few
    units: compared with Student's t about 0.53 of the length for 4 units and 0.89 for 16. One unit gives NaN.

    >>> import numpy as np
    >>> import pandas as pd
    >>> units = pd.DataFrame({"knn": [0.8, 0.9, 0.7, 0.8]})
    >>> limits = unit_bootstrap(units, n=1000, rng=np.random.default_rng(0)).loc["knn"]
    >>> bool(0.7 < limits["units_low"] < 0.8 < limits["units_high"] < 0.9)
    True
    """
    if len(units) < 2:
        return pd.DataFrame(np.nan, index=units.columns, columns=["units_low", "units_high"])
    drawn = rng.integers(len(units), size=(n, len(units)))
    resampled = units.to_numpy()[drawn].mean(axis=1)  # (n, n_units, n_detectors) -> (n, n_detectors)
    low, high = np.quantile(resampled, [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return pd.DataFrame({"units_low": low, "units_high": high}, index=units.columns)


def smallest_detectable_difference(errors: SamplingError, level: float = 0.95, power: float = 0.8) -> float:
    """The true difference of two means that is detected in `power` of repetitions with other clips.

    It is (z of the level + z of the power) times the paired standard error, the median over pairs of detectors.
    """
    pairs = errors.difference[np.triu_indices(len(errors.detectors), k=1)]
    if not len(pairs):
        raise InputError("smallest detectable difference: one detector; give at least two")
    return float((norm.ppf(0.5 + level / 2) + norm.ppf(power)) * np.median(pairs))
