"""A small real store: five kinds of detector on a synthetic corpus of two machines, run once for all tests."""

from pathlib import Path

from benchmarks.datasets.synthetic import Synthetic
from benchmarks.run.plan import make_plan
from benchmarks.run.protocols import Protocol
from benchmarks.run.runner import Runner
from benchmarks.run.store import Store
from detectors.contract.variants import create
from features.cache import FeatureCache

CORPUS = Synthetic(
    machines=("fan", "valve"), units=("id_00", "id_02"), snrs_db=(6.0, 0.0), normals=20, anomalies=5, seconds=1.0
)
PROTOCOL = Protocol("holdout")
DETECTORS = ("mahalanobis", "knn[k=3]", "iforest[trees=20]", "loudness", "random", "dense_ae@cpu[epochs=1]")


def make_store(folder: Path, detectors=DETECTORS, corpus=CORPUS, protocol=PROTOCOL, seeds=(0,)):
    """Run detectors on the whole corpus; return the folder of the protocol."""
    store = Store(folder / "results" / corpus.folder / protocol.name)
    runner = Runner(store, FeatureCache(folder / "cache"), command="python run_all.py")
    plan = make_plan(corpus, protocol, {label: create(label) for label in detectors}, seeds)
    assert [failure for _, failure in runner.run(plan, plan.jobs) if failure] == []
    return store.root
