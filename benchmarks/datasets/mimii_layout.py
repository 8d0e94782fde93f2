"""The layouts of MIMII: which names above a clip, on disk and inside archives, state machine, unit, SNR and class."""

import re
from typing import NamedTuple

from benchmarks.datasets.wav_folders import Folder, without_zip
from features import InputError

MACHINES = ("valve", "pump", "fan", "slider")
LABELS = {"normal": 0, "abnormal": 1}
EXPECTED = (
    "expected 6_dB_fan.zip, or 6_dB_fan/fan/id_00/normal/00000000.wav and so on, for 6, 0 and -6 dB, "
    "valve, pump, fan and slider, as at https://zenodo.org/record/3384388"
)
_UNIT = re.compile(r"id_\d+")
_LEVEL = re.compile(  # 6_dB_fan, 6dB, min6dB, -6_dB_fan
    rf"(?P<sign>[+-]|min(?:us)?_?)?(?P<level>\d{{1,2}})[_ ]?dB(?:_(?P<machine>{'|'.join(MACHINES)}))?", re.IGNORECASE
)


class Place(NamedTuple):
    """What the names above a clip state."""

    machine: str
    unit: str
    snr_db: int
    label: int
    path: str  # the folder inside the corpus, as in the published archives


def place_of(folder: Folder) -> Place | None:
    """Read machine, unit, noise level and class from the names above a file; None outside the layout.

    Raises `InputError` where only the noise level is not stated.

    >>> place = place_of(Folder("data", ("data", "min6dB", "fan", "id_00", "normal"), {}))
    >>> place.machine, place.unit, place.snr_db, place.label, place.path
    ('fan', 'id_00', -6, 0, '-6_dB_fan/fan/id_00/normal')
    """
    *above, unit, kind = ("", "", *folder.parts)
    stated = [_stated(part) for part in above]
    levels = [snr_db for snr_db, _ in stated if snr_db is not None]
    machines = [machine for _, machine in stated if machine]
    if kind not in LABELS or not _UNIT.fullmatch(unit) or stated[-1] == (None, None) or not machines:
        return None
    if not levels:
        raise InputError(
            f"{folder.where}: no name above it states the noise level; put it in a folder named like the archive, "
            f"6_dB_{machines[-1]}, 0_dB_{machines[-1]} or -6_dB_{machines[-1]} (or 6dB, 0dB, min6dB)"
        )
    snr_db, machine = levels[-1], machines[-1]
    return Place(machine, unit, snr_db, LABELS[kind], f"{snr_db}_dB_{machine}/{machine}/{unit}/{kind}")


def why_misplaced(folder: Folder) -> str:
    """Return which name above its WAV files is not that of the layout."""
    *above, unit, kind = ("", "", *folder.parts)
    if kind not in LABELS:
        return f"the folder {kind!r} should be called normal or abnormal"
    if not _UNIT.fullmatch(unit):
        return f"the folder {unit!r} should be called like id_00"
    return f"the folder {above[-1]!r} should be called {', '.join(MACHINES[:-1])} or {MACHINES[-1]}, or like 6_dB_fan"


def _stated(part: str) -> tuple[int | None, str | None]:
    """Return the noise level in dB and the machine that the name of a folder or archive states."""
    if part.lower() in MACHINES:
        return None, part.lower()
    level = _LEVEL.fullmatch(without_zip(part))
    if not level:
        return None, None
    snr_db = int(level["level"]) * (-1 if level["sign"] not in (None, "+") else 1)
    return snr_db, level["machine"] and level["machine"].lower()
