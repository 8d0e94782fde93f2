"""The result of a cell, read and validated, and its JSON schema; `result_fields.py` has the fields."""

import json
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, NonNegativeInt, ValidationError, model_validator
from pydantic.json_schema import GenerateJsonSchema

from benchmarks.cell import Cell
from benchmarks.run.protocols import Protocol
from benchmarks.run.result_fields import (
    SCHEMA_VERSION,
    Format,
    Hash,
    Marker,
    Measured,
    Outcome,
    Provenance,
    Status,
    Subject,
    Time,
)
from features import InputError

RESULT_FILE = "result.json"
RUN_AGAIN = "run the cell again with python run_all.py (imported scores: import-scores)"


def _if(condition: dict[str, Any], then: dict[str, Any], otherwise: dict[str, Any]) -> dict[str, Any]:
    return {"if": condition, "then": then, "else": otherwise}


def _need(json_type: str, *names: str) -> dict[str, Any]:
    return {"required": list(names), "properties": {name: {"type": json_type} for name in names}}


_TIMES = ("fit_seconds", "score_seconds", "score_seconds_without_features")
_OK = {"properties": {"status": {"const": "ok"}}}
_IMPORTED = {"required": ["scores_only"], "properties": {"scores_only": {"const": True}}}
_DECLARED = {
    "required": ["trained_on"],
    "properties": {"trained_on": {"minLength": 1}, "config": _need("string", "scores")},
}
_CODE = {"properties": {"config": _need("string", "detector_code", "feature_code")}}
_CONDITIONS: list[Any] = [  # as `Result._is_consistent` checks them, in the words of JSON Schema
    _if(_OK, {"properties": {"message": {"const": ""}}}, {"properties": {"message": {"minLength": 1}}}),
    _if(_IMPORTED, _DECLARED, _if(_OK, _need("number", *_TIMES), {}) | _CODE),
]


class Result(Provenance, Subject, Outcome, Format):
    """One cell of asdbench: one detector on one unit at one noise level with one seed. See docs/results.md."""

    model_config = ConfigDict(json_schema_extra={"allOf": _CONDITIONS})

    finished: Annotated[Time, Measured] = Field(description="End of the run: ISO 8601 with time zone.")
    peak_memory_mib: Annotated[NonNegativeInt | None, Measured] = Field(
        description="Largest memory of the process up to the end of the cell, in MiB; null for imported scores."
    )
    identity: Hash = Field(description="Hash of `config`: results with the same identity answer the same question.")

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a result.json. Raises `InputError` that names the file, the line or field, and what to do."""
        try:
            if file.exists() and not file.is_file():  # a pipe would be waited for
                raise OSError("a folder, device or pipe")
            content = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file}: cannot be read ({error}); name the result.json of a cell") from error
        return cls.parse(content, file)

    @classmethod
    def parse(cls, content: bytes, file: Path) -> Self:
        """The result in the bytes of `file`. Raises `InputError` as `read` does."""
        values = _parse_json(content, file)
        if (version := values.get("schema_version")) != SCHEMA_VERSION:
            raise InputError(f"{file}: written by version {version} of the format, not {SCHEMA_VERSION}; {RUN_AGAIN}")
        try:
            return cls.model_validate_json(json.dumps(values))
        except ValidationError as error:
            raise InputError(f"{file}: {_faults(error)}; the file was changed; {RUN_AGAIN}") from error

    def text(self) -> str:
        """The text of result.json. A field that has a default is left out where it has that value."""
        return json.dumps(self.as_json(), indent=1) + "\n"

    @property
    def protocol_rules(self) -> Protocol:
        """The protocol that `protocol` names."""
        return Protocol(self.config.split, self.channel, self.split_seed, self.config.calibrate)

    @property
    def cell(self) -> Cell:
        """The cell that this is the result of."""
        return Cell(self.detector, self.dataset, self.machine, self.unit, self.snr_db, self.seed)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        """Check across fields; `_CONDITIONS` says the same to readers of the schema."""
        if (self.status is Status.OK) != (self.message == ""):
            raise ValueError("message: must be empty where status is ok, and only there")
        if self.scores_only and not (self.trained_on and self.config.scores):
            raise ValueError("scores_only: needs trained_on and config.scores")
        if not self.scores_only and not (self.config.detector_code and self.config.feature_code):
            raise ValueError("config: needs detector_code and feature_code")
        if self.status is Status.OK and not self.scores_only and None in [getattr(self, name) for name in _TIMES]:
            raise ValueError(f"{', '.join(_TIMES)}: needed where status is ok")
        return self


def marked(marker: Marker) -> list[str]:
    """The fields of a result with this marker.

    >>> marked(Marker.CIRCUMSTANCE)
    ['traceback', 'device', 'command', 'plugins', 'environment']
    """
    return [name for name, field in Result.model_fields.items() if marker in field.metadata]


def schema() -> str:
    """The text of result.schema.json (JSON Schema, draft 2020-12)."""
    return json.dumps({"$schema": GenerateJsonSchema.schema_dialect} | _json_schema(), indent=1) + "\n"


def documented_fields() -> dict[str, dict[str, Any]]:
    """Name -> JSON schema of each field; the fields of `config` and `environment` one by one, as `config.seed`."""
    whole = _json_schema()
    fields: dict[str, dict[str, Any]] = {}
    for name, field in whole["properties"].items():
        inner = whole["$defs"][field["$ref"].rpartition("/")[2]] if "$ref" in field else {}
        fields |= {f"{name}.{key}": value for key, value in inner.get("properties", {}).items()} or {name: field}
    return fields


class _WithoutTitles(GenerateJsonSchema):
    """Leaves out the titles of fields, which repeat their names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _json_schema() -> dict[str, Any]:
    return Result.model_json_schema(schema_generator=_WithoutTitles)


def _parse_json(content: bytes, file: Path) -> dict[str, Any]:
    try:
        values = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: cannot be read ({error}); name the result.json of a cell") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(
            f"{file}: {where}: no JSON ({error.msg}); the file was changed or cut short; {RUN_AGAIN}"
        ) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, or thousands of nested lists
        raise InputError(f"{file}: cannot be read ({error}); the file was changed; {RUN_AGAIN}") from error
    if not isinstance(values, dict):
        raise InputError(f"{file}: not a JSON object; name the result.json of a cell")
    return values


def _faults(error: ValidationError) -> str:
    """`n_train: Input should be greater than or equal to 0` for each field at fault, three at most."""
    faults = [": ".join([*[".".join(map(str, one["loc"]))] * bool(one["loc"]), one["msg"]]) for one in error.errors()]
    shown = " ".join("; ".join(faults[:3]).split())  # in one line, whatever a field is called
    return shown + (f" and {len(faults) - 3} more" if len(faults) > 3 else "")
