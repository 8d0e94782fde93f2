"""From a planned cell to its result: what is known before it runs, joined with how it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from benchmarks.cell import Cell
from benchmarks.run.environment import environment
from benchmarks.run.plan import Group, Job, Plan, is_seeded
from benchmarks.run.result import Result
from benchmarks.run.result_fields import SCHEMA_VERSION, Config, Environment, Outcome, Provenance
from detectors.contract.code_version import code_version as detector_code_version
from features.cache import code_version as feature_code_version


@dataclass(frozen=True)
class Record:
    """What is known of the cells of a job before it runs."""

    provenance: Provenance
    sample_rate: int  # Hz, that all clips must have

    @property
    def identity(self) -> str:
        """Hash of the configuration, see `Config.identity`."""
        return self.provenance.config.identity


def record_of(plan: Plan, job: Job, how: Mapping[str, Any]) -> Record:
    """Describe a job before it runs; how: `command`, `threads` and `plugins` of the run."""
    code = {
        "detector_code": detector_code_version(job.detector),
        "feature_code": feature_code_version(*job.features),
        "threads": how["threads"],
    }
    provenance = Provenance(
        config=config_of(plan, job.groups, repr(job.detector), job.cells[0].seed).model_copy(update=code),
        scope=job.detector.scope,
        sanity=job.detector.sanity,
        seeded=is_seeded(job.detector),
        device=getattr(job.detector, "device", None),
        command=how["command"],
        plugins=tuple(how["plugins"]),
        environment=here(),
        **of_plan(plan, job.groups),
    )
    return Record(provenance, plan.dataset.sample_rate)


def config_of(plan: Plan, groups: Sequence[Group], detector: str, seed: int) -> Config:
    """The configuration of a fit on these groups, without the hash of code or of imported scores."""
    return Config(
        detector=detector,
        seed=seed,
        dataset=plan.dataset.name,
        dataset_identity=plan.dataset.identity,
        split=plan.protocol.split,
        calibrate=plan.protocol.calibrate,
        channel=tuple(group.channel for group in groups),
        manifests=tuple(group.split.manifest_hash if group.split else None for group in groups),
    )


def of_plan(plan: Plan, groups: Sequence[Group]) -> dict[str, Any]:
    """The fields of `Provenance` that all detectors of a plan share."""
    return {
        "protocol": plan.protocol.name,
        "channel": plan.protocol.channel,
        "split_seed": plan.protocol.seed,
        "quick": plan.quick,
        "units": tuple(group.unit for group in groups),
        "corpus": plan.dataset.full_title,
        "synthetic": plan.dataset.synthetic,
    }


@cache
def here() -> Environment:
    """The environment of this process."""
    return Environment.model_validate(environment())


def result_of(cell: Cell, group: Group, record: Record, outcome: Outcome, peak_memory_mib: int | None = None) -> Result:
    """The result of a cell that has just ended; peak_memory_mib: of the process that ran it, where it is known."""
    split = group.split
    labels = [clip.label for clip in split.test] if split else []
    return Result(
        schema_version=SCHEMA_VERSION,
        **dict(outcome),
        **vars(cell),
        n_train=len(split.train) if split else 0,
        n_validation=len(split.validation) if split else 0,
        n_normal=labels.count(0),
        n_abnormal=labels.count(1),
        manifest=split.manifest_hash if split else None,
        **dict(record.provenance),
        finished=datetime.now(UTC),
        peak_memory_mib=peak_memory_mib,
        identity=record.identity,
    )
