//! A value as the user gave it: the text of a flag or variable, or a typed value of TOML.

use std::fmt;
use toml::de::DeValue;

/// Characters of a value that a message repeats, at most.
const SHOWN: usize = 60;

/// A value before it is checked.
#[derive(Debug, Clone, Copy)]
pub enum Given<'a> {
    /// Of a flag or a variable. It has no type, so it may be a number, a word or a list with commas.
    Text(&'a str),
    /// Of the file.
    Toml(&'a DeValue<'a>),
}

impl<'a> Given<'a> {
    /// The text of a decimal number; still to be parsed.
    pub fn number(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text.trim()),
            Self::Toml(DeValue::Integer(number)) if number.radix() == 10 => Some(number.as_str()),
            Self::Toml(DeValue::Float(number)) => Some(number.as_str()),
            Self::Toml(_) => None,
        }
    }

    /// A text.
    pub fn word(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text.trim()),
            Self::Toml(value) => value.as_str(),
        }
    }

    /// Yes or no.
    pub fn truth(&self) -> Option<bool> {
        match self {
            Self::Text(text) => text.trim().parse().ok(),
            Self::Toml(value) => value.as_bool(),
        }
    }

    /// The elements of a list.
    pub fn list(&self) -> Option<Vec<Self>> {
        match self {
            Self::Text(text) => Some(text.split(',').map(Given::Text).collect()),
            Self::Toml(value) => Some(value.as_array()?.iter().map(|item| Given::Toml(item.get_ref())).collect()),
        }
    }

    /// The entries of a table.
    pub fn entries(&self) -> Option<Vec<(&'a str, Self)>> {
        match self {
            Self::Text(_) => None,
            Self::Toml(value) => {
                let entries = value.as_table()?.iter();
                Some(entries.map(|(key, value)| (key.get_ref().as_ref(), Given::Toml(value.get_ref()))).collect())
            }
        }
    }
}

impl fmt::Display for Given<'_> {
    /// For messages: on one line, of bounded length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text("") => f.write_str("empty"),
            Self::Text(text) => quote(text, f),
            Self::Toml(DeValue::String(text)) => quote(text, f),
            Self::Toml(DeValue::Integer(number)) => write!(f, "{number:.SHOWN$}"),
            Self::Toml(DeValue::Float(number)) => write!(f, "{number:.SHOWN$}"),
            Self::Toml(DeValue::Boolean(value)) => write!(f, "{value}"),
            Self::Toml(DeValue::Datetime(_)) => f.write_str("a date"),
            Self::Toml(DeValue::Array(_)) => f.write_str("a list"),
            Self::Toml(DeValue::Table(_)) => f.write_str("a table"),
        }
    }
}

fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => write!(f, "{:?}…", &text[..end]),
        None => write!(f, "{text:?}"),
    }
}
