//! What a segment begins with.

use super::{
    block,
    encoding::{checksum, encode},
};
use crate::{
    engine::Settings,
    simulation::matching,
    trader::{Picture, Trader},
};
use serde::{Deserialize, Serialize};

/// Counts up with every change of what a segment holds; also where only a type changes that events, actions or state are made of.
pub const FORMAT: u16 = 7;
/// The program that writes.
const VERSION: &str = env!("SMOLBEAR_VERSION");
const MAGIC: &[u8; 8] = b"smolbear";
/// Magic, format, and the length of the version's text, which follows; then the checksum of all that.
const FIXED: usize = MAGIC.len() + 2 + 1;
const CHECKSUM: usize = 4;
/// The most bytes of a preamble.
pub(super) const LONGEST_PREAMBLE: usize = FIXED + u8::MAX as usize + CHECKSUM;

/// What a segment begins with: all that is needed to run it again.
///
/// The picture holds the indicators too, which the money store never does: a restart gets them from the candles, but a segment must run
/// years later and on another machine, where nobody has the candles of the weeks before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The program that wrote it; it stands in the preamble, where every version can read it.
    #[serde(skip)]
    pub wrote: String,
    /// Wall clock, milliseconds since 1970.
    pub begun_ms: i64,
    /// Whether the segment before it ended in the state that this one begins with: it is no start of a run.
    pub continues: bool,
    /// The engine's numbers.
    pub engine: Settings,
    /// The venue's numbers; `None` where it was an exchange, whose words are among the events.
    pub venue: Option<matching::Settings>,
    /// The trader's whole state.
    pub picture: Picture,
}

impl Head {
    /// Where a trader stands.
    #[must_use]
    pub fn of(trader: &Trader, begun_ms: i64, continues: bool) -> Self {
        Self {
            wrote: VERSION.to_owned(),
            begun_ms,
            continues,
            engine: trader.engine().settings_from_here(),
            venue: trader.venue().matching().map(|matching| matching.settings().clone()),
            picture: trader.picture(),
        }
    }

    /// Whether this version of the program wrote it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.wrote == VERSION
    }

    /// The trader as it stood.
    #[must_use]
    pub fn trader(self) -> Trader {
        Trader::from_picture(self.engine, self.venue, self.picture)
    }

    /// A segment's first bytes: the preamble, and the head as block 0.
    #[must_use]
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut block = Vec::new();
        block::begin(&mut block);
        encode(self, &mut block);
        block::seal(&mut block, 0);
        let mut bytes = preamble(FORMAT, &self.wrote);
        bytes.append(&mut block);
        bytes
    }
}

/// The part of a segment that stays as it is in every format, so that a version that cannot read the rest can say which one can.
pub(super) fn preamble(format: u16, wrote: &str) -> Vec<u8> {
    let wrote = &wrote.as_bytes()[..wrote.len().min(u8::MAX.into())];
    let mut bytes = MAGIC.to_vec();
    bytes.extend(format.to_le_bytes());
    bytes.push(wrote.len() as u8);
    bytes.extend(wrote);
    bytes.extend(checksum(&bytes).to_le_bytes());
    bytes
}

/// A preamble, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Preamble {
    /// What it says, and how long it is.
    Whole { format: u16, wrote: String, len: usize },
    /// The file ends within it.
    Short,
    /// It is not what was written.
    Damaged,
    /// It never was one.
    Foreign,
}

/// Reads the preamble at the beginning of a file of which `bytes` are the first [`LONGEST_PREAMBLE`], or all.
pub(super) fn parse_preamble(bytes: &[u8]) -> Preamble {
    let magic = bytes.len().min(MAGIC.len());
    let zeros = bytes.iter().all(|byte| *byte == 0);
    if bytes[..magic] != MAGIC[..magic] && !zeros {
        return Preamble::Foreign;
    }
    let Some(fixed) = bytes.get(..FIXED).filter(|_| !zeros) else { return Preamble::Short };
    let end = FIXED + usize::from(fixed[FIXED - 1]);
    let Some(check) = bytes.get(end..end + CHECKSUM) else { return Preamble::Short };
    if check != checksum(&bytes[..end]).to_le_bytes() {
        return Preamble::Damaged;
    }
    let format = u16::from_le_bytes([fixed[MAGIC.len()], fixed[MAGIC.len() + 1]]);
    let wrote = String::from_utf8_lossy(&bytes[FIXED..end]).into_owned();
    Preamble::Whole { format, wrote, len: end + CHECKSUM }
}
