//! Cases.
use super::*;
