//! Streaming indicators, one a file: O(1) an update, no allocation after construction, `None` until the period is filled.
