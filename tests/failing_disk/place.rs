//! A folder on a disk that fails, and the store in it.

use super::{
    disk::{Disk, Fault},
    vfs::{self, SharedDisk},
};
use smolbear::store::{Database, StoreError};
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};
use tempfile::TempDir;

/// The files of a folder, by name.
pub type Files = BTreeMap<String, Vec<u8>>;

pub struct Place {
    /// Deleted in the end.
    _folder: TempDir,
    pub folder: PathBuf,
    layer: &'static str,
    disk: SharedDisk,
}

impl Place {
    /// A folder with these files, all of them safe.
    pub fn holding(files: &Files, seed: u64) -> Self {
        // in memory where the system has such a folder: what a power cut leaves is not the real disk's to say
        let temporary = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let folder = temporary.path().canonicalize().unwrap();
        files.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
        let safe = files.iter().map(|(name, bytes)| (folder.join(name), bytes.clone()));
        let disk = Arc::new(Mutex::new(Disk::holding(safe, seed)));
        let layer = vfs::plug_in(&folder, Arc::clone(&disk));
        Self { _folder: temporary, folder, layer, disk }
    }

    pub fn database(&self) -> PathBuf {
        self.folder.join("smolbear.db")
    }

    pub fn open(&self) -> Result<Database, StoreError> {
        Database::open(&self.database(), Some(self.layer))
    }

    pub fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }

    pub fn shared(&self) -> SharedDisk {
        Arc::clone(&self.disk)
    }

    pub fn plan(&self, steps: usize, fault: Fault) {
        self.disk().plan(steps, fault);
    }

    /// The files as programs see them, but for what SQLite makes anew.
    pub fn files(&self) -> Files {
        let entries = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        let file = |path: PathBuf| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap());
        entries.map(file).filter(|(name, _)| !name.ends_with("-shm")).collect()
    }

    /// The process dies.
    pub fn kill(&self, database: Database) {
        self.disk().kill();
        drop(database);
    }

    /// The next one starts.
    pub fn restart(&self) -> Result<Database, StoreError> {
        self.disk().restart();
        self.open()
    }

    /// The power goes, and the machine starts again.
    pub fn lose_power(&self, database: Database) -> Result<Database, StoreError> {
        self.kill(database);
        self.disk().lose_power();
        self.restart()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        vfs::pull_out(&self.folder);
    }
}
