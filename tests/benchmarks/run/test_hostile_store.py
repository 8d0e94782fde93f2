"""Damaged files of the store: 2000 seeded mutants give one clear line each, and none is taken for a result."""

import json
import random
import shutil

import pytest

from benchmarks import load_results
from benchmarks.run.checksums import CHECKSUM_FILE, checksum_text
from benchmarks.run.store import Store
from features import InputError

FILES = ("result.json", "scores.csv")
STRANGE = [None, True, -1, 2, 0.5, 1e308, float("nan"), float("inf"), 10**400, "", "x", "\ud800", "a\nb", [], [[]], {}]


def flipped(rng, content):
    changed = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(rng, content):
    return content[: rng.randrange(len(content))]


def binary(rng, content):
    return rng.randbytes(rng.randint(1, 3000))


def doubled(rng, content):
    at = rng.randrange(len(content))
    return content[:at] + content[rng.randrange(len(content)) :] + content[at:]


def nested(rng, content):
    depth, sign = rng.choice([10, 1000, 100_000]), rng.choice([b"[", b'{"a":', b'"', b"1"])
    at = rng.choice([0, content.find(b":") + 1])
    return content[:at] + sign * depth + content[at:]


def another(rng, content):
    """Something that is no result, but JSON or CSV."""
    return rng.choice(
        [b"", b"[]", b"{}", b"null", b"NaN", b"\n", b"part,path,label,score\n", b"\xef\xbb\xbf" + content]
    )


def retyped(rng, content):
    """One value of result.json, or one field of scores.csv, is another."""
    strange = rng.choice(STRANGE)
    if not content.startswith(b"{"):
        lines = [line.split(b",") for line in content.split(b"\n")]
        line = lines[rng.randrange(len(lines) - 1)]
        line[rng.randrange(len(line))] = str(strange).encode("utf-8", "surrogatepass")
        return b"\n".join(b",".join(line) for line in lines)
    values = json.loads(content)
    inner = rng.choice([values, values["config"], values["environment"], values["environment"]["hardware"]])
    inner[rng.choice([*inner, str(strange)])] = strange
    return (json.dumps(values, indent=1) + "\n").encode()


MUTATIONS = (flipped, cut, binary, doubled, nested, another, retyped, retyped)


@pytest.fixture
def store(store_root, tmp_path):
    """Two cells; the first is to be damaged."""
    root = tmp_path / "synthetic" / store_root.name
    for folder in sorted(store_root.glob("cells/random/fan/*"))[:2]:
        shutil.copytree(folder, root / folder.relative_to(store_root))
    return Store(root)


def mutants(cell, n, seed):
    """Damage one file of a cell after the other; yield what the file was and is, and repair it."""
    rng = random.Random(seed)
    whole = {name: (cell / name).read_bytes() for name in (*FILES, CHECKSUM_FILE)}
    for _ in range(n):
        name = rng.choice(FILES)
        mutant = rng.choice(MUTATIONS)(rng, whole[name])
        (cell / name).write_bytes(mutant)
        yield whole[name], mutant
        for changed in (name, CHECKSUM_FILE):
            (cell / changed).write_bytes(whole[changed])


def refusal(store, cell):
    """Why a cell is refused, "" if it is not; any exception but `InputError` fails the test."""
    try:
        store.read(cell)
    except InputError as error:
        return str(error)
    return ""


def test_no_mutant_is_taken_for_a_result_and_each_is_named_in_a_line(store):
    cell, seen = store.folders()[0], 0
    result = store.result(cell)
    for original, mutant in mutants(cell, 2000, seed=0):
        message = refusal(store, cell)
        assert (message == "") == (mutant == original)
        if message:
            seen += 1
            assert str(cell) in message
            assert "run the cell again" in message or "name the result.json of a cell" in message
            assert len(message.splitlines()) == 1
            message.encode()  # no lone surrogates: it can be printed and written
    assert seen > 1900
    assert store.is_done(result.cell, result.identity)


def test_tables_of_a_store_with_a_mutant_have_an_error_row_and_the_other_cells(store):
    cell, good = store.folders()
    before = load_results(store.root).set_index("folder")
    for original, mutant in mutants(cell, 15, seed=1):
        rows = load_results(store.root).set_index("folder")
        assert rows.index.tolist() == [str(cell), str(good)]
        assert rows.loc[str(good), "auc"] == before.loc[str(good), "auc"]
        assert rows.loc[str(cell), "status"] == ("ok" if mutant == original else "error")


def test_mutants_with_new_checksums_are_refused_or_give_metrics_without_a_traceback(store):
    cell, refused = store.folders()[0], 0
    for number, _ in enumerate(mutants(cell, 200, seed=2)):
        (cell / CHECKSUM_FILE).write_text(checksum_text(cell))
        message = refusal(store, cell)
        assert len(message.splitlines()) <= 1
        refused += bool(message)
        if not message and number % 8 == 0:
            load_results(store.root)
    assert refused > 130
