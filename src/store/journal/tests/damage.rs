//! What a bad disk can and cannot do.
