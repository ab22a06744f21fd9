//! How lines leave: one write of at most 4,096 bytes each, only when it can't block.
//!
//! A pipe that `poll` calls writable has room for 4,096 bytes, yet another writer or a Ctrl-S may come in between. So a pipe or terminal is
//! opened a second time, without blocking (the flag on the stream itself would be on the shell's and every other program's too), and a
//! socket is sent to without waiting. Only where that fails (a terminal of another user, no `/proc`) `poll` alone must do.

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, Mode, OFlags, fstat, open},
    io::{Errno, write},
    net::{SendFlags, send},
    termios::isatty,
};
use std::{
    fmt,
    io::ErrorKind::{BrokenPipe, StorageFull, WouldBlock},
    os::fd::{AsRawFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicU64, Ordering::Relaxed},
    },
};

/// The most that is written of a line, with its newline: what a pipe takes whole or not at all.
pub const MAX_LINE: usize = 4_096;
/// How long a reader that has kept up so far is waited for, so that a burst doesn't outrun a slow terminal. One that has stopped isn't.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };
const ELLIPSIS: &[u8] = "…".as_bytes();

/// Makes the line that says how many were lost.
pub type LostLine = Box<dyn Fn(u64) -> String + Send>;

/// The counters of an outlet, for who watches it from elsewhere.
#[derive(Debug, Default)]
pub struct Tally {
    name: &'static str,
    lost: AtomicU64,
    /// The error of the last write; 0 for none.
    errno: AtomicI32,
}

impl Tally {
    /// Lines lost since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// What is wrong now, with the lines lost so far.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let (name, errno) = (self.name, self.errno.load(Relaxed));
        let what = match std::io::Error::from_raw_os_error(errno) {
            _ if errno == 0 => return None,
            error if error.kind() == WouldBlock => format!("nobody reads {name}"),
            error if error.kind() == BrokenPipe => format!("{name} is closed"),
            error if error.kind() == StorageFull => format!("{name} has no space left"),
            error => format!("{name}: {error}"),
        };
        let lost = self.lost();
        Some(format!("{what}, {lost} line{} lost", if lost == 1 { "" } else { "s" }))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// An open file description of our own that doesn't block.
    Own,
    /// A socket, sent to without waiting.
    Socket,
    /// The description that other programs share: `poll`, then `write`.
    Shared,
}

/// Where lines leave the program.
pub struct Outlet {
    fd: OwnedFd,
    way: Way,
    /// What is still to be written of a line that has been begun.
    rest: Vec<u8>,
    /// Lines lost that the reader hasn't been told of.
    unsaid: u64,
    lost_line: LostLine,
    tally: Arc<Tally>,
    /// Where it is said, once, that this outlet doesn't work.
    aside: Option<Box<Outlet>>,
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").field("way", &self.way).field("tally", &self.tally).finish_non_exhaustive()
    }
}

impl Outlet {
    /// An outlet into `fd`, called `name` in messages.
    #[must_use]
    pub fn new(name: &'static str, fd: OwnedFd, lost_line: LostLine) -> Self {
        let (fd, way) = way_without_blocking(fd);
        let tally = Arc::new(Tally { name, ..Tally::default() });
        Self { fd, way, rest: Vec::with_capacity(MAX_LINE), unsaid: 0, lost_line, tally, aside: None }
    }

    /// The same, with another outlet where it is said once that this one doesn't work.
    #[must_use]
    pub fn with_aside(self, aside: Option<Self>) -> Self {
        Self { aside: aside.map(Box::new), ..self }
    }

    /// The counters.
    #[must_use]
    pub fn tally(&self) -> Arc<Tally> {
        self.tally.clone()
    }

    /// Writes a line (given without its newline), or counts it as lost.
    pub fn line(&mut self, line: &[u8]) {
        match self.say_lost().and_then(|()| self.put(line)) {
            Ok(()) => self.tally.errno.store(0, Relaxed),
            Err(error) => self.lose(error),
        }
    }

    fn say_lost(&mut self) -> Result<(), Errno> {
        if self.unsaid > 0 {
            self.put((self.lost_line)(self.unsaid).as_bytes())?;
            self.unsaid = 0;
        }
        Ok(())
    }

    fn lose(&mut self, error: Errno) {
        self.unsaid += 1;
        self.tally.lost.fetch_add(1, Relaxed);
        self.tally.errno.store(error.raw_os_error(), Relaxed);
        // A reader that only pauses will read it here.
        if error != Errno::AGAIN
            && let (Some(mut aside), Some(trouble)) = (self.aside.take(), self.tally.trouble())
        {
            aside.line(format!("The log is cut off: {trouble}. The bot goes on without it").as_bytes());
        }
    }

    fn put(&mut self, line: &[u8]) -> Result<(), Errno> {
        self.drain()?;
        cut_into(&mut self.rest, line);
        let whole = self.rest.len();
        match self.drain() {
            Err(error) if self.rest.len() == whole => {
                self.rest.clear();
                Err(error)
            }
            // A line that has been begun will be finished before the next.
            _ => Ok(()),
        }
    }

    fn drain(&mut self) -> Result<(), Errno> {
        while !self.rest.is_empty() {
            match self.write_some() {
                Ok(0) => return Err(Errno::AGAIN),
                Ok(written) => drop(self.rest.drain(..written)),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn write_some(&self) -> Result<usize, Errno> {
        self.writable()?;
        match self.way {
            Way::Own | Way::Shared => write(&self.fd, &self.rest),
            Way::Socket => send(&self.fd, &self.rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL),
        }
    }

    /// Also where the other end is closed, so that the write says so.
    fn writable(&self) -> Result<(), Errno> {
        let keeps_up = self.tally.errno.load(Relaxed) == 0;
        let patience = if keeps_up { PATIENCE } else { Timespec::default() };
        match poll(&mut [PollFd::new(&self.fd, PollFlags::OUT)], Some(&patience))? {
            0 => Err(Errno::AGAIN),
            _ => Ok(()),
        }
    }
}

fn way_without_blocking(fd: OwnedFd) -> (OwnedFd, Way) {
    let kind = fstat(&fd).map(|stat| FileType::from_raw_mode(stat.st_mode));
    match kind {
        Ok(FileType::Socket) => (fd, Way::Socket),
        Ok(FileType::Fifo) => reopen(fd),
        Ok(FileType::CharacterDevice) if isatty(&fd) => reopen(fd),
        // A regular file has no reader to wait for, and its description holds the place and O_APPEND.
        _ => (fd, Way::Shared),
    }
}

fn reopen(fd: OwnedFd) -> (OwnedFd, Way) {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).map_or((fd, Way::Shared), |own| (own, Way::Own))
}

/// Adds the line and its newline, cut at a character's end to what is allowed.
fn cut_into(out: &mut Vec<u8>, line: &[u8]) {
    let most = MAX_LINE - 1;
    if line.len() <= most {
        out.extend_from_slice(line);
    } else {
        let begins = |at: &usize| line[*at] & 0b1100_0000 != 0b1000_0000;
        let end = (0..=most - ELLIPSIS.len()).rev().find(begins).unwrap_or(0);
        out.extend_from_slice(&line[..end]);
        out.extend_from_slice(ELLIPSIS);
    }
    out.push(b'\n');
}

#[cfg(test)]
#[path = "outlet_tests.rs"]
mod tests;
