"""Models of the PyOD library (Zhao, Nasrullah and Li, 2019), on standardised vectors, one per clip.

What the library leaves to chance or to the batch is pinned here: the global generators that some models draw from are
seeded and put back, and a model that judges a clip against its batch is shown the training clips and that one clip.
Only `decision_function` is used, where higher is more anomalous, so no share of anomalies is ever assumed.
"""

import importlib
import inspect
import pkgutil
from abc import abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
from pyod import models
from pyod.models.base import BaseDetector
from pyod.models.gmm import GMM
from pyod.models.hbos import HBOS
from pyod.models.inne import INNE
from pyod.models.kde import KDE
from pyod.models.knn import KNN
from pyod.models.lof import LOF
from pyod.models.pca import PCA
from sklearn.preprocessing import StandardScaler

from detectors.contract.detector import Clips, Detector, vectors
from detectors.contract.global_state import seeded_globally
from detectors.contract.registry import register
from features import Feature, InputError, PooledLogMel

# Models whose decision_function compares the clips of one call with each other; found by scoring clips alone as well.
JUDGES_ITS_BATCH = ("CD", "COF", "DIF", "LMDD", "LOCI", "ROD", "SOD", "SOS")


@dataclass
class PyodDetector(Detector):
    """What the models have in common; a subclass says which model it is."""

    seed: int = 0
    feature: Feature = PooledLogMel()

    @abstractmethod
    def _model(self, n_clips: int) -> BaseDetector:
        """Return a model, not yet fitted, that can learn from so many clips."""

    def fit(self, clips: Clips) -> Self:
        self.scaler_ = StandardScaler()
        normal = self.scaler_.fit_transform(vectors(clips).astype(np.float64))
        with seeded_globally(self.seed):
            self.model_ = self._model(len(clips)).fit(normal)
        return self

    def score(self, clips: Clips) -> np.ndarray:
        return self._decide(self.scaler_.transform(vectors(clips).astype(np.float64)))

    def _decide(self, heard: np.ndarray) -> np.ndarray:
        with seeded_globally(self.seed):
            return np.asarray(self.model_.decision_function(heard), dtype=np.float64).ravel()


@register("pyod")
@dataclass
class Pyod(PyodDetector):
    """Any model of PyOD, by the name of its class and with the library's defaults: `pyod[model=COF]`.

    The default, `ABOD`, is minus the variance of the angles under which a clip sees its neighbours (Kriegel et al.,
    2008). Clips are scored one at a time, slowly but safely, since no model here was checked by hand.
    """

    model: str = "ABOD"

    def _model(self, n_clips: int) -> BaseDetector:
        model = _find(self.model)
        seeded = {"random_state": self.seed} if "random_state" in inspect.signature(model).parameters else {}
        try:
            return model(**seeded)
        except TypeError as error:
            raise InputError(f"pyod[model={self.model}] cannot be made without arguments: {error}") from error

    def fit(self, clips: Clips) -> Self:
        super().fit(clips)
        is_relative = self.model in JUDGES_ITS_BATCH
        self.beside_ = self.scaler_.transform(vectors(clips).astype(np.float64)) if is_relative else None
        return self

    def _decide(self, heard: np.ndarray) -> np.ndarray:
        alone = heard[:, np.newaxis]  # (n_clips, 1, n_bins)
        calls = alone if self.beside_ is None else (np.vstack([self.beside_, clip]) for clip in alone)
        return np.array([super(Pyod, self)._decide(call)[-1] for call in calls])


def _find(name: str) -> type[BaseDetector]:
    """Return PyOD's class of this name: `IForest` from `pyod.models.iforest`, `AutoEncoder` from `...auto_encoder`."""
    files = {module.name.replace("_", ""): module.name for module in pkgutil.iter_modules(models.__path__)}
    file = files.get(name.replace("_", "").lower())
    found = getattr(importlib.import_module(f"pyod.models.{file}"), name, None) if file else None
    if not (inspect.isclass(found) and issubclass(found, BaseDetector)):
        raise InputError(f"pyod[model={name}]: PyOD has no such class; examples: CBLOF, COF, KPCA, MCD, SOD")
    return found


@register("pyod_knn")
@dataclass
class PyodKnn(PyodDetector):
    """Distance to the k-th nearest training clip (Ramaswamy, Rastogi and Shim, 2000)."""

    k: int = 5

    def _model(self, n_clips: int) -> BaseDetector:
        return KNN(n_neighbors=min(self.k, n_clips - 1))


@register("pyod_lof")
@dataclass
class PyodLof(PyodDetector):
    """Local outlier factor: how much sparser it is around a clip than around its neighbours (Breunig et al., 2000)."""

    k: int = 20

    def _model(self, n_clips: int) -> BaseDetector:
        return LOF(n_neighbors=min(self.k, n_clips - 1))


@register("pyod_hbos")
@dataclass
class PyodHbos(PyodDetector):
    """Minus log height of histograms, summed over bins as if these were independent (Goldstein and Dengel, 2012)."""

    n_bars: int = 10

    def _model(self, n_clips: int) -> BaseDetector:
        return HBOS(n_bins=self.n_bars)


@register("pyod_pca")
@dataclass
class PyodPca(PyodDetector):
    """Distances along principal components, those of small variance weighing most (after Shyu et al., 2003).

    PyOD measures the distance from the clip to the end of each unit-length component, over its share of the variance.
    Components beyond 99 % of the variance are left out: they are noise, and would outweigh all others.
    """

    variance: float = 0.99  # share of the variance that the components kept explain together, below 1

    def _model(self, n_clips: int) -> BaseDetector:
        return PCA(n_components=self.variance, svd_solver="full")


@register("pyod_inne")
@dataclass
class PyodInne(PyodDetector):
    """Isolation by the nearest of a few random clips, each in its hypersphere (INNE; Bandaragoda et al., 2018).

    A clip outside all spheres scores 1, so distant clips tie.
    """

    spheres: int = 200  # sets of hyperspheres

    def _model(self, n_clips: int) -> BaseDetector:
        return INNE(n_estimators=self.spheres, random_state=self.seed)


@register("pyod_gmm")
@dataclass
class PyodGmm(PyodDetector):
    """Minus the log density under a mixture of full Gaussians, in nats (Dempster, Laird and Rubin, 1977)."""

    components: int = 4
    regularisation: float = 1e-2  # added to variances of 1: a component may have fewer clips than there are bins

    def _model(self, n_clips: int) -> BaseDetector:
        return GMM(min(self.components, n_clips), reg_covar=self.regularisation, random_state=self.seed)


@register("pyod_kde")
@dataclass
class PyodKde(PyodDetector):
    """Minus the log of a Gaussian kernel density (Parzen, 1962; Latecki, Lazarevic and Pokrajac, 2007).

    scikit-learn sums the density over a tree, whose bounds lose all digits to cancellation at densities of exp(-200)
    and less, usual in hundreds of dimensions. A tree of one leaf is summed clip by clip and is exact.
    """

    bandwidth: float = 1.0  # standard deviations

    def _model(self, n_clips: int) -> BaseDetector:
        return KDE(bandwidth=self.bandwidth, leaf_size=n_clips)
