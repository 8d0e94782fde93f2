"""The result of a cell: what is written is read back, and what a result may not hold is refused with its place."""

import json
from datetime import UTC, datetime

import jsonschema
import pytest

from benchmarks.cell import Cell
from benchmarks.run.result import Result, documented_fields, marked, schema
from benchmarks.run.result_fields import SCHEMA_VERSION, Marker, Status
from features import InputError

CONFIG = {
    "detector": "Random(seed=0)",
    "detector_code": "0" * 16,
    "feature_code": "1" * 16,
    "seed": 0,
    "dataset": "mimii",
    "dataset_identity": "public",
    "split": "code",
    "channel": [0],
    "manifests": ["2" * 16],
}
ENVIRONMENT = {
    "versions": {"python": "3.11.9", "asdbench": "0.1.0", "torch": None},
    "hardware": {"cpu": "a processor", "cores": 2, "memory_gib": 8.0, "gpu": None},
    "system": "Linux x86_64",
    "commit": None,
    "dirty": None,
}
VALUES = {
    "schema_version": SCHEMA_VERSION,
    "status": "ok",
    "message": "",
    "fit_seconds": 1.5,
    "score_seconds": 0.5,
    "score_seconds_without_features": 0.25,
    "detector": "random",
    "dataset": "mimii",
    "machine": "fan",
    "unit": "id_00",
    "snr_db": 6.0,
    "seed": 0,
    "n_train": 10,
    "n_validation": 0,
    "n_normal": 4,
    "n_abnormal": 4,
    "manifest": "2" * 16,
    "config": CONFIG,
    "protocol": "code-ch0",
    "channel": "0",
    "split_seed": 0,
    "quick": False,
    "units": ["id_00"],
    "corpus": "MIMII",
    "synthetic": False,
    "scope": "unit",
    "sanity": True,
    "device": None,
    "command": "",
    "plugins": [],
    "environment": ENVIRONMENT,
    "finished": "2026-11-27T10:00:00.123+00:00",
    "peak_memory_mib": 100,
    "identity": "3" * 16,
}
IMPORTED = {"scores_only": True, "trained_on": "theirs", "config": CONFIG | {"scores": "4" * 16}}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "result.json"


def read(file, **changes):
    file.write_text(json.dumps(VALUES | changes))
    return Result.read(file)


def test_what_is_read_is_written_again_byte_for_byte(file):
    text = read(file).text()
    assert text == json.dumps(VALUES, indent=1) + "\n"


def test_values_have_their_types(file):
    result = read(file)
    assert result.status is Status.OK
    assert result.finished == datetime(2026, 11, 27, 10, 0, 0, 123_000, UTC)
    assert result.config.channel == (0,)
    assert result.cell == Cell("random", "mimii", "fan", "id_00", 6.0, 0)


def test_the_identity_depends_on_the_configuration_alone(file):
    result = read(file)
    assert result.config.identity == read(file, command="another", seed=1).config.identity
    assert result.config.identity != read(file, config=CONFIG | {"seed": 1}).config.identity
    assert len(result.config.identity) == 16


WRONG = {
    "a status that is not known": ({"status": "timeout"}, "status: Input should be"),
    "text for a number": ({"n_train": "10"}, "n_train: Input should be a valid integer"),
    "a negative count": ({"n_abnormal": -1}, "n_abnormal: Input should be greater than or equal to 0"),
    "a field too many": ({"sha256": {}}, "sha256: Extra inputs are not permitted"),
    "a nested field too many": ({"config": CONFIG | {"x": 1}}, "config.x: Extra inputs"),
    "a channel rule for a channel": ({"config": CONFIG | {"channel": ["nearest"]}}, "config.channel.0"),
    "no hash": ({"manifest": "x"}, "manifest: String should match pattern"),
    "infinite seconds": ({"fit_seconds": float("inf")}, "fit_seconds: Input should be a finite number"),
    "no time zone": ({"finished": "2026-11-27T10:00:00"}, "finished: Input should have timezone info"),
    "no units": ({"units": []}, "units: "),
    "ok with a message": ({"message": "late"}, "message: must be empty where status is ok"),
    "an error without a message": ({"status": "error"}, "message: must be empty where status is ok, and only there"),
    "ok without times": ({"fit_seconds": None}, "fit_seconds, .* needed where status is ok"),
    "an import without a declaration": (IMPORTED | {"trained_on": ""}, "scores_only: needs trained_on"),
    "a run without code": ({"config": CONFIG | {"detector_code": None}}, "config: needs detector_code"),
}


@pytest.mark.parametrize(("changes", "fault"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_value_is_refused_with_file_and_field_and_by_the_schema(file, changes, fault):
    with pytest.raises(InputError, match=f"result.json: .*{fault}.*run the cell again"):
        read(file, **changes)
    checked = jsonschema.Draft202012Validator(json.loads(schema()))
    if "finite" not in fault and "timezone" not in fault:  # JSON Schema cannot say these
        assert list(checked.iter_errors(VALUES | changes)) != []


@pytest.mark.parametrize("changes", [{}, IMPORTED, {"status": "error", "message": "no idea", "traceback": "line 1"}])
def test_the_schema_accepts_what_the_model_accepts(file, changes):
    read(file, **changes)
    assert list(jsonschema.Draft202012Validator(json.loads(schema())).iter_errors(VALUES | changes)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n "status": "ok";\n}', r"line 2, column 16: no JSON"),
        ("[]", "not a JSON object"),
        ("{}", r"written by version None of the format, not 4"),
        ('{"schema_version": 2}', r"written by version 2 of the format, not 4; run the cell again with python run_all"),
    ],
    ids=["syntax", "list", "empty", "older"],
)
def test_a_file_that_is_no_result_says_why(file, text, message):
    file.write_text(text)
    with pytest.raises(InputError, match=f"{file}: {message}"):
        Result.read(file)


def test_a_file_that_is_missing_or_not_text_says_so(file):
    with pytest.raises(InputError, match="cannot be read"):
        Result.read(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        Result.read(file)


def test_many_faults_are_counted(file):
    with pytest.raises(InputError, match=r"n_train: .*; n_normal: .*; n_abnormal: .* and 1 more; the file was changed"):
        read(file, n_train=-1, n_normal=-1, n_abnormal=-1, quick="no")


def test_every_field_has_a_description():
    for name, field in documented_fields().items():
        assert field["description"].endswith("."), name


def test_a_field_has_at_most_one_marker():
    assert not set(marked(Marker.MEASURED)) & set(marked(Marker.CIRCUMSTANCE))
    assert "fit_seconds" in marked(Marker.MEASURED)
