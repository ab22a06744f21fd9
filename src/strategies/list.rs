//! Signals that somebody else made, as a list.

use crate::market::{Side, Symbol, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// The signals of a file. A clone shares them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct List {
    /// The file, as it was named.
    pub file: String,
    /// The symbols that it names, each with the line that names it first.
    symbols: Vec<(Symbol, u32)>,
    /// By symbol, and by time within each.
    #[serde(with = "shared")]
    rows: Arc<Vec<Row>>,
}

/// One signal, in 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// When it was raised.
    pub at: Timestamp,
    /// Its symbol's place among those of the list.
    pub symbol: u16,
    /// Long or short.
    pub side: Side,
    /// Where its stop is.
    pub stop: Level,
    /// Where its target is.
    pub target: Level,
}

/// Where a stop or a target is: at a price, so many percent of the price away, or where the rule of `[[strategy]]` puts it.
///
/// One number: above 0 a price, below 0 percent, 0 the rule.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Level(f64);

impl Level {
    /// Where the rule puts it.
    pub const RULE: Self = Self(0.0);

    /// At a price, above 0.
    #[must_use]
    pub const fn price(price: f64) -> Self {
        Self(price)
    }

    /// So many percent away, above 0.
    #[must_use]
    pub const fn percent(percent: f64) -> Self {
        Self(-percent)
    }

    /// Whether the rule puts it.
    #[must_use]
    pub const fn is_rule(self) -> bool {
        self.0 == 0.0
    }

    /// The price, where it is one.
    #[must_use]
    pub fn as_price(self) -> Option<f64> {
        (self.0 > 0.0).then_some(self.0)
    }

    /// The percentage, where it is one.
    #[must_use]
    pub fn as_percent(self) -> Option<f64> {
        (self.0 < 0.0).then_some(-self.0)
    }
}

impl List {
    /// A list of rows whose symbols are numbered by their place in `symbols`, in any order.
    #[must_use]
    pub fn new(file: String, symbols: Vec<(Symbol, u32)>, mut rows: Vec<Row>) -> Self {
        rows.sort_unstable_by_key(|row| (row.symbol, row.at));
        rows.shrink_to_fit();
        Self { file, symbols, rows: Arc::new(rows) }
    }

    /// The symbols that it names, each with the line that names it first.
    #[must_use]
    pub fn symbols(&self) -> &[(Symbol, u32)] {
        &self.symbols
    }

    /// Every row, by symbol and by time within each.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Where the rows of a symbol are.
    pub(super) fn span(&self, symbol: &Symbol) -> std::ops::Range<usize> {
        let Some(place) = self.symbols.iter().position(|(own, _)| own == symbol) else { return 0..0 };
        let place = place as u16;
        self.rows.partition_point(|row| row.symbol < place)..self.rows.partition_point(|row| row.symbol <= place)
    }

    /// Lets go of every row up to `at`.
    pub fn forget_until(&mut self, at: Timestamp) {
        if self.rows.iter().any(|row| row.at <= at) {
            self.rows = Arc::new(self.rows.iter().filter(|row| row.at > at).copied().collect());
        }
    }
}

/// The rows as a plain list.
mod shared {
    use super::{Arc, Deserialize, Deserializer, Row, Serialize, Serializer};

    pub fn serialize<S: Serializer>(rows: &Arc<Vec<Row>>, to: S) -> Result<S::Ok, S::Error> {
        rows.as_slice().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Vec<Row>>, D::Error> {
        Vec::deserialize(from).map(Arc::new)
    }
}
