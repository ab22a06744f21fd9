//! Names of markets.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A USDT-margined perpetual in unified naming, such as `BTC/USDT:USDT`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Symbol(String);

/// A symbol's place in the configured list. Events and orders carry this small number instead of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SymbolId(pub u16);

impl SymbolId {
    /// As an index into a list that has one element a symbol.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The text names no USDT-margined perpetual.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no symbol; write it like BTC/USDT:USDT or BTCUSDT (letters and digits, margined in USDT)")]
pub struct SymbolError(pub String);

/// The longest base name accepted; the longest in use has 11 characters.
const LONGEST_BASE: usize = 20;

impl Symbol {
    /// The unified name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The base coin, `BTC` of `BTC/USDT:USDT`.
    #[must_use]
    pub fn base(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The name as Binance writes it, `BTCUSDT`.
    #[must_use]
    pub fn joined(&self) -> String {
        format!("{}USDT", self.base())
    }
}

impl FromStr for Symbol {
    type Err = SymbolError;

    /// Takes `BTC/USDT:USDT`, `BTC/USDT` and `BTCUSDT`, in any case.
    fn from_str(text: &str) -> Result<Self, SymbolError> {
        let upper = text.trim().to_ascii_uppercase();
        let short = upper.strip_suffix(":USDT").unwrap_or(&upper);
        let base = short.strip_suffix("/USDT").or_else(|| short.strip_suffix("USDT"));
        match base {
            Some(base)
                if (1..=LONGEST_BASE).contains(&base.len()) && base.bytes().all(|b| b.is_ascii_alphanumeric()) =>
            {
                Ok(Self(format!("{base}/USDT:USDT")))
            }
            _ => Err(SymbolError(text.to_owned())),
        }
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_spellings_are_one_symbol() {
        for text in ["BTC/USDT:USDT", "BTC/USDT", "BTCUSDT", "btcusdt", " btc/usdt "] {
            assert_eq!(text.parse::<Symbol>().unwrap().as_str(), "BTC/USDT:USDT", "{text}");
        }
        for text in ["", "USDT", "BTC", "BTC/USD", "BTC/EUR:EUR", "B T/USDT", "ÄUSDT", "../USDT"] {
            assert!(text.parse::<Symbol>().is_err(), "{text}");
        }
        assert_eq!("1000PEPEUSDT".parse::<Symbol>().unwrap().joined(), "1000PEPEUSDT");
    }
}
