"""Reading audio, features of one waveform, and their cache. Labels and learning are elsewhere."""

from features.audio import AudioSource, Channel, ChannelSelection, WavFile, ZipMember
from features.errors import InputError
from features.feature import Feature
from features.log_mel import LogMel
from features.pooled import Level, PooledLogMel
from features.waveform import Waveform

__all__ = [
    "AudioSource",
    "Channel",
    "ChannelSelection",
    "Feature",
    "InputError",
    "Level",
    "LogMel",
    "PooledLogMel",
    "WavFile",
    "Waveform",
    "ZipMember",
]
