//! Bytes to the body of a request.

use super::head::{Framing, Refusal};
use httparse::Status;

/// The longest line that says how long a chunk is.
const SIZE_LINE: usize = 256;
/// What may follow the last chunk, which nobody reads.
const TRAILERS: usize = 1024;
/// Chunks may be so much longer on the wire than what they hold.
const OVERHEAD: usize = 8;

const TOO_LARGE: Refusal = Refusal { status: 413, why: "the body is too large" };

/// A body that comes in pieces.
#[derive(Debug)]
pub struct Payload {
    body: Vec<u8>,
    most: usize,
    /// Bytes that came, with all that delimits chunks.
    taken: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many bytes are to come of a body of known length.
    Whole(usize),
    /// A line that says how long the chunk is.
    Size,
    /// So many bytes are to come of a chunk.
    Chunk(usize),
    /// The end of its line.
    ChunkEnd,
    /// Lines that nobody reads, up to an empty one; so many bytes of them were taken.
    Trailer(usize),
    Done,
}

impl Payload {
    /// A body of which nothing has come.
    ///
    /// # Errors
    /// It says that it will be longer than `most`.
    pub fn new(framing: Framing, most: usize) -> Result<Self, Refusal> {
        let state = match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(length) if length > most => return Err(TOO_LARGE),
            Framing::Length(length) => State::Whole(length),
            Framing::Chunked => State::Size,
        };
        Ok(Self { body: Vec::new(), most, taken: 0, state })
    }

    /// Whether it is whole.
    pub fn is_whole(&self) -> bool {
        self.state == State::Done
    }

    /// The body so far.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// Takes what belongs to it from the beginning of `bytes`, and says how much that was.
    ///
    /// # Errors
    /// It is longer than it may be, or its chunks are none.
    pub fn take(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        let mut at = 0;
        while let Some(taken) = self.step(&bytes[at..])? {
            at += taken;
            self.taken += taken;
            if self.taken > self.most.saturating_mul(OVERHEAD).saturating_add(TRAILERS) {
                return Err(TOO_LARGE);
            }
        }
        Ok(at)
    }

    /// One step; `None` where nothing can be done with these bytes yet, or ever.
    fn step(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        match self.state {
            State::Done => Ok(None),
            State::Whole(left) => Ok(self.copy(bytes, left, State::Whole, State::Done)),
            State::Chunk(left) => Ok(self.copy(bytes, left, State::Chunk, State::ChunkEnd)),
            State::Size => self.size(bytes),
            State::ChunkEnd => match bytes {
                [b'\r', b'\n', ..] => {
                    self.state = State::Size;
                    Ok(Some(2))
                }
                [] | [b'\r'] => Ok(None),
                _ => Err(Refusal::bad("a chunk is longer than it said")),
            },
            State::Trailer(before) => self.trailer(bytes, before),
        }
    }

    fn copy(&mut self, bytes: &[u8], left: usize, more: fn(usize) -> State, end: State) -> Option<usize> {
        let taken = left.min(bytes.len());
        self.body.extend_from_slice(&bytes[..taken]);
        self.state = if taken == left { end } else { more(left - taken) };
        (taken > 0).then_some(taken)
    }

    fn size(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        match httparse::parse_chunk_size(bytes) {
            Ok(Status::Partial) if bytes.len() < SIZE_LINE => Ok(None),
            Ok(Status::Partial) | Err(_) => Err(Refusal::bad("a chunk does not say how long it is")),
            Ok(Status::Complete((line, size))) => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                if size > self.most - self.body.len() {
                    return Err(TOO_LARGE);
                }
                self.state = if size == 0 { State::Trailer(0) } else { State::Chunk(size) };
                Ok(Some(line))
            }
        }
    }

    fn trailer(&mut self, bytes: &[u8], before: usize) -> Result<Option<usize>, Refusal> {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            let fits = before + bytes.len() <= TRAILERS;
            return if fits { Ok(None) } else { Err(Refusal { status: 431, why: "too much after the last chunk" }) };
        };
        let line = end + 1;
        let empty = matches!(&bytes[..line], b"\n" | b"\r\n");
        if before + line > TRAILERS {
            return Err(Refusal { status: 431, why: "too much after the last chunk" });
        }
        self.state = if empty { State::Done } else { State::Trailer(before + line) };
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The body of `wire`, come in pieces of `piece` bytes, and what is left behind it.
    fn read(framing: Framing, wire: &[u8], most: usize, piece: usize) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
        let mut payload = Payload::new(framing, most)?;
        let mut buffer = Vec::new();
        for bytes in wire.chunks(piece) {
            buffer.extend_from_slice(bytes);
            let taken = payload.take(&buffer)?;
            buffer.drain(..taken);
        }
        assert!(payload.is_whole());
        Ok((payload.into_body(), buffer))
    }

    #[test]
    fn chunks_are_put_together_however_they_come() {
        let wire = b"5;name=value\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nGET";
        for piece in 1..wire.len() {
            let (body, rest) = read(Framing::Chunked, wire, 100, piece).unwrap();
            assert_eq!((body.as_slice(), rest.as_slice()), (&b"hello 0123456789"[..], &b"GET"[..]), "{piece}");
        }
        assert_eq!(read(Framing::Length(3), b"abcde", 3, 2).unwrap(), (b"abc".to_vec(), b"de".to_vec()));
    }

    #[test]
    fn what_is_too_long_or_no_chunk_is_refused() {
        let long = format!("{}\r\n", "1".repeat(300));
        let trailers = format!("0\r\n{}", "a: b\r\n".repeat(200));
        let endless = format!("0\r\n{}", "a".repeat(2000));
        for (wire, status) in [
            ("5\r\nhelloX", 400),
            ("x\r\n", 400),
            ("-1\r\n", 400),
            (&long, 400),
            ("B\r\n", 413),
            ("6\r\nabcdef\r\n6\r\n", 413),
            ("ffffffffffffffff\r\n", 413),
            (&trailers, 431),
            (&endless, 431),
        ] {
            let refusal = read(Framing::Chunked, wire.as_bytes(), 10, 7).unwrap_err();
            assert_eq!(refusal.status, status, "{wire}: {refusal:?}");
        }
        assert_eq!(Payload::new(Framing::Length(11), 10).unwrap_err(), TOO_LARGE);
        let crumbs = "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n".repeat(100);
        assert_eq!(read(Framing::Chunked, crumbs.as_bytes(), 100, 64).unwrap_err(), TOO_LARGE, "little in much");
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm_and_none_is_kept_beyond_the_limit(bytes in proptest::collection::vec(any::<u8>(), 0..600), piece in 1usize..40) {
            let mut payload = Payload::new(Framing::Chunked, 50).unwrap();
            let mut buffer = Vec::new();
            for part in bytes.chunks(piece) {
                buffer.extend_from_slice(part);
                let Ok(taken) = payload.take(&buffer) else { return Ok(()) };
                prop_assert!(taken <= buffer.len());
                buffer.drain(..taken);
                prop_assert!(payload.body.len() <= 50);
                prop_assert!(payload.is_whole() || buffer.len() <= TRAILERS + piece);
            }
        }

        #[test]
        fn what_is_sent_in_chunks_is_what_is_read(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..30), 0..8), piece in 1usize..50) {
            let mut wire = Vec::new();
            for part in &parts {
                wire.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                wire.extend_from_slice(part);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\n");
            let (body, rest) = read(Framing::Chunked, &wire, 1000, piece).unwrap();
            prop_assert_eq!(body, parts.concat());
            prop_assert!(rest.is_empty());
        }
    }
}
