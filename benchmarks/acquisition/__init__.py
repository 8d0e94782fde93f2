"""Downloading MIMII, storing some of its channels (the mono store), and checking what a folder holds (the doctor)."""
