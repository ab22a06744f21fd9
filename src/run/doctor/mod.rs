//! `bot doctor`.
pub fn doctor(_wish: &crate::cli::Doctor) -> Result<u8, String> {
    Ok(0)
}
