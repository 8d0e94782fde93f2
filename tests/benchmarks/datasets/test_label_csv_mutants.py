"""700 mutants of a label.csv: each is read as it is meant, or refused in one line."""

import random
import warnings

import pytest

from benchmarks.datasets.label_csv import Label, read_labels
from features import InputError

SOUNDS = [f"sounds/{name}.wav" for name in ("n0", "n1", "n2", "v1", "t1", "a1", "a2")]
ROWS = [f"{name},{int(name[0] == 'a')},{split},press,line {i % 2}" for i, (name, split) in enumerate(
    (("n0", "train"), ("n1", "train"), ("n2", "train"), ("v1", "valid"), ("t1", "test"), ("a1", "test"), ("a2", "test"))
)]  # fmt: skip
TEXT = "\n".join(["file_id,abnormal,split,machine,unit", *ROWS]) + "\n"
FRAGMENTS = ("", ",", ";", '"', "\n", "\r", "\x00", "\ufeff", "é", "train", "test", "valid", "1", "0", "-1", "nan", " ")
FRAGMENTS += ("n0", "a1.wav", "sounds/", "../", "machine", "abnormal", "\u2028", "1e0", "True", "x" * 140_000, "\t")


def mutant(rng):
    """One to three changes of the text: a piece replaced, rows swapped, doubled, lost or cut."""
    text = TEXT
    for _ in range(rng.randint(1, 3)):
        lines = text.split("\n")
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice((0, 1, 2, 6)))
        change = rng.randrange(7)
        if change < 3:
            text = text[:start] + rng.choice(FRAGMENTS) + text[end:]
        elif change == 3:
            lines[i], lines[j] = lines[j], lines[i]
        elif change == 4:
            lines.insert(j, lines[i])
        elif change == 5:
            del lines[i]
        else:
            text = text[:start]
        text = "\n".join(lines) if change in (3, 4, 5) else text
        text = text or ","
    return text


def outcome(folder, text, encoding="utf-8"):
    """The labels, or the message of the refusal; what is warned of is a message too."""
    file = folder / "label.csv"
    file.write_bytes(text.encode(encoding, "surrogatepass"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return read_labels(file, SOUNDS)
        except (InputError, UserWarning) as error:
            return str(error)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("mutants"), random.Random(20_261_128)
    mutants = [mutant(rng) for _ in range(700)]
    encodings = [rng.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1")) for _ in mutants]
    return [
        (text, outcome(folder, text, "utf-8" if not text.isascii() else encoding))
        for text, encoding in zip(mutants, encodings, strict=True)
    ]


def test_every_refusal_is_one_short_line_that_names_the_file(outcomes):
    messages = [found for _, found in outcomes if isinstance(found, str)]
    assert len(messages) > 300
    for message in messages:
        assert message.splitlines() == [message]
        assert "label.csv" in message
        assert message.isprintable()
        assert len(message) < 1000, message[:300]


def test_what_is_accepted_says_what_the_text_says(outcomes):
    """Nothing is guessed: every class and part that is accepted stands in the text."""
    accepted = [(text, found) for text, found in outcomes if not isinstance(found, str)]
    assert len(accepted) > 50
    for text, found in accepted:
        values = {value.strip() for value in text.lower().replace('"', "").replace("\n", ",").split(",")}
        for label in found.values():
            assert {str(label.abnormal)} <= values
            assert label.split in values or (label.split == "validation" and "valid" in values)
        assert set(found) <= set(SOUNDS)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("file_id,abnormal,split,abnormal,unit", "column abnormal occurs twice"),
        ("file_id,abnormal,split,machin,unit", "column 'machin' looks like 'machine'"),
        ("file_id,abnormal,split,machine,Unit", "column 'Unit' looks like 'unit'"),
        ("file_id,abnormal\x07,split,machine,unit", r"no column abnormal; found file_id, abnormal\x07"),
    ],
)
def test_a_header_that_would_be_misread_is_not_passed_over(tmp_path, header, message):
    assert message in outcome(tmp_path, "\n".join([header, *ROWS]))


def test_a_row_that_ends_before_machine_and_unit_is_not_given_their_defaults(tmp_path):
    """Cut here, the last clip was silently one of a unit of its own."""
    assert "line 8: ends before column machine; complete the row" in outcome(tmp_path, TEXT[: TEXT.rindex(",press")])


def test_the_text_itself_is_accepted(tmp_path):
    assert outcome(tmp_path, TEXT)["sounds/a1.wav"] == Label(1, "test", "press", "line 1")
