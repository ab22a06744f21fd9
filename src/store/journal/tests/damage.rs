//! What a bad disk can and cannot do to a segment.

use super::*;
use crate::store::journal::{FORMAT, ReadError, block, encoding::checksum, head::preamble, read, read::torn_tail};
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
};

/// The entries that can be read, and what stands against the rest.
fn salvaged(path: &Path, bytes: &[u8]) -> (Vec<Entry>, Option<ReadError>) {
    fs::write(path, bytes).unwrap();
    salvage(path)
}

fn salvage(path: &Path) -> (Vec<Entry>, Option<ReadError>) {
    match read(path) {
        Err(error) => (Vec::new(), Some(error)),
        Ok((_, entries)) => {
            let (mut good, mut wrong) = (Vec::new(), None);
            for entry in entries {
                assert!(wrong.is_none(), "an error is the last item");
                match entry {
                    Ok(entry) => good.push(entry),
                    Err(error) => wrong = Some(error),
                }
            }
            (good, wrong)
        }
    }
}

/// The bytes and entries that are whole in the first `len` bytes: 0 where not even the head is.
fn whole(parts: &Parts, len: usize) -> (usize, usize) {
    if len < parts.head.len() {
        return (0, 0);
    }
    parts
        .blocks
        .iter()
        .scan((parts.head.len(), 0), |(end, held), (block, entries)| {
            (*end, *held) = (*end + block.len(), *held + entries);
            Some((*end, *held))
        })
        .take_while(|(end, _)| *end <= len)
        .last()
        .unwrap_or((parts.head.len(), 0))
}

#[test]
fn a_file_that_ends_anywhere_keeps_exactly_its_whole_blocks() {
    let (folder, parts) = (tempfile::tempdir().unwrap(), &*HOUR);
    let (path, bytes) = (folder.path().join("a"), parts.bytes());
    fs::write(&path, &bytes).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    for len in (0..=bytes.len()).rev() {
        file.set_len(len as u64).unwrap();
        let (end, entries) = whole(parts, len);
        let (good, wrong) = salvage(&path);
        assert!(good == parts.entries[..entries], "{len} bytes");
        let ends_well = len == end && len > 0;
        match wrong {
            None => assert!(ends_well, "{len} bytes"),
            Some(ReadError::Torn { at, left, .. }) => {
                assert!(!ends_well && (at, left) == (end as u64, (len - end) as u64), "{len} bytes: cut at {at}");
            }
            Some(other) => panic!("{len} bytes: {other}"),
        }
    }
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let (folder, parts) = (tempfile::tempdir().unwrap(), &*HOUR);
    let (path, bytes) = (folder.path().join("a"), parts.bytes());
    fs::write(&path, &bytes).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    for (index, byte) in bytes.iter().enumerate() {
        file.write_all_at(&[byte ^ 1 << (index % 8)], index as u64).unwrap();
        let (good, wrong) = salvage(&path);
        let (end, entries) = whole(parts, index);
        assert!(good == parts.entries[..entries], "byte {index}");
        match wrong {
            Some(ReadError::Damaged { at, left, .. }) if end > 0 => {
                assert_eq!((at, left), (end as u64, (bytes.len() - end) as u64), "byte {index}");
            }
            Some(ReadError::Damaged { .. } | ReadError::Foreign { .. } | ReadError::Torn { .. }) if end == 0 => {}
            other => panic!("byte {index}: {other:?}"),
        }
        assert!(end == 0 || torn_tail(&path).unwrap().is_none(), "damage is evidence, it is not cut off");
        file.write_all_at(&[*byte], index as u64).unwrap();
    }
}

#[test]
fn what_a_file_system_filled_with_zeros_is_a_torn_tail() {
    let (folder, parts) = (tempfile::tempdir().unwrap(), &*HOUR);
    let path = folder.path().join("a");
    for (len, zeros) in
        [(0, 5), (0, 4096), (parts.head.len(), 16), (parts.bytes().len(), 1), (parts.bytes().len(), 9000)]
    {
        let (end, entries) = whole(parts, len);
        let (good, wrong) = salvaged(&path, &[&parts.bytes()[..len], &vec![0; zeros]].concat());
        assert!(good == parts.entries[..entries]);
        assert!(matches!(wrong, Some(ReadError::Torn { at, left, .. }) if (at, left) == (end as u64, zeros as u64)));
    }
}

#[test]
fn a_block_that_never_came_is_missed() {
    let (folder, parts) = (tempfile::tempdir().unwrap(), &*HOUR);
    let path = folder.path().join("a");
    for lost in 0..parts.blocks.len() - 1 {
        let blocks = parts.blocks.iter().enumerate().filter(|(index, _)| *index != lost);
        let bytes: Vec<u8> = parts.head.iter().chain(blocks.flat_map(|(_, (block, _))| block)).copied().collect();
        let (good, wrong) = salvaged(&path, &bytes);
        assert!(good == parts.entries[..EACH * lost]);
        let said = wrong.unwrap().to_string();
        assert!(said.contains("a: damaged at byte ") && said.contains("a block is missing"), "{said}");
    }
}

#[test]
fn another_format_names_the_version_that_wrote_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let bytes = [preamble(FORMAT + 1, "9.8.7 (abc, pi)"), vec![1, 2, 3]].concat();
    let said = salvaged(&path, &bytes).1.unwrap().to_string();
    assert!(said.contains(&format!("written by smolbear 9.8.7 (abc, pi) in format {}", FORMAT + 1)), "{said}");
    assert!(torn_tail(&path).unwrap().is_none(), "what another version wrote is not ours to cut");
    let said = salvaged(&path, b"time,open,high,low,close").1.unwrap().to_string();
    assert!(said.ends_with("a: no segment of a journal"), "{said}");
}

#[test]
fn a_block_that_says_nothing_known_is_damage_and_no_panic() {
    let (folder, parts) = (tempfile::tempdir().unwrap(), &*HOUR);
    let path = folder.path().join("a");
    for content in [vec![0xff; 40], vec![0], vec![2, 1, 0]] {
        let mut strange = Vec::new();
        block::begin(&mut strange);
        strange.extend(content);
        block::seal(&mut strange, 1);
        assert_eq!(checksum(&strange[block::HEADER..]).to_le_bytes(), strange[8..12]);
        let (good, wrong) = salvaged(&path, &[parts.head.clone(), strange].concat());
        assert_eq!(good, []);
        assert!(matches!(wrong, Some(ReadError::Damaged { at, .. }) if at == parts.head.len() as u64));
    }
}
