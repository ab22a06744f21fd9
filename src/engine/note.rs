//! What the engine has to say; the shell makes the text.

use serde::Serialize;

/// Something worth a line in the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Note {}
