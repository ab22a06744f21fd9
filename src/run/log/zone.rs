//! The local time zone, straight from its one file: the usual look-up walks the whole zone database, hundreds of files, at every start.

use jiff::tz::TimeZone;
use std::{env, ffi::OsStr, fs, path::Path};

const LOCALTIME: &str = "/etc/localtime";
const DATABASE: &str = "/usr/share/zoneinfo";

/// The zone that `TZ` names, else the system's; where there is none, UTC and why.
#[must_use]
pub fn local() -> (TimeZone, Option<String>) {
    match find(env::var_os("TZ").as_deref(), Path::new(LOCALTIME)) {
        Ok(zone) => (zone, None),
        Err(why) => (TimeZone::UTC, Some(why)),
    }
}

fn find(tz: Option<&OsStr>, localtime: &Path) -> Result<TimeZone, String> {
    match tz.map(OsStr::to_string_lossy) {
        None => file(localtime)
            .ok_or_else(|| format!("Times are in UTC: TZ is not set and {} can't be used", localtime.display())),
        Some(name) => named(name.strip_prefix(':').unwrap_or(&name)).ok_or_else(|| {
            format!("Times are in UTC: TZ is `{name}`, which is neither a zone of this machine nor a rule")
        }),
    }
}

/// An empty name is UTC, as everywhere on Unix; else a file, a name of the database or a POSIX rule.
fn named(name: &str) -> Option<TimeZone> {
    match name {
        "" | "UTC" => Some(TimeZone::UTC),
        // An absolute path replaces the database's when they are joined.
        _ => file(&Path::new(DATABASE).join(name)).or_else(|| TimeZone::posix(name).ok()),
    }
}

fn file(path: &Path) -> Option<TimeZone> {
    TimeZone::tzif("local", &fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minutes east of UTC in the summer of 2025.
    fn minutes(tz: Option<&str>, localtime: &str) -> Result<i32, String> {
        let summer = jiff::Timestamp::from_second(1_751_000_000).unwrap();
        find(tz.map(OsStr::new), Path::new(localtime)).map(|zone| zone.to_offset(summer).seconds() / 60)
    }

    #[test]
    fn tz_names_the_zone_and_nonsense_is_said() {
        for (tz, want) in [("", 0), ("UTC", 0), ("CET-1CEST,M3.5.0,M10.5.0/3", 120), ("<+0530>-5:30", 330)] {
            assert_eq!(minutes(Some(tz), "/nowhere"), Ok(want), "{tz}");
        }
        let why = minutes(Some("Mars/Base"), "/nowhere").unwrap_err();
        assert_eq!(why, "Times are in UTC: TZ is `Mars/Base`, which is neither a zone of this machine nor a rule");
        assert!(minutes(Some("../../../etc/passwd"), "/nowhere").is_err());
    }

    #[test]
    fn without_tz_it_is_the_systems_zone() {
        let why = minutes(None, "/nowhere").unwrap_err();
        assert_eq!(why, "Times are in UTC: TZ is not set and /nowhere can't be used");
        if !Path::new(DATABASE).join("Asia/Kolkata").exists() {
            return println!("passed over: no zone database on this machine");
        }
        assert_eq!(minutes(None, "/usr/share/zoneinfo/Asia/Kolkata"), Ok(330));
        for tz in ["Asia/Kolkata", ":Asia/Kolkata", "/usr/share/zoneinfo/Asia/Kolkata"] {
            assert_eq!(minutes(Some(tz), "/nowhere"), Ok(330), "{tz}");
        }
    }
}
