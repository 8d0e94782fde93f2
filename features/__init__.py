"""Features of one waveform, how audio is read, and the cache that keeps them. No labels, no learning."""

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
