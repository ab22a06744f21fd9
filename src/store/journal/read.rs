//! A segment, read back: one block in memory at a time.

use super::{
    bar::Packer,
    block::{HEADER, Header},
    encoding::checksum,
    entry::{Entry, Read as ReadEntry, Told},
    error::ReadError,
    head::{FORMAT, Head, LONGEST_PREAMBLE, Preamble, parse_preamble},
};
use crate::{engine::Event, market::Timestamp};
use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// Opens a segment: its head, and its entries in their order.
///
/// # Errors
///
/// When its head is not whole, or of a format that this version does not know.
pub fn read(path: &Path) -> Result<(Head, Entries), ReadError> {
    let mut blocks = Blocks::open(path)?;
    let Some(content) = blocks.next()? else { return Err(blocks.torn()) };
    let head = postcard::from_bytes(content).map_err(|_| blocks.damaged(UNREADABLE))?;
    let head = Head { wrote: std::mem::take(&mut blocks.wrote), ..head };
    Ok((
        head,
        Entries { blocks, content: Vec::new(), read: 0, latest: Timestamp(0), packer: Packer::default(), over: false },
    ))
}

/// Where what is whole in a segment ends, and how many bytes follow it that the disk tore; `None` where nothing has to be cut, also where
/// something is damaged: that is evidence, and nothing is ever written behind it.
pub(super) fn torn_tail(path: &Path) -> Result<Option<(u64, u64)>, io::Error> {
    let walked = Blocks::open(path).and_then(|mut blocks| {
        while blocks.next()?.is_some() {}
        Ok(())
    });
    match walked {
        Err(ReadError::Torn { at, left, .. }) => Ok(Some((at, left))),
        Err(ReadError::Io { cause, .. }) => Err(cause),
        Ok(()) | Err(ReadError::Damaged { .. } | ReadError::Format { .. } | ReadError::Foreign { .. }) => Ok(None),
    }
}

const UNREADABLE: &str = "a block has its checksum, but says nothing that is known";

/// The entries of a segment, in their order. The last item is an error where the segment does not end with a whole block.
pub struct Entries {
    blocks: Blocks,
    /// The block under way, and how much of it was read.
    content: Vec<u8>,
    read: usize,
    latest: Timestamp,
    packer: Packer,
    over: bool,
}

impl Iterator for Entries {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let next = self.advance().transpose();
        self.over = !matches!(next, Some(Ok(_)));
        next
    }
}

impl Entries {
    fn advance(&mut self) -> Result<Option<Entry>, ReadError> {
        while self.read == self.content.len() {
            let Some(content) = self.blocks.next()? else { return Ok(None) };
            self.content.clear();
            self.content.extend_from_slice(content);
            (self.read, self.latest) = (0, Timestamp(0));
            self.packer.clear();
        }
        let (entry, rest) = postcard::take_from_bytes::<ReadEntry>(&self.content[self.read..])
            .map_err(|_| self.blocks.damaged(UNREADABLE))?;
        self.read = self.content.len() - rest.len();
        self.latest = Timestamp(self.latest.0.wrapping_add(entry.after_ms));
        let event = match entry.told {
            Told::Event(event) => Some(event),
            Told::Bar(packed) => self.packer.unpack(self.latest, &packed).map(Event::Price),
        };
        let event = event.ok_or_else(|| self.blocks.damaged(UNREADABLE))?;
        Ok(Some(Entry { at: self.latest, event, outcome: entry.outcome }))
    }
}

/// The blocks of a file that are whole.
struct Blocks {
    path: PathBuf,
    file: BufReader<File>,
    /// The version that wrote it.
    wrote: String,
    /// Where the block under way begins, and where the next one will.
    began: u64,
    at: u64,
    /// The file's length when it was opened.
    len: u64,
    number: u32,
    content: Vec<u8>,
}

impl Blocks {
    fn open(path: &Path) -> Result<Self, ReadError> {
        let io = |cause| ReadError::Io { path: path.to_owned(), cause };
        let mut file = File::open(path).map_err(io)?;
        let len = file.metadata().map_err(io)?.len();
        let mut start = Vec::new();
        file.by_ref().take(LONGEST_PREAMBLE as u64).read_to_end(&mut start).map_err(io)?;
        let path = path.to_owned();
        let (format, wrote, at) = match parse_preamble(&start) {
            Preamble::Whole { format, wrote, len } => (format, wrote, len as u64),
            Preamble::Short => return Err(ReadError::Torn { path, at: 0, left: len }),
            Preamble::Damaged => {
                return Err(ReadError::Damaged { path, at: 0, left: len, what: "the first bytes are not as written" });
            }
            Preamble::Foreign => return Err(ReadError::Foreign { path }),
        };
        if format != FORMAT {
            return Err(ReadError::Format { path, format, wrote });
        }
        file.seek(SeekFrom::Start(at)).map_err(|cause| ReadError::Io { path: path.clone(), cause })?;
        let file = BufReader::new(file);
        Ok(Self { path, file, wrote, began: at, at, len, number: 0, content: Vec::new() })
    }

    /// The content of the next block; `None` at the end.
    fn next(&mut self) -> Result<Option<&[u8]>, ReadError> {
        (self.began, self.content) = (self.at, std::mem::take(&mut self.content));
        if self.at == self.len && self.number > 0 {
            return Ok(None);
        }
        if self.len - self.at < HEADER as u64 {
            return Err(self.torn());
        }
        let mut header = [0; HEADER];
        self.fill(&mut header)?;
        let Some(header) = Header::parse(&header) else { return Err(self.bad_header(&header)) };
        let end = self.at + HEADER as u64 + u64::from(header.len);
        if end > self.len {
            return Err(self.torn());
        }
        if header.number != self.number {
            return Err(self.damaged("a block is missing"));
        }
        let mut content = std::mem::take(&mut self.content);
        content.resize(header.len as usize, 0);
        self.fill(&mut content)?;
        self.content = content;
        if checksum(&self.content) != header.checksum {
            return Err(self.damaged("a block is not as written"));
        }
        (self.at, self.number) = (end, self.number + 1);
        Ok(Some(&self.content))
    }

    /// A file system may have made the file longer without what belongs there: then all that follows is 0.
    fn bad_header(&mut self, header: &[u8]) -> ReadError {
        let mut rest = header.to_vec();
        match self.file.read_to_end(&mut rest) {
            Err(cause) => ReadError::Io { path: self.path.clone(), cause },
            Ok(_) if rest.iter().all(|byte| *byte == 0) => self.torn(),
            Ok(_) => self.damaged("a block's first bytes are not as written"),
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ReadError> {
        self.file.read_exact(bytes).map_err(|cause| ReadError::Io { path: self.path.clone(), cause })
    }

    /// Without its head nothing of a segment is whole.
    fn torn(&self) -> ReadError {
        let at = if self.number == 0 { 0 } else { self.began };
        ReadError::Torn { path: self.path.clone(), at, left: self.len - at }
    }

    fn damaged(&self, what: &'static str) -> ReadError {
        ReadError::Damaged { path: self.path.clone(), at: self.began, left: self.len - self.began, what }
    }
}
