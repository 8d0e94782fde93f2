"""Results that cross a border: scores from and to elsewhere, submissions verified, a result run again."""
