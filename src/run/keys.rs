//! The keys of an exchange: from the environment, from systemd, or from a file that only its owner can read.
//!
//! No word of an error has a letter of them. From the first look on the process leaves no core file, and another of the same user cannot
//! read its memory.

use crate::{config::Lookup, exchange::private::Keys};
use rustix::process::{DumpableBehavior, geteuid, set_dumpable_behavior};
use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Where the exchange's key and its secret are: variables, lines of the file, and, in small letters, systemd's credentials.
pub const NAMES: [&str; 2] = ["BINANCE_API_KEY", "BINANCE_API_SECRET"];
/// Bytes of a file with keys, at most.
const MOST_BYTES: u64 = 4096;
/// Letters of a key or a secret.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=256;

/// Why there are no keys (exit code 2).
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Nobody has named any.
    #[error(
        "no keys: set {} and {}, let systemd bring them (LoadCredential={}:FILE and {}:FILE), or name a file that only you can read with \
         key_file under [live]",
        NAMES[0], NAMES[1], credential(NAMES[0]), credential(NAMES[1])
    )]
    Nowhere,
    /// One of the two is missing.
    #[error("{place} has a {has} and no {lacks}; both are needed")]
    Half {
        /// Where.
        place: String,
        /// What is there.
        has: &'static str,
        /// What is not.
        lacks: &'static str,
    },
    /// It can't be a key.
    #[error("{name} of {place} can't be a key: it must have {} to {} letters and digits without blanks", LENGTH.start(), LENGTH.end())]
    NoKey {
        /// Where.
        place: String,
        /// Which.
        name: &'static str,
    },
    /// The file can't be read.
    #[error("the file of keys {} can't be read: {cause}", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// A line is neither a key nor a remark.
    #[error("{}:{line}: must be {}=… or {}=…", .file.display(), NAMES[0], NAMES[1])]
    Line {
        /// Which.
        file: PathBuf,
        /// From 1.
        line: usize,
    },
    /// Others can read it.
    #[error("others can read the file of keys {0} (mode {mode:04o}): chmod 600 {0}", .file.display())]
    Open {
        /// Which.
        file: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is another's.
    #[error("the file of keys {} belongs to another user; it must be yours: chown it, and chmod 600", .0.display())]
    Foreign(PathBuf),
}

fn credential(name: &str) -> String {
    name.to_lowercase()
}

/// The keys. Variables go before systemd's credentials, and these before the file.
///
/// # Errors
///
/// There are none, they can't be keys, or others can read the file.
pub fn find(file: Option<&Path>, env: &Lookup) -> Result<Keys, KeyError> {
    guard();
    if let Some(keys) = both("the environment", NAMES.map(env))? {
        return Ok(keys);
    }
    if let Some(folder) = env("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty()) {
        let read = |name| credential_of(&Path::new(&folder).join(credential(name)));
        let [key, secret] = NAMES.map(read);
        if let Some(keys) = both("$CREDENTIALS_DIRECTORY", [key?, secret?])? {
            return Ok(keys);
        }
    }
    file.map_or(Err(KeyError::Nowhere), of_file)
}

/// No core file, and no look into our memory. A system that can't do it is no reason to stop.
fn guard() {
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// The keys of a place, which has both or none.
fn both(place: &str, [key, secret]: [Option<String>; 2]) -> Result<Option<Keys>, KeyError> {
    let half = |has, lacks| Err(KeyError::Half { place: place.to_owned(), has, lacks });
    let (key, secret) = match (key, secret) {
        (None, None) => return Ok(None),
        (Some(_), None) => return half(NAMES[0], NAMES[1]),
        (None, Some(_)) => return half(NAMES[1], NAMES[0]),
        (Some(key), Some(secret)) => (key, secret),
    };
    let trimmed = |name, text: &str| {
        let text = text.trim();
        let fits = LENGTH.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(text.to_owned()) } else { Err(KeyError::NoKey { place: place.to_owned(), name }) }
    };
    Ok(Some(Keys::new(trimmed(NAMES[0], &key)?, &trimmed(NAMES[1], &secret)?)))
}

/// One of systemd's credentials, which only the service can read; `None` where there is none of this name.
fn credential_of(file: &Path) -> Result<Option<String>, KeyError> {
    match File::open(file).and_then(text_of) {
        Ok(text) => Ok(Some(text)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(KeyError::Unreadable { file: file.to_owned(), cause }),
    }
}

fn of_file(path: &Path) -> Result<Keys, KeyError> {
    let unreadable = |cause| KeyError::Unreadable { file: path.to_owned(), cause };
    let opened = File::open(path).map_err(unreadable)?;
    let about = opened.metadata().map_err(unreadable)?; // of what is read, whatever the name means by now
    if !about.is_file() {
        return Err(unreadable(io::Error::other("it is no file")));
    }
    let mode = about.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Open { file: path.to_owned(), mode });
    }
    if ![0, geteuid().as_raw()].contains(&about.uid()) {
        return Err(KeyError::Foreign(path.to_owned()));
    }
    let text = text_of(opened).map_err(unreadable)?;
    let mut found = [None, None];
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let pair = line.split_once('=').and_then(|(name, value)| {
            let place = NAMES.iter().position(|known| *known == name.trim())?;
            Some((place, value.trim().trim_matches('"')))
        });
        match pair {
            Some((place, value)) if found[place].is_none() => found[place] = Some(value.to_owned()),
            Some(_) | None => return Err(KeyError::Line { file: path.to_owned(), line: number }),
        }
    }
    both(&path.display().to_string(), found)?.ok_or_else(|| unreadable(io::Error::other("it holds no key")))
}

fn text_of(file: File) -> io::Result<String> {
    let mut text = String::new();
    let bytes = file.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if bytes as u64 > MOST_BYTES {
        Err(io::Error::other(format!("it has more than {MOST_BYTES} bytes")))
    } else {
        Ok(text)
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
