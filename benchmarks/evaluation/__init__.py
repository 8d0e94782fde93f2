"""Leaderboards, intervals, tests over units, thresholds from normal clips, official metrics of challenges."""
