"""The benchmark as a library: `from benchmarks import load_results, leaderboard`; see docs/results.md."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.evaluation.leaderboard import leaderboard
    from benchmarks.evaluation.stored_results import load_results

__all__ = ["leaderboard", "load_results"]


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: `import benchmarks` itself stays light."""
    if name == "leaderboard":
        from benchmarks.evaluation.leaderboard import leaderboard

        return leaderboard
    if name == "load_results":
        from benchmarks.evaluation.stored_results import load_results

        return load_results
    raise AttributeError(f"module 'benchmarks' has no attribute {name!r}")
