use super::*;
use crate::store::journal::{Head, read};
use std::fs;

#[test]
fn what_was_recorded_is_read_back() {
    let parts = Parts::new(24);
    assert!(parts.entries.iter().filter(|entry| entry.outcome.is_some()).count() > 50, "too little happened");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), parts.bytes()).unwrap();
    let (head, entries) = read(file.path()).unwrap();
    assert!(head.is_ours() && head.bytes() == Head::of(&trader(), WALL_MS, false).bytes());
    assert_eq!(entries.map(Result::unwrap).collect::<Vec<_>>(), parts.entries);
}
