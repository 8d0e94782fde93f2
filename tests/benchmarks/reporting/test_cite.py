"""BibTeX: every detector resolves to its papers, entries are whole, and BibTeX itself accepts them."""

import io
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from benchmarks.cli import result_output
from benchmarks.datasets import DATASETS
from benchmarks.reporting.cite import BIBLIOGRAPHY, bibtex, of_results, papers, parse, unknown_papers
from benchmarks.reporting.leaderboard_files import write_leaderboard
from benchmarks.reporting.published_figures import FOLDER
from detectors.contract.registry import detectors
from detectors.contract.variants import create, with_budget
from features import InputError

ROOT = Path(__file__).parents[3]
REGISTERED, _ = detectors()
ENTRIES = parse(BIBLIOGRAPHY.read_text(encoding="utf-8"))
NEEDED = {
    "article": {"author", "title", "journal", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "techreport": {"author", "title", "institution", "year"},
    "misc": {"title", "year"},
}


def keys(detector):
    return [entry.key for entry in papers(create(detector))]


@pytest.mark.parametrize("name", [*REGISTERED, "embedding_knn"])
def test_every_detector_names_papers_of_the_bibliography(name):
    detector = create(name)
    assert papers(detector) or detector.sanity
    assert unknown_papers(detector) == []


@pytest.mark.parametrize(
    ("detector", "expected"),
    [
        ("dense_ae", ["purohit2019mimii"]),
        ("dcase_ae", ["koizumi2020dcase"]),
        ("ocsvm", ["schoelkopf2001ocsvm"]),
        ("loda", ["pevny2016loda"]),
        ("vae", ["an2015vae", "kingma2013vae"]),
        ("conv1d_ae", ["industrial2023sound"]),
        ("pyod_lof", ["breunig2000lof", "zhao2019pyod"]),
        ("pyod_kde", ["latecki2007kde", "parzen1962density", "zhao2019pyod"]),
        ("random", []),
        ("embedding_knn", ["ledoit2004shrinkage", "saengthong2024genrep", "wilkinghoff2025density"]),
        ("stgram", ["liu2022stgram"]),
        ("id_classifier", ["deng2019arcface", "wilkinghoff2021subcluster", "zhang2018mixup"]),
        (
            "knn_local",
            ["angiulli2002knn", "ledoit2004shrinkage", "ramaswamy2000knn", "wilkinghoff2025density"],
        ),
        ("idnn", ["suefusa2020idnn"]),
        ('ensemble[members="iforest+gmm"]', ["aggarwal2015ensembles", "guan2023twfr", "liu2008iforest"]),
    ],
)
def test_papers_of_known_detectors(detector, expected):
    assert keys(detector) == expected


def test_papers_that_the_bibliography_lacks_are_named(monkeypatch):
    monkeypatch.setattr(REGISTERED["loudness"], "papers", ("nobody2000sound", "liu2008iforest"))
    text = bibtex("synthetic", ["loudness"])
    assert "% loudness: cite also, not in our bibliography, nobody2000sound: liu2008iforest\n@inproceed" in text


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key)
def test_entries_are_whole(entry):
    kind = re.match(r"@(\w+)", entry.text)[1]
    fields = set(re.findall(r"^\s+(\w+)\s*=", entry.text, re.MULTILINE))
    assert fields >= NEEDED[kind]
    assert entry.text.count("{") == entry.text.count("}")
    assert entry.text.isascii()  # for BibTeX of any age
    assert re.fullmatch(r"\d{4}", entry.year)
    assert re.fullmatch(r"(\d{4}\.\d{5}|\d{4}\.\d{4})?", entry.eprint)
    if "pages" in fields:
        assert re.search(r"pages\s*=\s*\{\d+--\d+\}", entry.text)


def test_every_entry_of_the_file_is_read_and_said_once():
    assert len(ENTRIES) == BIBLIOGRAPHY.read_text(encoding="utf-8").count("\n@")
    corpora = [entry.key for corpus in DATASETS.values() for entry in parse(corpus.citation)]
    every = [entry.key for entry in ENTRIES] + corpora
    assert len(corpora) == len(DATASETS)
    assert sorted(set(every)) == sorted(every)


def test_published_figures_have_entries():
    keys = {key for file in FOLDER.glob("*.csv") for key in pd.read_csv(file)["citation_key"]}
    assert keys <= {entry.key for entry in ENTRIES} | {"purohit2019mimii"}


def test_asdbench_cites_itself_as_its_citation_file_says():
    (entry,) = [entry for entry in parse(bibtex("synthetic", [])) if entry.key == "asdbench"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f'title: "{entry.title}"' in citation
    assert f"name: {entry.first_author}" in citation
    assert f"date-released: {entry.year}-" in citation
    version = re.search(r"^version: (.*)$", citation, re.MULTILINE)[1]
    assert f"Version {version}" in entry.text


def test_a_table_is_cited_whole_and_each_entry_once(store_root):
    text = of_results(store_root)
    found = [entry.key for entry in parse(text)]
    assert found[:2] == ["asdbench", "asdbench_synthetic"]
    assert {"liu2008iforest", "purohit2019mimii", "mahalanobis1936distance", "delong1988"} <= set(found)
    assert len(found) == len(set(found))
    assert "% dense_ae at cpu[epochs=1]: purohit2019mimii\n" in text
    assert all(line.startswith("@") for line in text.splitlines() if "@" in line)  # BibTeX reads any other as an entry
    assert "% random" not in text  # chance has no paper
    assert "published figures" not in text  # never beside synthetic results


def test_a_table_without_its_cells_is_cited_alike(store_root, tmp_path):
    root = shutil.copytree(store_root, tmp_path / "synthetic" / store_root.name)
    write_leaderboard(root)
    shutil.rmtree(root / "cells")
    assert of_results(root) == of_results(store_root)


def test_mimii_brings_the_published_figures_and_strangers_are_named():
    text = bibtex("mimii", ["dense_ae", "theirs"], commit="0123456789abcdef")
    assert "% corpus: MIMII: purohit2019mimii\n@inproceedings{purohit2019mimii," in text
    assert "% dense_ae: purohit2019mimii\n% theirs: not a detector of this installation; cite its authors\n" in text
    assert "yusufraji2021convae" in text
    assert "commit 0123456789ab}" in text


def test_the_command_prints_nothing_but_bibtex(store_root):
    console = Console(file=io.StringIO(), width=40)
    result_output.cite(store_root, "", [], console)
    assert console.file.getvalue() == of_results(store_root) + "\n"
    result_output.cite(None, "mimii", ["knn"], console)
    assert bibtex("mimii", ["knn"]) in console.file.getvalue()
    with pytest.raises(InputError, match="no results"):
        of_results(store_root / "nowhere")


@pytest.mark.skipif(shutil.which("bibtex") is None, reason="bibtex is not installed (Debian: texlive-binaries)")
def test_bibtex_accepts_every_entry(tmp_path):
    labels = [with_budget(name, "cpu") for name in REGISTERED]  # as a run without arguments names its rows
    (tmp_path / "all.bib").write_text(bibtex("mimii", [*REGISTERED, *labels]))
    cited = "\\relax\n\\citation{*}\n\\bibstyle{plain}\n\\bibdata{all}\n"
    (tmp_path / "all.aux").write_text(cited)
    run = subprocess.run(["bibtex", "all"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    assert "Warning" not in run.stdout, run.stdout
    assert "error" not in run.stdout, run.stdout
