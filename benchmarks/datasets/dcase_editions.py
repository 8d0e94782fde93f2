"""The editions of DCASE Task 2 and the two MIMII corpora of the same layouts: title, licence, source, metric.

The corpora of 2022 to 2025 have the same layout. They are distinguished by the names of the folders above (the
download scripts of the challenge use `dcase2023t2`) and by machines that only one evaluation set has.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.datasets.dcase import Dcase, Found, find_recordings
from features import InputError

_BY_NC_SA = "CC BY-NC-SA 4.0"


@dataclass(frozen=True)
class Dcase2020(Dcase):
    """Machines fan, pump, slider, valve (public MIMII units at one unstated noise level), ToyCar, ToyConveyor."""

    name = "dcase2020"
    title = "DCASE 2020 Task 2"
    licence = _BY_NC_SA
    citation = """@inproceedings{koizumi2020dcase,
  author    = {Koizumi, Yuma and Kawaguchi, Yohei and Imoto, Keisuke and Nakamura, Toshiki and Nikaido, Yuki and
               Tanabe, Ryo and Purohit, Harsh and Suefusa, Kaori and Endo, Takashi and Yasuda, Masahiro and
               Harada, Noboru},
  title     = {Description and Discussion on {DCASE2020} Challenge {Task2}: Unsupervised Anomalous Sound Detection for
               Machine Condition Monitoring},
  booktitle = {Proceedings of the Detection and Classification of Acoustic Scenes and Events 2020 Workshop
               (DCASE2020)},
  year      = {2020},
  note      = {arXiv:2006.05822, data: Zenodo records 3678171, 3727685, 3841772}
}"""
    layout = 2020
    official_metric = "dcase2020"


@dataclass(frozen=True)
class Dcase2021(Dcase):
    """Machines fan, gearbox, pump, slider, valve, ToyCar, ToyTrain; two domains, tested separately."""

    name = "dcase2021"
    title = "DCASE 2021 Task 2"
    licence = "see Zenodo record 4562016"
    citation = """@inproceedings{kawaguchi2021dcase,
  author    = {Kawaguchi, Yohei and Imoto, Keisuke and Koizumi, Yuma and Harada, Noboru and Niizumi, Daisuke and
               Dohi, Kota and Tanabe, Ryo and Purohit, Harsh and Endo, Takashi},
  title     = {Description and Discussion on {DCASE} 2021 Challenge Task 2: Unsupervised Anomalous Sound Detection for
               Machine Condition Monitoring under Domain Shifted Conditions},
  booktitle = {Proceedings of the Detection and Classification of Acoustic Scenes and Events 2021 Workshop
               (DCASE2021)},
  year      = {2021},
  note      = {arXiv:2106.04492, data: Zenodo records 4562016, 4660992, 4884786}
}"""
    layout = 2021
    official_metric = "dcase2021"


@dataclass(frozen=True)
class Dcase2022(Dcase):
    """Machines bearing, fan, gearbox, slider, valve, ToyCar, ToyTrain; two domains, tested together."""

    name = "dcase2022"
    title = "DCASE 2022 Task 2"
    licence = "see Zenodo record 6355122"
    citation = """@inproceedings{dohi2022dcase,
  author    = {Dohi, Kota and Imoto, Keisuke and Harada, Noboru and Niizumi, Daisuke and Koizumi, Yuma and
               Nishida, Tomoya and Purohit, Harsh and Endo, Takashi and Yamamoto, Masaaki and Kawaguchi, Yohei},
  title     = {Description and Discussion on {DCASE} 2022 Challenge Task 2: Unsupervised Anomalous Sound Detection for
               Machine Condition Monitoring Applying Domain Generalization Techniques},
  booktitle = {Proceedings of the Detection and Classification of Acoustic Scenes and Events 2022 Workshop
               (DCASE2022)},
  year      = {2022},
  note      = {arXiv:2206.05876, data: Zenodo records 6355122, 6462969, 6586456}
}"""
    layout = 2022
    official_metric = "dcase2022"


@dataclass(frozen=True)
class Dcase2023(Dcase):
    """Development machines as in 2022, others for evaluation; one section each."""

    name = "dcase2023"
    title = "DCASE 2023 Task 2"
    licence = "CC BY-NC-SA 4.0 or CC BY-NC 4.0, see Zenodo record 7882613"
    citation = """@inproceedings{dohi2023dcase,
  author    = {Dohi, Kota and Imoto, Keisuke and Harada, Noboru and Niizumi, Daisuke and Koizumi, Yuma and
               Nishida, Tomoya and Purohit, Harsh and Tanabe, Ryo and Endo, Takashi and Kawaguchi, Yohei},
  title     = {Description and Discussion on {DCASE} 2023 Challenge Task 2: First-Shot Unsupervised Anomalous Sound
               Detection for Machine Condition Monitoring},
  booktitle = {Proceedings of the Detection and Classification of Acoustic Scenes and Events 2023 Workshop
               (DCASE2023)},
  year      = {2023},
  note      = {arXiv:2305.07828, data: Zenodo records 7882613, 7830345, 7860847}
}"""
    layout = 2022
    official_metric = "dcase2022"


@dataclass(frozen=True)
class Dcase2024(Dcase):
    """As 2023 with other evaluation machines; some without attributes."""

    name = "dcase2024"
    title = "DCASE 2024 Task 2"
    licence = "see Zenodo record 10902294"
    citation = """@inproceedings{nishida2024dcase,
  author    = {Nishida, Tomoya and Harada, Noboru and Niizumi, Daisuke and Albertini, Davide and Sannino, Roberto and
               Pradolini, Simone and Augusti, Filippo and Imoto, Keisuke and Dohi, Kota and Purohit, Harsh and
               Endo, Takashi and Kawaguchi, Yohei},
  title     = {Description and Discussion on {DCASE} 2024 Challenge Task 2: First-Shot Unsupervised Anomalous Sound
               Detection for Machine Condition Monitoring},
  booktitle = {Proceedings of the Detection and Classification of Acoustic Scenes and Events 2024 Workshop
               (DCASE2024)},
  year      = {2024},
  note      = {arXiv:2406.07250, data: Zenodo records 10902294, 11259435, 11363076}
}"""
    layout = 2022
    official_metric = "dcase2022"


@dataclass(frozen=True)
class Dcase2025(Dcase):
    """As 2023 with other evaluation machines; also clean machine sound or noise, which is not used here."""

    name = "dcase2025"
    title = "DCASE 2025 Task 2"
    licence = "see Zenodo record 15097779"
    citation = """@misc{nishida2025dcase,
  author = {Nishida, Tomoya and Harada, Noboru and Niizumi, Daisuke and Albertini, Davide and Sannino, Roberto and
            Pradolini, Simone and Augusti, Filippo and Imoto, Keisuke and Dohi, Kota and Purohit, Harsh and
            Endo, Takashi and Kawaguchi, Yohei},
  title  = {Description and Discussion on {DCASE} 2025 Challenge Task 2: First-shot Unsupervised Anomalous Sound
            Detection for Machine Condition Monitoring},
  year   = {2025},
  note   = {arXiv:2506.10097, data: Zenodo records 15097779, 15392814, 15519362}
}"""
    layout = 2022
    official_metric = "dcase2022"


@dataclass(frozen=True)
class MimiiDue(Dcase):
    """Machines fan, gearbox, pump, slider, valve; domain shifts by operation and surroundings."""

    name = "mimii_due"
    title = "MIMII DUE"
    licence = "see Zenodo record 4740355"
    citation = """@inproceedings{tanabe2021mimiidue,
  author    = {Tanabe, Ryo and Purohit, Harsh and Dohi, Kota and Endo, Takashi and Nikaido, Yuki and
               Nakamura, Toshiki and Kawaguchi, Yohei},
  title     = {{MIMII DUE}: Sound Dataset for Malfunctioning Industrial Machine Investigation and Inspection with Domain
               Shifts due to Changes in Operational and Environmental Conditions},
  booktitle = {IEEE Workshop on Applications of Signal Processing to Audio and Acoustics (WASPAA)},
  year      = {2021},
  note      = {arXiv:2105.02702, data: Zenodo record 4740355}
}"""
    layout = 2021
    official_metric = "dcase2021"


@dataclass(frozen=True)
class MimiiDg(Dcase):
    """Machines bearing, fan, gearbox, slider, valve; three sections each, for domain generalisation."""

    name = "mimii_dg"
    title = "MIMII DG"
    licence = "CC BY 4.0"
    citation = """@inproceedings{dohi2022mimiidg,
  author    = {Dohi, Kota and Nishida, Tomoya and Purohit, Harsh and Tanabe, Ryo and Endo, Takashi and
               Yamamoto, Masaaki and Nikaido, Yuki and Kawaguchi, Yohei},
  title     = {{MIMII DG}: Sound Dataset for Malfunctioning Industrial Machine Investigation and Inspection for Domain
               Generalization Task},
  booktitle = {Proceedings of the Detection and Classification of Acoustic Scenes and Events 2022 Workshop
               (DCASE2022)},
  year      = {2022},
  note      = {arXiv:2205.13879, data: Zenodo record 6529888}
}"""
    layout = 2022
    official_metric = "dcase2022"


EDITIONS: dict[str, type[Dcase]] = {
    edition.name: edition
    for edition in (Dcase2020, Dcase2021, Dcase2022, Dcase2023, Dcase2024, Dcase2025, MimiiDue, MimiiDg)
}
_OWN_MACHINES = {  # of evaluation sets, and in no other year
    "dcase2023": {"bandsaw", "grinder", "shaker", "ToyDrone", "ToyNscale", "ToyTank", "Vacuum"},
    "dcase2024": {"3DPrinter", "AirCompressor", "BrushlessMotor", "HairDryer", "HoveringDrone", "RoboticArm", "Scanner"}
    | {"ToothBrush", "ToyCircuit"},
    "dcase2025": {"AutoTrash", "BandSealer", "CoffeeGrinder", "HomeCamera", "Polisher", "ScrewFeeder", "ToyPet"}
    | {"ToyRCCar"},
}


def open_dcase(root: Path, year: int | None = None) -> Dcase:
    """Open the edition of a year, or the one that the names under `root` allow.

    Raises `InputError` where there is no such year, and where the names allow no edition or several.

    >>> open_dcase(Path("data"), 2023).title
    'DCASE 2023 Task 2'
    """
    if year is None:
        return EDITIONS[_only_edition(os.path.abspath(root))](root)
    if f"dcase{year}" not in EDITIONS:
        raise InputError(
            f"DCASE Task 2 of {year}: the editions are 2020 to 2025; MIMII DUE and DG are mimii_due and mimii_dg"
        )
    return EDITIONS[f"dcase{year}"](root)


def _only_edition(root: str) -> str:
    """Return the one edition that the names of folders, files and machines allow."""
    found = find_recordings(root, "expected an edition of DCASE Task 2, see docs/datasets.md")
    stated = {recording.stated for recording in found.recordings if recording.stated}
    possible = sorted(stated or _by_layout(found))
    if len(possible) == 1 and possible[0] in EDITIONS:
        return possible[0]
    known = f"the editions are {', '.join(EDITIONS)}"
    if not found.recordings:
        raise InputError(f"{root}: no clip of DCASE Task 2 in any of its layouts; {known}, see docs/datasets.md")
    raise InputError(
        f"{root}: the names allow {', '.join(possible)}; choose one with --dataset, e.g. --dataset {possible[-1]}, or "
        f"give a folder that holds only one edition; {known}"
    )


def _by_layout(found: Found) -> set[str]:
    """Return the editions whose layout and machines fit."""
    ids = {"dcase2020"} if any(not recording.has_section for recording in found.recordings) else set()
    sections = [recording for recording in found.recordings if recording.has_section]
    if not sections:
        return ids
    if any(recording.place not in ("train", "test") for recording in sections):
        return ids | {"dcase2021"}
    machines = {recording.machine for recording in sections}
    own = {edition for edition, only_there in _OWN_MACHINES.items() if machines & only_there}
    if found.supplemental:
        return ids | {"dcase2025"} | own
    units = {(recording.machine, recording.match["unit"]) for recording in sections}
    if not own and len(units) > len(machines):
        return ids | {"dcase2022"}
    return ids | (own or {"dcase2022", "dcase2023", "dcase2024", "dcase2025"})
