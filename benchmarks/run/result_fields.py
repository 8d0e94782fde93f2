"""The fields of result.json: type, unit and description of each, said here and only here.

`result.py` joins the parts below into one result. `python -m benchmarks.reporting.generated_docs` writes the JSON
schema and the tables of docs/results.md from them.
"""

import hashlib
import json
from enum import Enum, StrEnum, auto
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeFloat,
    NonNegativeInt,
    PlainSerializer,
    PositiveInt,
)

Version = Literal[4]
SCHEMA_VERSION: Version = 4


class Status(StrEnum):
    """How a cell ended."""

    OK = "ok"
    ERROR = "error"
    OUT_OF_MEMORY = "out_of_memory"
    DEGENERATE = "degenerate"
    NOT_INSTALLED = "not_installed"


class Marker(Enum):
    """What a rerun of the same cell may change. It must repeat every field that has no marker."""

    MEASURED = auto()  # times and memory: each run measures its own
    CIRCUMSTANCE = auto()  # how the run was started, and where it took place


Measured, Circumstance = Marker.MEASURED, Marker.CIRCUMSTANCE
Hash = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
Name = Annotated[str, Field(min_length=1)]
Seconds = Annotated[FiniteFloat, Field(ge=0)]
Text = Annotated[str, AfterValidator(lambda text: text.encode("utf-8", "backslashreplace").decode())]  # no surrogates
Time = Annotated[AwareDatetime, PlainSerializer(lambda time: time.isoformat(timespec="milliseconds"), str)]


class Values(BaseModel):
    """Frozen values of exactly these fields and types."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values. A field that has a default is left out where it has that value."""
        return self.model_dump(mode="json", exclude_defaults=True)


class Config(Values):
    """Everything that decides the scores."""

    detector: Name = Field(description="The configured detector, as Python code.")
    detector_code: Hash | None = Field(
        default=None, description="Hash of the source files that the detector uses. Left out for imported scores."
    )
    feature_code: str | None = Field(
        default=None, description="Hash of the source files that its feature uses. Left out for imported scores."
    )
    seed: NonNegativeInt = Field(description="Seed of the detector.")
    dataset: str = Field(description="Name of the corpus.")
    dataset_identity: str = Field(description="What distinguishes this version of the corpus from others.")
    split: str = Field(description="Split rule: code, paper, holdout or labels.")
    calibrate: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0,
        description="Share of the training clips that was held out of the fit for thresholds. Left out where 0.",
    )
    channel: tuple[NonNegativeInt | Literal["mean", "all"], ...] = Field(
        description="The channel that was read, for each unit of the fit."
    )
    manifests: tuple[Hash | None, ...] = Field(description="The manifest of each unit of the fit.")
    threads: PositiveInt | None = Field(
        default=None,
        description="Number of threads of the process: sums in another order round differently. Left out for imported "
        "scores.",
    )
    scores: Hash | None = Field(default=None, description="Hash of the imported scores, instead of code.")

    @property
    def identity(self) -> str:
        """Hash of all fields: two results with the same identity answer the same question."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()[:16]


class Versions(BaseModel):
    """Versions of Python and of packages, by package name; null where a package is not installed."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow")
    __pydantic_extra__: dict[str, str | None]

    python: str
    asdbench: str | None


class Hardware(Values):
    """Processor, memory and GPU."""

    cpu: str = Field(description="Name of the processor.")
    cores: NonNegativeInt | None = Field(description="Number of logical cores.")
    memory_gib: NonNegativeFloat = Field(description="Memory in GiB.")
    gpu: str | None = Field(description="Name of the GPU; null where torch uses none.")


class Environment(Values):
    """Where the cell was measured."""

    versions: Versions = Field(description="Versions of Python and packages; null where a package is not installed.")
    hardware: Hardware = Field(description="Processor, memory in GiB and GPU.")
    system: str = Field(description="Operating system and architecture.")
    commit: str | None = Field(description="Commit of asdbench; null outside a git checkout.")
    dirty: bool | None = Field(description="Whether source files differed from that commit.")


class Format(Values):
    """The version of the file format."""

    schema_version: Version = Field(description="Version of this format. It rises when a field changes or goes.")


class Outcome(Values):
    """How the run of a cell ended."""

    status: Status = Field(description="ok: scores.csv holds all scores. Otherwise the reason why it does not.")
    message: Text = Field(description="What went wrong, in one line; empty where `status` is ok.")
    traceback: Annotated[Text, Circumstance] = Field(
        default="", description="The Python traceback of the error. Left out where there is none."
    )
    fit_seconds: Annotated[Seconds | None, Measured] = Field(
        default=None,
        description="Time of the fit in seconds, divided evenly among its cells. Left out where not measured.",
    )
    score_seconds: Annotated[Seconds | None, Measured] = Field(
        default=None, description="Time to score the test clips in seconds, with features. Left out where not measured."
    )
    score_seconds_without_features: Annotated[Seconds | None, Measured] = Field(
        default=None,
        description="Time to score the test clips in seconds, without features. Left out where not measured.",
    )


class Subject(Values):
    """The cell, and the clips of its parts."""

    detector: Name = Field(description="Row label: a registered name with its variant, such as idnn@cpu or knn[k=3].")
    dataset: str = Field(description="Name of the corpus, as in --dataset.")
    machine: Name = Field(description="Machine type.")
    unit: Name = Field(description="One machine of this type.")
    snr_db: FiniteFloat | None = Field(description="Noise level (SNR) in dB; null where the corpus states none.")
    seed: NonNegativeInt = Field(description="Seed of the detector.")
    n_train: NonNegativeInt = Field(description="Number of training clips of this unit, all normal.")
    n_validation: NonNegativeInt = Field(
        description="Number of validation clips, all normal: in neither train nor test."
    )
    n_normal: NonNegativeInt = Field(description="Number of normal test clips.")
    n_abnormal: NonNegativeInt = Field(description="Number of abnormal test clips.")
    manifest: Hash | None = Field(
        description="Hash of the clips in each part of the split; null where the unit cannot be split."
    )


class Provenance(Values):
    """How a result came about."""

    config: Config = Field(description="Everything that decides the scores.")
    protocol: Name = Field(
        description="Folder name of the protocol: split, channel, and the split seed and the share held out if not 0."
    )
    channel: str = Field(description="Channel rule: an index from 0, nearest, mean or all.")
    split_seed: NonNegativeInt = Field(description="Seed of the split rules that draw at random.")
    quick: bool = Field(description="Whether only a part of the clips was used (--quick). Do not cite such results.")
    units: tuple[str, ...] = Field(
        min_length=1, description="Units of the fit: this one, or all units of the machine type for scope machine."
    )
    corpus: str = Field(description="Title of the corpus in captions, with its size if that is not the default.")
    synthetic: bool = Field(description="Whether the corpus is synthetic.")
    scope: Literal["unit", "machine"] = Field(
        description="What one fit learns from: one unit, or all units of a machine type (cross-unit track)."
    )
    sanity: bool = Field(description="Whether this is a sanity row, which a learned detector must beat.")
    seeded: bool = Field(default=True, description="Whether another seed gives another result. Left out where it does.")
    scores_only: bool = Field(
        default=False, description="Whether the scores were imported. Left out where they were not."
    )
    trained_on: str = Field(default="", description="Training data of imported scores, as their authors declare it.")
    device: Annotated[str | None, Circumstance] = Field(
        description="Requested device: auto, cpu or cuda; null where the detector has no such field."
    )
    command: Annotated[str, Circumstance] = Field(description="Command line; empty where Python code started the run.")
    plugins: Annotated[tuple[str, ...], Circumstance] = Field(description="Files that define further detectors.")
    environment: Annotated[Environment, Circumstance] = Field(description="Versions, hardware and commit.")
