//! How much room there is, and how much is taken.

use rustix::fs::statvfs;
use std::{fs, io, path::Path};

/// A disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// What this user can still write.
    pub free: u64,
    /// All of it.
    pub whole: u64,
}

/// The room on the disk of `path`, which must exist.
///
/// # Errors
/// The system can't say.
pub fn room(path: &Path) -> io::Result<Room> {
    let disk = statvfs(path)?;
    let [free, whole] = [disk.f_bavail, disk.f_blocks].map(|blocks| blocks.saturating_mul(disk.f_frsize));
    Ok(Room { free, whole })
}

/// Bytes in all files below the folder. What vanishes meanwhile counts as gone; links are not followed.
///
/// # Errors
/// A folder can't be read.
pub fn size(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Some(entries) = unless_gone(fs::read_dir(folder))? else { continue };
        for entry in entries {
            let entry = entry?;
            let Some(about) = unless_gone(entry.metadata())? else { continue };
            match about.is_dir() {
                true => folders.push(entry.path()),
                false => bytes += about.len(),
            }
        }
    }
    Ok(bytes)
}

fn unless_gone<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_size_is_that_of_all_files_below() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        assert_eq!(size(path).unwrap(), 0);
        fs::create_dir_all(path.join("old/b")).unwrap();
        for (name, bytes) in [("smolbear.db", 4096), ("old/a", 1), ("old/b/c", 70_000), ("empty", 0)] {
            fs::write(path.join(name), vec![7; bytes]).unwrap();
        }
        assert_eq!(size(path).unwrap(), 4096 + 1 + 70_000);
        symlink("/usr", path.join("usr")).unwrap();
        assert!(size(path).unwrap() < 80_000, "a link is not followed");
        assert_eq!(size(&path.join("nowhere")).unwrap(), 0);
        assert!(size(&path.join("smolbear.db")).is_err());
    }

    #[test]
    fn the_disk_has_room_and_what_is_not_there_has_no_disk() {
        let folder = tempfile::tempdir().unwrap();
        let disk = room(folder.path()).unwrap();
        assert!(disk.free > 0 && disk.free <= disk.whole, "{disk:?}");
        assert_eq!(room(&folder.path().join("nowhere")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(room(Path::new("/proc")).unwrap().free, 0, "a disk without room");
    }
}
