"""Features as a run gets them: computed into a cache, then mapped from it."""

from features.cache import read_entry


def cached(cache, sources, channel, feature, sample_rate):
    """One feature of some sources, from the cache; computed first where it is missing."""
    cache.ensure(sources, channel, [feature], sample_rate)
    return read_entry(cache.entry(sources, channel, feature, sample_rate))
