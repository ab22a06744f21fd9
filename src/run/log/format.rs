//! What a line of the log looks like: `2025-10-21 00:50:36 - message`.

use jiff::{Timestamp, tz::TimeZone};
use log::Level;
use std::{
    borrow::Cow,
    fmt,
    io::{self, Write},
};

/// The time of the wall clock in this zone, to the second.
#[must_use]
pub fn stamp(zone: &TimeZone) -> String {
    stamp_at(Timestamp::now(), zone)
}

/// The same of another time.
#[must_use]
pub fn stamp_at(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Writes a record. Each line of a message of several gets the time stamp, so that every line of the log has the format; what could
/// move a terminal's cursor is written as an escape.
///
/// # Errors
/// Those of `out`.
pub fn record(out: &mut impl Write, stamp: &str, level: Level, message: &fmt::Arguments<'_>) -> io::Result<()> {
    let message = message.as_str().map_or_else(|| Cow::Owned(message.to_string()), Cow::Borrowed);
    let message = message.strip_suffix('\n').unwrap_or(&message);
    message.split('\n').try_for_each(|line| writeln!(out, "{stamp} - {}{}", mark(level), visible(line)))
}

/// What the reader is told who is back.
#[must_use]
pub fn lost(stamp: &str, lines: u64) -> String {
    let s = if lines == 1 { "" } else { "s" };
    format!("{stamp} - {}{lines} line{s} lost: the log could not be written", mark(Level::Warn))
}

fn mark(level: Level) -> &'static str {
    match level {
        Level::Error => "ERROR ",
        Level::Warn => "WARNING ",
        Level::Info | Level::Debug | Level::Trace => "",
    }
}

fn visible(line: &str) -> Cow<'_, str> {
    match line.contains(char::is_control) {
        false => Cow::Borrowed(line),
        true => Cow::Owned(line.chars().fold(String::new(), |mut text, char| {
            match char.is_control() {
                true => text.extend(char.escape_default()),
                false => text.push(char),
            }
            text
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_the_format() {
        for (level, message, want) in [
            (Level::Info, "✓ started", "T - ✓ started\n"),
            (Level::Warn, "hm", "T - WARNING hm\n"),
            (Level::Error, "no", "T - ERROR no\n"),
            (Level::Debug, "", "T - \n"),
            (Level::Error, "left: 1\nright: 2\n", "T - ERROR left: 1\nT - ERROR right: 2\n"),
            (Level::Info, "\u{1b}[2Jgone\rback", "T - \\u{1b}[2Jgone\\rback\n"),
        ] {
            let mut out = vec![];
            record(&mut out, "T", level, &format_args!("{message}")).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
        assert_eq!(lost("T", 12), "T - WARNING 12 lines lost: the log could not be written");
        assert_eq!(lost("T", 1), "T - WARNING 1 line lost: the log could not be written");
    }

    #[test]
    fn time_stamps_are_local() {
        let at = Timestamp::from_second(1_761_007_836).unwrap();
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(stamp_at(at, &TimeZone::UTC), "2025-10-21 00:50:36");
        assert_eq!(stamp_at(at, &berlin), "2025-10-21 02:50:36");
    }
}
