"""On which sets (machine, unit, SNR) detectors are ranked: a stray cell of one detector must not unrank the others.

The core is the group of detectors, and the sets in which each of them has a result, that allow the most comparisons:
pairs of detectors times sets. A set counts if more than half of the detectors of the core have a result there. Sets
that exactly half of them have count if they are more than the others: of two detectors, one with a stray cell is
compared on the sets of both, and one that was just started does not take the sets of the other away. A failed cell is a
result too, so nobody can lose a set by failing in it.
"""

import numpy as np
import pandas as pd

from benchmarks.evaluation.means import SET


def ranked_sets(results: pd.DataFrame) -> pd.DataFrame:
    """The sets that count, in order, as columns `SET`; results: one row per detector and cell.

    >>> import pandas as pd
    >>> cells = pd.DataFrame({"detector": ["a", "b", "a", "b", "a"], "machine": ["fan"] * 4 + ["crane"]})
    >>> ranked_sets(cells.assign(unit=["id_00", "id_00", "id_02", "id_02", "id_00"], snr_db=6.0))["machine"].tolist()
    ['fan', 'fan']
    """
    sets = results[SET].drop_duplicates().sort_values(SET).reset_index(drop=True)
    numbered = results.merge(sets.reset_index(names="set"), on=SET)  # NaN matches NaN: a corpus without SNR
    ran = pd.crosstab(numbered["detector"], numbered["set"]).to_numpy() > 0
    share = ran[_core(ran)].mean(axis=0)
    counts = share >= 0.5 if (share == 0.5).sum() > (share > 0.5).sum() else share > 0.5
    return sets[counts].reset_index(drop=True)


def _core(ran: np.ndarray) -> np.ndarray:
    """The detectors that allow the most comparisons, `(n_detectors,)` bool.

    ran: whether a detector has a result in a set, `(n_detectors, n_sets)`. Candidates are the sets that a detector, or
    two detectors, have. For the same number of comparisons, more cells decide, then more sets.
    """
    patterns = np.unique(ran, axis=0)
    candidates = np.unique(np.vstack([patterns & pattern for pattern in patterns]), axis=0)
    has_all = candidates.astype(int) @ (~ran).astype(int).T == 0  # (n_candidates, n_detectors)
    n_detectors, n_sets = has_all.sum(axis=1), candidates.sum(axis=1)
    comparisons = n_detectors * (n_detectors - 1) // 2 * n_sets
    core: np.ndarray = has_all[np.lexsort([n_sets, n_detectors * n_sets, comparisons])[-1]]
    return core
