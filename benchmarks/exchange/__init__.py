"""Scores imported and exported, submissions verified, a result run again."""
