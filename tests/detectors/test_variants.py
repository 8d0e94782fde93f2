"""The text of a variant: grids, hints, and 20 000 hostile texts, each of which is a detector or one clear line."""

import random

import pytest

from detectors.contract import registry, variants
from detectors.contract.registry import detectors
from detectors.contract.variants import create, expand
from features import InputError

NAMES = sorted(detectors()[0])
WHOLE = (
    "knn[k=3]",
    "gmm[components=4,pools=held_out]",
    "dense_ae[epochs=10,hidden=(64,32)]",
    "dense_ae@cpu[latent=4]",
    "ensemble[members='knn[k=1]+gmm']",
    "knn[k=1|3|5,whiten=True|False]",
    "iforest[feature=LogMel(n_mels=32)]",
)
PIECES = (
    *"[](){}=,|'\"\\\0\n#@~*/-. 1é🙂",
    *("@cpu", "lambda:0", "LogMel(", "PooledLogMel(mel=LogMel())", "feature=", "k=", "epochs=", "hidden=(64,32)"),
    *("ensemble[members=", "members=", "n_mels=", "statistics=('q90',)", "None", "True", "nan", "1e999", "-1", "1.5"),
    *("9" * 400, "9" * 5000, "[" * 300, "-" * 300, "1+" * 200, "a" * 2000, "\ud800", "**", "f'{k}'", "x:=1", "yield"),
    *("[1,2]", "{1:2}", "{[]:1}", "b'x'", "...", "1j", "0x10", "a if b else c", "'''", "__init__", "contract/registry"),
)


def hostile(rng: random.Random) -> str:
    """A name with brackets full of pieces, or a good variant with pieces put into it."""
    if rng.random() < 0.5:
        inside = "".join(rng.choices(PIECES, k=rng.randint(0, 6)))
        return f"{rng.choice(NAMES)}[{inside}" + "]" * (rng.random() < 0.8)
    characters = list(rng.choice(WHOLE))
    for _ in range(rng.randint(1, 2)):
        start = rng.randrange(len(characters) + 1)
        characters[start : start + rng.randint(0, 2)] = [rng.choice(PIECES if rng.random() < 0.7 else "123,")]
    return "".join(characters)


def test_20_000_hostile_texts_are_detectors_or_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    found = detectors()  # once: to look for entry points again for each unknown name would take a minute
    monkeypatch.setattr(registry, "detectors", lambda: found)
    rng, made, refused, unclear = random.Random(0), 0, 0, list[str]()
    for _ in range(20_000):
        text = hostile(rng)
        try:
            made += len([create(variant) for variant in expand(text)])
        except InputError as error:
            refused += 1
            unclear += [text] if "\n" in str(error) or len(str(error)) > 2 * variants.LONGEST + 500 else []
    assert unclear == []
    assert made > 300
    assert refused > 10_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("knn[k=1|3|5]", ["knn[k=1]", "knn[k=3]", "knn[k=5]"]),
        (
            "random, knn[k=1|3,whiten=True|False]",
            ["random", *(f"knn[k={k},whiten={whiten}]" for k in (1, 3) for whiten in (True, False))],
        ),
        ("dense_ae@cpu[epochs=1|2]", ["dense_ae@cpu[epochs=1]", "dense_ae@cpu[epochs=2]"]),
        (
            "gmm[feature=PooledLogMel(statistics=('mean','max'))|Level()]",
            ["gmm[feature=PooledLogMel(statistics=('mean','max'))]", "gmm[feature=Level()]"],
        ),
        ("ensemble[members='knn[k=1]+gmm']", ["ensemble[members='knn[k=1]+gmm']"]),
        ("pyod[model='a|b,]']", ["pyod[model='a|b,]']"]),
        ("knn[k=3|3]", ["knn[k=3]"]),
        ("", []),
    ],
)
def test_a_grid_is_one_variant_per_combination(text: str, expected: list[str]) -> None:
    assert expand(text) == expected


def test_a_grid_has_a_limit() -> None:
    values = "|".join(map(str, range(1, 40)))
    with pytest.raises(InputError, match="more than 1000 detectors; give fewer values of fewer fields"):
        expand(f"dense_ae[epochs={values},latent={values}]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dense_ae(epochs=10)", "'dense_ae(epochs=10)': write dense_ae[epochs=10], in brackets"),
        ("dense_ae[hidden=[64,32]]", "hidden is a tuple; write hidden=(64, 32)"),
        ("knn[k=[1,3]]", "k is one value; for a detector with each of these write k=1|3"),
        ("knn[k=1,k=3]", "gives a field twice; for one detector with each value write knn[field=1|2]"),
        ("knn[k=3)#]", "write knn[field=value,field=value]"),
        ("knn[k=1)(k=3]", "write knn[field=value,field=value]"),
        ("knn[]", "write knn[field=value,field=value]"),
        ("knn[k=1||3]", "write knn[field=value,field=value]"),
        ("knn[k=9223372036854775808]", "k is below 2^63"),
        ("dense_ae[learning_rate=" + "9" * 400 + "]", "learning_rate is below 2^63"),
        ("knn[k='" + "x" * 5000 + "']", "5009 characters: give at most 1000 printable characters"),
        ("knn[k=\0]", "give at most 1000 printable characters"),
        ("a" * 900, "900 characters; python run_all.py list shows the names"),
        ("__init__", "no detector '__init__'; python run_all.py list shows the names"),
        ("knn[feature=LogMel(n_mels=many)]", "n_mels=many; n_mels is a whole number"),
        ("knn[feature=LogMel(n_mels=-1)]", "n_mels=-1; n_mels is at least 0"),
        ("knn[feature=LogMel(f_max=1e999)]", "f_max=inf; f_max is at least 0"),
    ],
    ids=lambda text: text[:30].replace("\0", "NUL"),
)
def test_a_wrong_text_gets_a_hint(text: str, message: str) -> None:
    with pytest.raises(InputError) as refusal:
        [create(variant) for variant in expand(text)]
    assert message in str(refusal.value)
