"""Reports on stored results: tables, figures, comparison with published figures, citations."""
