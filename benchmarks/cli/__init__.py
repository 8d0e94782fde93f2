"""The commands of run_all.py, by what they work on. Importing them loads nothing heavy: --help answers at once."""
