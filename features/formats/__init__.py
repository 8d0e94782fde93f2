"""Readers of further formats; no part of the code hash of features, so that a change here costs no corpus of WAV files
its cached features. What decodes a clip is part of the clip's identity instead."""
