//! The rules of the house, kept by tests that read the sources.

#![allow(clippy::unwrap_used)] // in a test an `unwrap` is an assertion

mod architecture;
mod readme;
mod rule;
mod source;
mod tidy;
