//! What the exchange has written down, and an observer who reads it: he knows nothing of the bot but its key.

use super::Played;
use serde_json::Value;
use std::fmt::Write;

/// When the exchange opens: 2025-01-01.
pub const OPENS: i64 = 1_735_689_600_000;

/// What happened, and what was asked.
#[derive(Debug)]
pub struct Record {
    pub entries: Vec<Value>,
    pub requests: Vec<Value>,
}

/// One of both.
#[derive(Debug, Clone, Copy)]
pub enum Row<'a> {
    Entry(&'a Value),
    Request(&'a Value),
}

pub fn number(value: &Value) -> f64 {
    value.as_str().map_or_else(|| value.as_f64().unwrap(), |text| text.parse().unwrap())
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn time(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

fn all(exchange: &Played, what: &str) -> Vec<Value> {
    let mut rows: Vec<Value> = Vec::new();
    loop {
        let body = exchange.get(&format!("/played/{what}?from={}", rows.len()));
        let more: Vec<Value> = serde_json::from_str(&body).unwrap();
        if more.is_empty() {
            return rows;
        }
        rows.extend(more);
    }
}

impl Record {
    pub fn read(exchange: &Played) -> Self {
        Self { entries: all(exchange, "record"), requests: all(exchange, "requests") }
    }

    pub fn of<'a>(&'a self, what: &'a str) -> impl Iterator<Item = &'a Value> {
        self.entries.iter().filter(move |row| row["what"] == what)
    }

    /// Both lists as it went: a request before what became of it.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let mut requests = self.requests.iter().peekable();
        let end = self.entries.len() as i64;
        let asked = |request: &&Value| time(&request["before"]);
        let steps = self.entries.iter().map(Some).chain([None]).enumerate();
        steps.flat_map(move |(place, entry)| {
            let place = if entry.is_some() { place as i64 } else { end };
            let mut rows: Vec<Row<'_>> = Vec::new();
            while let Some(request) = requests.next_if(|request| asked(request) <= place || entry.is_none()) {
                rows.push(Row::Request(request));
            }
            rows.extend(entry.map(Row::Entry));
            rows
        })
    }

    /// How often an act was done, by its name.
    pub fn acts(&self) -> impl Iterator<Item = &str> {
        self.of("note").filter_map(|note| text(&note["text"]).strip_prefix("act "))
    }

    /// The last of what the exchange's own balance was.
    pub fn wallet(&self) -> f64 {
        number(&self.of("balance").filter(|row| row["account"] == 0).last().unwrap()["wallet"])
    }

    /// The last rows until a time, as a person reads them.
    pub fn tail(&self, until: i64, most: usize) -> String {
        let rows: Vec<String> = self.rows().filter(|row| row.at() <= until).map(|row| row.line()).collect();
        rows[rows.len().saturating_sub(most)..].join("\n")
    }
}

impl<'a> Row<'a> {
    pub fn at(self) -> i64 {
        let (Self::Entry(row) | Self::Request(row)) = self;
        time(&row["at"])
    }

    fn line(self) -> String {
        let mut line = format!("{:>9.1} ", (self.at() - OPENS) as f64 / 1000.0);
        let shown: &[&str] = match self {
            Self::Request(_) => &["method", "path", "symbol", "name", "used", "shut", "fault", "status", "spoiled"],
            Self::Entry(row) => match text(&row["what"]) {
                "order" => &["what", "symbol", "status", "by", "kind", "side", "qty", "price", "filled", "client_id"],
                "fill" => &["what", "symbol", "side", "qty", "price", "client_id", "trade"],
                "position" => &["what", "symbol", "qty"],
                _ => &["what", "symbol", "text", "wallet", "amount"],
            },
        };
        let (Self::Entry(row) | Self::Request(row)) = self;
        for name in shown {
            match &row[*name] {
                Value::Null | Value::Bool(false) => {}
                Value::Bool(true) => write!(line, "{name} ").unwrap(),
                Value::String(text) if text.is_empty() => {}
                Value::String(text) => write!(line, "{text} ").unwrap(),
                other => write!(line, "{name}={other} ").unwrap(),
            }
        }
        if let Self::Request(row) = self
            && row["answered"] != row["at"]
        {
            write!(line, "after {} ms", time(&row["answered"]) - time(&row["at"])).unwrap();
        }
        line
    }
}
