"""How sure a number is: intervals, tests over units, thresholds from normal sound, a challenge's own metrics."""
