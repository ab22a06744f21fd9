//! The folder of segments.
