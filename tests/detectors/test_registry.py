"""Names of detectors: what is found, what is refused, and how `name[field=value]` is read."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from detectors import Detector, register
from detectors.contract import registry
from detectors.contract.registry import detectors, find, load_plugin
from detectors.contract.variants import create, parse, split_names, with_budget
from features import Feature, InputError, LogMel, PooledLogMel, Waveform
from tests.support.command_line import ROOT


def test_every_file_that_registers_is_found():
    available, unavailable = detectors()
    assert {"dense_ae", "iforest", "ocsvm", "knn", "mahalanobis", "random", "loudness"} <= set(available)
    assert [entry.name for entry in unavailable] == ["embedding_knn"], "it needs a model to be named"
    assert list(available) == sorted(available)


@pytest.mark.parametrize("name", sorted(detectors()[0]))
def test_finding_one_by_name_gives_the_same_class(name):
    assert find(name) is detectors()[0][name]


def test_finding_a_cheap_detector_does_not_load_torch():
    code = "import sys; from detectors.contract.registry import find; find('knn'); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_an_unknown_name_gets_the_nearest_match_and_the_list():
    with pytest.raises(
        InputError, match=r"no detector 'mahalanobiss'; did you mean 'mahalanobis'\?.*There are: .*iforest"
    ):
        find("mahalanobiss")


RIVAL = """
from dataclasses import dataclass
from detectors import Detector, register
from features import Feature, PooledLogMel

@register("{name}")
@dataclass
class Rival(Detector):
    feature: Feature = PooledLogMel()
    def fit(self, clips): return self
    def score(self, clips): return [0.0] * len(clips)
"""


def plugin(folder, text, name="rival.py"):
    (folder / name).write_text(text)
    return folder / name


def test_a_name_that_is_taken_names_both_sides(tmp_path):
    load_plugin(plugin(tmp_path, RIVAL.format(name="taken_name")))
    with pytest.raises(
        InputError, match=r"'taken_name' is taken twice: Rival in .*rival\.py and Rival in .*second\.py"
    ):
        load_plugin(plugin(tmp_path, RIVAL.format(name="taken_name"), "second.py"))
    registry._registered.pop("taken_name")


@pytest.mark.parametrize("name", ["knn", "pyod_lof", "pyod_new", "stgram", "embedding_knn"])
def test_names_of_this_package_are_reserved_before_and_after_they_are_loaded(tmp_path, name):
    file, stem = plugin(tmp_path, RIVAL.format(name=name)), "pyod" if name.startswith("pyod") else name
    code = f"from detectors.contract.registry import load_plugin\nload_plugin({str(file)!r})"
    fresh = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    message = (
        f"line 6: cannot be imported: detector name '{name}' is reserved for detectors/{stem}.py; rename Rival in "
    )
    assert message in fresh.stderr
    detectors()
    with pytest.raises(InputError, match=re.escape(message)):
        load_plugin(file)
    assert registry._registered.get(name) is None or registry._registered[name].__name__ != "Rival"


def test_a_file_of_this_package_may_be_loaded_by_its_path():
    assert load_plugin(Path(registry.__file__).parents[1] / "loudness.py") == ["loudness"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 2\n1 / 0\n", "line 2: cannot be imported: ZeroDivisionError: division by zero"),
        ("\n\nimport sys; sys.exit(0)\n", "line 3: cannot be imported: it ends the program with exit code 0"),
        ("a = 1\nb = = 2\n", "line 2: cannot be imported: SyntaxError: invalid syntax"),
        ("raise SystemError\n", "line 1: cannot be imported: SystemError; correct it there"),
        (
            RIVAL.format(name="half") + "import no_such_module\n",
            "line 12: cannot be imported: ModuleNotFoundError: No ",
        ),
    ],
    ids=["raises", "exits", "syntax", "no message", "half"],
)
def test_a_plugin_that_fails_is_one_line_with_file_and_line_and_registers_nothing(tmp_path, text, message):
    with pytest.raises(InputError, match=re.escape(f"--plugin {tmp_path / 'rival.py'} {message}")) as raised:
        load_plugin(plugin(tmp_path, text))
    assert "\n" not in str(raised.value)
    assert not registry.is_registered("half")


def entry_points(folder, **modules):
    """A package with an entry point per module, on the path of a process: name -> text of the module."""
    about = folder / "others-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    lines = [f"{name} = {name}_module" for name in modules]
    (about / "entry_points.txt").write_text("\n".join(["[asdbench.detectors]", *lines, ""]))
    for name, text in modules.items():
        (folder / f"{name}_module.py").write_text(text)


def test_an_entry_point_that_fails_is_left_out_with_its_reason(tmp_path):
    entry_points(
        tmp_path,
        raising="1 / 0",
        ending="raise SystemExit(0)",
        half=RIVAL.format(name="half") + "raise ValueError('two\\nlines')",
        usurper=RIVAL.format(name="knn"),
        good=RIVAL.format(name="good"),
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    code = (
        "from detectors.contract.registry import detectors, find\nfound, lacking = detectors()\n"
        "print('good' in found, 'half' in found, found['knn'].__name__)\n"
        "for one in lacking: print(one.name, one.reason)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    first, *lines = found.stdout.splitlines()
    assert first == "True False NearestNeighbours"
    assert "raising its entry point raising_module fails: ZeroDivisionError: division by zero" in lines
    assert "ending its entry point ending_module fails: it ends the program with exit code 0" in lines
    assert "half its entry point half_module fails: ValueError: two lines" in lines
    assert any(line.startswith("usurper its entry point usurper_module fails: detector name 'knn'") for line in lines)


@pytest.mark.parametrize("name", ["KNN", "k-nn", "2nn", "", "knn_"])
def test_a_malformed_name_is_refused(name):
    with pytest.raises(InputError, match="lower_snake_case"):

        @register(name)
        @dataclass
        class Misnamed(Detector):
            feature: Feature = PooledLogMel()


def test_a_class_that_is_no_dataclass_is_refused():
    with pytest.raises(InputError, match="put @dataclass between"):

        @register("plain")
        class Plain(Detector):
            feature = PooledLogMel()


def test_a_plugin_without_its_third_party_module_says_so(tmp_path):
    (tmp_path / "lacking.py").write_text("import no_such_module\n")
    with pytest.raises(InputError, match=r"lacking\.py line 1: cannot .*: No module named 'no_such_module'"):
        load_plugin(tmp_path / "lacking.py")


def test_a_file_that_lacks_a_third_party_module_is_unavailable_and_one_of_ours_is_a_bug(tmp_path):
    code = """
import sys, shutil
from pathlib import Path
shutil.copytree({root!r}, "{here}/detectors", ignore=shutil.ignore_patterns("__pycache__"))
sys.path.insert(0, "{here}")
Path("{here}/detectors/lacking.py").write_text("import no_such_module")
from detectors.contract.registry import detectors, find
print([entry.reason for entry in detectors()[1] if entry.name == "lacking"])
try: find("lacking")
except ValueError as error: print(error)
Path("{here}/detectors/broken.py").write_text("import detectors.no_such_part")
try: detectors()
except ModuleNotFoundError as error: print("bug:", error)
"""
    import detectors as package

    code = code.format(root=package.__path__[0], here=tmp_path)
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == [
        "['needs no_such_module: pip install no_such_module']",
        "detector 'lacking' is unavailable: needs no_such_module: pip install no_such_module",
        "bug: No module named 'detectors.no_such_part'",
    ]


def test_names_are_split_outside_brackets():
    assert split_names("knn[k=3,whiten=True], iforest,,gmm[feature=PooledLogMel(statistics=('max','std'))]") == [
        "knn[k=3,whiten=True]",
        "iforest",
        "gmm[feature=PooledLogMel(statistics=('max','std'))]",
    ]


def test_values_are_literals_words_or_features():
    text = "x[a=1,b=0.5,c=True,d=mse,e=one+two,f=None,g=(1,2),h=LogMel(n_mels=32),i=(Waveform(),LogMel())]"
    assert parse(text)[1] == {
        "a": 1,
        "b": 0.5,
        "c": True,
        "d": "mse",
        "e": "one+two",
        "f": None,
        "g": (1, 2),
        "h": LogMel(n_mels=32),
        "i": (Waveform(), LogMel()),
    }


def test_a_variant_is_the_default_with_those_fields_set():
    assert create("knn[k=3]") == replace(create("knn"), k=3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("knn[q=3]", r"knn has no field 'q'; .*It has: .*k"),
        ("knn[k=many]", r"knn\[k=many\]: k is a whole number, at least 1"),
        ("knn[k=True]", r"knn\[k=True\]: k is a whole number, at least 1"),
        ("knn[feature=LogMel(n_mel=32)]", r"LogMel\(n_mel=32\): .*unexpected keyword argument 'n_mel'"),
        ("knn[3]", r"write knn\[field=value,field=value\]"),
        ("knn[k=3", r"write knn\[field=value,field=value\]"),
        ("knn[k=]", r"write knn\[field=value,field=value\]"),
        ("knn@gpu", "the only budget to name is @cpu"),
    ],
)
def test_a_wrong_variant_says_what_would_be_right(text, message):
    with pytest.raises(InputError, match=message):
        create(text)


def test_the_cpu_budget_is_part_of_the_label():
    budget = find("vae").cpu_budget
    assert budget
    assert with_budget("vae[latent=4]", "cpu") == "vae@cpu[latent=4]"
    assert create("vae@cpu[latent=4]") == replace(create("vae"), **budget, latent=4)
    assert with_budget("vae", "full") == "vae"
    assert with_budget("knn", "cpu") == "knn"
    with pytest.raises(InputError, match="choose cpu or full"):
        with_budget("vae", "gpu")
