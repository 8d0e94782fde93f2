"""What several test files share."""

import pytest


@pytest.fixture(scope="session")
def store_root(tmp_path_factory):
    """The folder of a protocol with real results, see small_store.py; to be read, and copied before it is changed."""
    from tests.support.small_store import make_store

    return make_store(tmp_path_factory.mktemp("small_store"))
