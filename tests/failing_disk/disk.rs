//! A disk that fails as it is told, and loses what was not synced when the power goes.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;
pub const EIO: i32 = 5;
pub const ENOSPC: i32 = 28;

/// Something that is done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Change,
    Sync,
}

/// What goes wrong with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A change is refused with this number of the system; of a write this share is done, in percent.
    Refused { errno: i32, done_pct: usize },
    /// A sync fails, and of what it was to make safe only a part is: the next one will say nothing of it.
    NotSynced,
    /// The process dies before it, or in the middle of a write.
    Killed,
    /// The power goes before it, or in the middle of it. [`Disk::restart`] gives what is left.
    PowerLoss,
    /// A sync takes so long.
    Slow(Duration),
}

impl Fault {
    /// Whether this can happen to such a step.
    const fn fits(self, step: Step) -> bool {
        match self {
            Self::Refused { .. } => matches!(step, Step::Change),
            Self::NotSynced | Self::Slow(_) => matches!(step, Step::Sync),
            Self::Killed | Self::PowerLoss => true,
        }
    }
}

/// A change that is not safe yet.
#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Cut { len: usize },
    Delete,
}

/// A file: what a power cut leaves of it at least, and what came after that. The file itself, as programs see it, lies in a real folder.
#[derive(Debug, Default, Clone)]
struct File {
    safe: Option<Vec<u8>>,
    changes: Vec<Change>,
}

/// The disk of one folder.
#[derive(Debug, Default)]
pub struct Disk {
    files: BTreeMap<PathBuf, File>,
    /// Steps of its kind that are left until the planned fault.
    plan: Option<(usize, Fault)>,
    /// Nothing works any more.
    dead: bool,
    power_lost: bool,
    chance: Chance,
}

/// A step that was not done: how much of it was, and the system's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    pub errno: i32,
    pub done: usize,
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        Self::from_raw_os_error(refused.errno)
    }
}

impl Disk {
    /// A disk on which these files are safe.
    pub fn holding(files: impl IntoIterator<Item = (PathBuf, Vec<u8>)>, seed: u64) -> Self {
        let file = |(path, bytes)| (path, File { safe: Some(bytes), changes: Vec::new() });
        Self { files: files.into_iter().map(file).collect(), chance: Chance(seed), ..Self::default() }
    }

    /// After so many steps that go well, of those that this can happen to, one fails.
    pub fn plan(&mut self, steps: usize, fault: Fault) {
        self.plan = Some((steps, fault));
    }

    /// Whether the planned fault has come; else it never will.
    pub fn has_failed(&mut self) -> bool {
        self.plan.take().is_none()
    }

    /// The process dies: whatever it does from now on is not done.
    pub fn kill(&mut self) {
        self.dead = true;
    }

    pub fn write(&mut self, path: &Path, at: usize, bytes: &[u8]) -> Result<(), Refused> {
        let was_dead = self.dead;
        let fault = self.step(Step::Change);
        let errno = if let Some(Fault::Refused { errno, .. }) = fault { errno } else { EIO };
        let done = match fault {
            None | Some(Fault::PowerLoss) => bytes.len(),
            Some(Fault::Refused { done_pct, .. }) => bytes.len() * done_pct / 100,
            Some(Fault::Killed) if !was_dead => bytes.len() / 2,
            Some(_) => 0,
        };
        if done > 0 {
            self.note(path, Change::Write { at, bytes: bytes[..done].to_vec() });
        }
        fault.map_or(Ok(()), |_| Err(Refused { errno, done }))
    }

    pub fn cut(&mut self, path: &Path, len: usize) -> Result<(), Refused> {
        self.change(path, Change::Cut { len })
    }

    /// Deletes a file, and perhaps syncs its folder.
    pub fn delete(&mut self, path: &Path, sync: bool) -> Result<(), Refused> {
        self.change(path, Change::Delete)?;
        if sync { self.sync(path) } else { Ok(()) }
    }

    fn change(&mut self, path: &Path, change: Change) -> Result<(), Refused> {
        match self.step(Step::Change) {
            None => {
                self.note(path, change);
                Ok(())
            }
            Some(Fault::Refused { errno, .. }) => Err(Refused { errno, done: 0 }),
            Some(_) => Err(Refused { errno: EIO, done: 0 }),
        }
    }

    pub fn sync(&mut self, path: &Path) -> Result<(), Refused> {
        let fault = self.step(Step::Sync);
        let file = self.files.entry(path.to_owned()).or_default();
        match fault {
            None => {
                let changes = std::mem::take(&mut file.changes);
                changes.iter().for_each(|change| apply(&mut file.safe, change));
                Ok(())
            }
            Some(Fault::NotSynced) => {
                file.lose(&mut self.chance);
                Err(Refused { errno: EIO, done: 0 })
            }
            Some(_) => Err(Refused { errno: EIO, done: 0 }),
        }
    }

    /// The process, or after a power cut the machine, starts again: the files of the folder are what is left of them.
    pub fn restart(&mut self) {
        (self.dead, self.plan) = (false, None);
        if std::mem::take(&mut self.power_lost) {
            self.lose_power();
        }
    }

    /// Without power: of what was not synced nobody knows what is there.
    pub fn lose_power(&mut self) {
        for (path, file) in &mut self.files {
            file.lose(&mut self.chance);
            match &file.safe {
                Some(bytes) => fs::write(path, bytes).unwrap(),
                None => drop(fs::remove_file(path)),
            }
        }
    }

    /// What happens to the step that is about to be done.
    fn step(&mut self, step: Step) -> Option<Fault> {
        if self.dead {
            return Some(Fault::Killed);
        }
        let (left, fault) = self.plan.as_mut().filter(|(_, fault)| fault.fits(step))?;
        if *left > 0 {
            *left -= 1;
            return None;
        }
        let fault = *fault;
        self.plan = None;
        self.dead = matches!(fault, Fault::Killed | Fault::PowerLoss);
        self.power_lost = fault == Fault::PowerLoss;
        match fault {
            Fault::Slow(time) => {
                thread::sleep(time);
                None
            }
            other => Some(other),
        }
    }

    fn note(&mut self, path: &Path, change: Change) {
        self.files.entry(path.to_owned()).or_default().changes.push(change);
    }
}

impl File {
    /// Of what was not synced everything may be there, nothing, a beginning, or any of it; of a write any sector.
    fn lose(&mut self, chance: &mut Chance) {
        let pieces: Vec<_> = self.changes.drain(..).flat_map(Change::pieces).collect();
        let (fate, cut) = (chance.below(4), chance.below(pieces.len() + 1));
        for (number, piece) in pieces.iter().enumerate() {
            let stays = match fate {
                0 => true,
                1 => false,
                2 => number < cut,
                _ => chance.below(2) == 0,
            };
            if stays {
                apply(&mut self.safe, piece);
            }
        }
    }
}

impl Change {
    /// What of it is done as a whole.
    fn pieces(self) -> Vec<Self> {
        let Self::Write { mut at, bytes } = self else { return vec![self] };
        let (mut rest, mut pieces) = (bytes.as_slice(), Vec::new());
        while !rest.is_empty() {
            let (piece, others) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
            pieces.push(Self::Write { at, bytes: piece.to_vec() });
            (at, rest) = (at + piece.len(), others);
        }
        pieces
    }
}

fn apply(file: &mut Option<Vec<u8>>, change: &Change) {
    match change {
        Change::Write { at, bytes } => {
            let file = file.get_or_insert_default();
            file.resize(file.len().max(at + bytes.len()), 0);
            file[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        Change::Cut { len } => file.get_or_insert_default().resize(*len, 0),
        Change::Delete => *file = None,
    }
}

/// Chance that repeats: splitmix64.
#[derive(Debug, Default, Clone, Copy)]
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % limit as u64) as usize
    }
}
