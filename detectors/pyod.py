"""Models of the PyOD library (Zhao, Nasrullah and Li, 2019), on standardised vectors, one per clip.

Scores must not depend on chance or on the batch. So the global generators that some models draw from are seeded and
then restored, and a model that compares the clips of a batch gets the training clips and one clip at a time.
Only `decision_function` is used, where higher is more anomalous, so no share of anomalies is ever assumed.
"""

import importlib
import inspect
import pkgutil
from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

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
from detectors.contract.fields import Above, Below, Count, NotNegative, Positive, Seed
from detectors.contract.global_state import seeded_globally
from detectors.contract.registry import register
from features import Feature, InputError, PooledLogMel

# Models whose decision_function compares the clips of one call; found by scoring clips alone and in a batch.
COMPARES_ITS_BATCH = ("CD", "COF", "DIF", "LMDD", "LOCI", "ROD", "SOD", "SOS")


@dataclass
class PyodDetector(Detector):
    """What the models have in common; a subclass makes its model."""

    seed: Seed = 0
    feature: Feature = PooledLogMel()
    papers: ClassVar[tuple[str, ...]] = ("zhao2019pyod",)

    @abstractmethod
    def _model(self, n_clips: int) -> BaseDetector:
        """Return a model, not yet fitted, that can learn from this number of clips."""

    def fit(self, clips: Clips) -> Self:
        self.scaler_ = StandardScaler()
        normal = self.scaler_.fit_transform(vectors(clips).astype(np.float64))
        with seeded_globally(self.seed):
            self.model_ = self._model(len(clips)).fit(normal)
        return self

    def score(self, clips: Clips) -> np.ndarray:
        return self._decide(self.scaler_.transform(vectors(clips).astype(np.float64)))

    def _decide(self, values: np.ndarray) -> np.ndarray:
        with seeded_globally(self.seed):
            return np.asarray(self.model_.decision_function(values), dtype=np.float64).ravel()


@register("pyod")
@dataclass
class Pyod(PyodDetector):
    """Any model of the PyOD library, with its defaults: `pyod[model=COF]` (Zhao, Nasrullah and Li, 2019).

    Clips are scored one at a time, which is slow, because the models were not checked one by one.
    """

    model: str = "ABOD"  # name of a class of PyOD; ABOD: minus the variance of the angles between the neighbours of a
    #                      clip, seen from the clip (Kriegel et al., 2008)
    papers: ClassVar[tuple[str, ...]] = ("zhao2019pyod", "kriegel2008abod")

    def _model(self, n_clips: int) -> BaseDetector:
        model = _find(self.model)
        seeded = {"random_state": self.seed} if "random_state" in inspect.signature(model).parameters else {}
        try:
            return model(**seeded)
        except TypeError as error:
            raise InputError(f"pyod[model={self.model}] cannot be made without arguments: {error}") from error

    def fit(self, clips: Clips) -> Self:
        super().fit(clips)
        is_relative = self.model in COMPARES_ITS_BATCH
        self.beside_ = self.scaler_.transform(vectors(clips).astype(np.float64)) if is_relative else None
        return self

    def _decide(self, values: np.ndarray) -> np.ndarray:
        alone = values[:, np.newaxis]  # (n_clips, 1, n_bins)
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

    k: Count = 5
    papers: ClassVar[tuple[str, ...]] = ("zhao2019pyod", "ramaswamy2000knn")

    def _model(self, n_clips: int) -> BaseDetector:
        return KNN(n_neighbors=min(self.k, n_clips - 1))


@register("pyod_lof")
@dataclass
class PyodLof(PyodDetector):
    """Local outlier factor: density around the neighbours of a clip over that around it (Breunig et al., 2000)."""

    k: Count = 20  # neighbours
    papers: ClassVar[tuple[str, ...]] = ("zhao2019pyod", "breunig2000lof")

    def _model(self, n_clips: int) -> BaseDetector:
        return LOF(n_neighbors=min(self.k, n_clips - 1))


@register("pyod_hbos")
@dataclass
class PyodHbos(PyodDetector):
    """Minus log density under a histogram of each bin of the feature, summed (HBOS; Goldstein and Dengel, 2012)."""

    bins: Count = 10  # of each histogram
    papers: ClassVar[tuple[str, ...]] = ("zhao2019pyod", "goldstein2012hbos")

    def _model(self, n_clips: int) -> BaseDetector:
        return HBOS(n_bins=self.bins)


@register("pyod_pca")
@dataclass
class PyodPca(PyodDetector):
    """Distances along principal components; small variances have large weights (after Shyu et al., 2003).

    PyOD measures the distance from the clip to the end of each unit-length component, divided by its share of the
    variance.
    """

    variance: Annotated[float, Above(0), Below(1)] = 0.99  # share of the variance that the components kept explain; the
    #                                                        others are noise, and would outweigh all others
    papers: ClassVar[tuple[str, ...]] = ("zhao2019pyod", "shyu2003pca")

    def _model(self, n_clips: int) -> BaseDetector:
        return PCA(n_components=self.variance, svd_solver="full")


@register("pyod_inne")
@dataclass
class PyodInne(PyodDetector):
    """Isolation by hyperspheres around a few random training clips (INNE; Bandaragoda et al., 2018).

    A clip outside all spheres has the score 1, so distant clips have equal scores.
    """

    spheres: Count = 200  # sets of hyperspheres
    papers: ClassVar[tuple[str, ...]] = ("zhao2019pyod", "bandaragoda2018inne")

    def _model(self, n_clips: int) -> BaseDetector:
        return INNE(n_estimators=self.spheres, random_state=self.seed)


@register("pyod_gmm")
@dataclass
class PyodGmm(PyodDetector):
    """Minus log density under a mixture of Gaussians, in nats (Dempster, Laird and Rubin, 1977)."""

    components: Count = 4  # with full covariances
    regularisation: NotNegative = 1e-2  # added to variances of 1: a component may have fewer clips than bins
    papers: ClassVar[tuple[str, ...]] = ("zhao2019pyod", "dempster1977em")

    def _model(self, n_clips: int) -> BaseDetector:
        return GMM(min(self.components, n_clips), reg_covar=self.regularisation, random_state=self.seed)


@register("pyod_kde")
@dataclass
class PyodKde(PyodDetector):
    """Minus log of a Gaussian kernel density (Parzen, 1962; Latecki, Lazarevic and Pokrajac, 2007).

    scikit-learn sums the density over a tree. Densities of exp(-200) and less are usual in hundreds of dimensions, and
    there its bounds lose all digits to cancellation. A tree of one leaf is summed clip by clip and is exact.
    """

    bandwidth: Positive = 1.0  # standard deviations
    papers: ClassVar[tuple[str, ...]] = ("zhao2019pyod", "parzen1962density", "latecki2007kde")

    def _model(self, n_clips: int) -> BaseDetector:
        return KDE(bandwidth=self.bandwidth, leaf_size=n_clips)
