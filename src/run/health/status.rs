//! From what was measured to a status with its reasons, and their wording. Pure.

use crate::run::text::counted;
use std::{fmt, time::Duration};

/// More errors than this in an hour are a degraded bot.
const DEGRADED_ERRORS: u32 = 10;
/// More errors than this in an hour are a critical bot.
const CRITICAL_ERRORS: u32 = 50;

/// How the bot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Status {
    /// Nothing is wrong.
    #[default]
    Healthy,
    /// It trades, but something is wrong.
    Degraded,
    /// It doesn't do its work.
    Critical,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Critical => "critical",
        })
    }
}

/// Everything that the status depends on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Checkup {
    /// Tasks that ended though nobody stopped them.
    pub(super) ended_tasks: Vec<String>,
    /// Since the loop's last turn, where that is too long.
    pub(super) loop_hangs: Option<Duration>,
    /// Feeds older than their limits, with their ages.
    pub(super) stale: Vec<(String, Duration)>,
    /// Since the last heartbeat.
    pub(super) slowest_turn: Duration,
    pub(super) turn_limit: Duration,
    pub(super) errors_in_hour: u32,
    pub(super) memory_mb: Option<f64>,
    pub(super) memory_limit_mb: u32,
    /// What was noticed since the last heartbeat.
    pub(super) remarks: Vec<String>,
    /// What limits trading, and how the bot is with it.
    pub(super) limits: Vec<(Status, String)>,
    /// For how long the disk has not confirmed a write, where that is too long.
    pub(super) disk_silent: Option<Duration>,
    pub(super) disk_trouble: Option<String>,
    pub(super) log_trouble: Option<String>,
    /// Since the last heartbeat.
    pub(super) lost_log_lines: u64,
}

impl Checkup {
    /// The worst status that a reason gives, and the reasons, worst first.
    pub(super) fn judge(&self) -> (Status, Vec<String>) {
        use Status::{Critical, Degraded};
        let mut found: Vec<(Status, String)> = vec![];
        found.extend(self.ended_tasks.iter().map(|task| (Critical, task.clone())));
        if let Some(silence) = self.loop_hangs {
            found.push((Critical, format!("no turn of the trading loop for {} s", silence.as_secs())));
        }
        found.extend(self.limits.iter().cloned());
        found.extend(self.errors());
        found.extend(self.stale.iter().map(|(name, age)| (Degraded, format!("{name}: data {} s old", age.as_secs()))));
        if self.slowest_turn > self.turn_limit {
            found.push((Degraded, format!("a turn of the loop took {:.1} s", self.slowest_turn.as_secs_f64())));
        }
        if self.memory_mb.is_some_and(|used| used > f64::from(self.memory_limit_mb)) {
            found.push((Degraded, memory(self.memory_mb, self.memory_limit_mb)));
        }
        found.extend(self.remarks.iter().map(|remark| (Degraded, remark.clone())));
        found.extend(self.disk_trouble.iter().map(|text| (Degraded, format!("not saved: {text}"))));
        if let Some(silence) = self.disk_silent {
            found.push((Degraded, format!("the disk has not confirmed a write for {} s", silence.as_secs())));
        }
        found.extend(self.log().map(|text| (Degraded, text)));
        found.sort_by_key(|(status, _)| std::cmp::Reverse(*status));
        let worst = found.first().map_or(Status::Healthy, |(status, _)| *status);
        (worst, found.into_iter().map(|(_, reason)| reason).collect())
    }

    fn errors(&self) -> Option<(Status, String)> {
        let errors = self.errors_in_hour;
        let status = if errors > CRITICAL_ERRORS { Status::Critical } else { Status::Degraded };
        (errors > DEGRADED_ERRORS).then(|| (status, format!("{errors} errors in an hour")))
    }

    fn log(&self) -> Option<String> {
        match (&self.log_trouble, self.lost_log_lines) {
            (Some(trouble), _) => Some(format!("log: {trouble}")),
            (None, 0) => None,
            (None, lines) => Some(format!("{} lost", counted(lines, "log line"))),
        }
    }
}

/// `healthy`, or `degraded (this; that)`.
pub(super) fn line(status: Status, reasons: &[String]) -> String {
    match reasons {
        [] => status.to_string(),
        _ => format!("{status} ({})", reasons.join("; ")),
    }
}

/// `memory 4.1 of 32 MB`.
pub(super) fn memory(used_mb: Option<f64>, limit_mb: u32) -> String {
    match used_mb {
        Some(used) => format!("memory {used:.1} of {limit_mb} MB"),
        None => "memory unknown".to_owned(),
    }
}

/// `10.0s`, `5.0m`, `2.0h` or `3.5d`: the largest unit that fits, to a tenth.
#[must_use]
pub fn uptime(time: Duration) -> String {
    const UNITS: [(&str, f64); 4] = [("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0)];
    // To the tenth of a second first, so that 59.99 s are 1.0m and not 60.0s.
    let seconds = (time.as_secs_f64() * 10.0).round() / 10.0;
    let (unit, size) = UNITS.into_iter().rev().find(|(_, size)| seconds >= *size).unwrap_or(UNITS[0]);
    format!("{:.1}{unit}", seconds / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Checkup {
        Checkup {
            ended_tasks: vec![],
            loop_hangs: None,
            stale: vec![],
            slowest_turn: Duration::from_millis(1),
            turn_limit: Duration::from_secs(1),
            errors_in_hour: 10,
            memory_mb: Some(32.0),
            memory_limit_mb: 32,
            remarks: vec![],
            limits: vec![],
            disk_silent: None,
            disk_trouble: None,
            log_trouble: None,
            lost_log_lines: 0,
        }
    }

    #[test]
    fn each_trouble_has_its_status_and_its_words() {
        let secs = Duration::from_secs;
        for (checkup, want) in [
            (well(), "healthy"),
            (Checkup { memory_mb: None, ..well() }, "healthy"),
            (Checkup { errors_in_hour: 11, ..well() }, "degraded (11 errors in an hour)"),
            (Checkup { errors_in_hour: 50, ..well() }, "degraded (50 errors in an hour)"),
            (Checkup { errors_in_hour: 51, ..well() }, "critical (51 errors in an hour)"),
            (Checkup { memory_mb: Some(40.24), ..well() }, "degraded (memory 40.2 of 32 MB)"),
            (Checkup { lost_log_lines: 3, ..well() }, "degraded (3 log lines lost)"),
            (Checkup { lost_log_lines: 1, ..well() }, "degraded (1 log line lost)"),
            (
                Checkup { log_trouble: Some("stdout is closed, 12 lines lost".into()), lost_log_lines: 12, ..well() },
                "degraded (log: stdout is closed, 12 lines lost)",
            ),
            (
                Checkup {
                    limits: vec![(Status::Degraded, "halted: emergency stop".into())],
                    remarks: vec!["m".into()],
                    ..well()
                },
                "degraded (halted: emergency stop; m)",
            ),
            (Checkup { limits: vec![(Status::Healthy, "half the size".into())], ..well() }, "healthy (half the size)"),
            (
                Checkup {
                    limits: vec![(Status::Healthy, "half the size".into()), (Status::Critical, "all is closed".into())],
                    lost_log_lines: 3,
                    ..well()
                },
                "critical (all is closed; 3 log lines lost; half the size)",
            ),
            (
                Checkup { disk_silent: Some(secs(12)), ..well() },
                "degraded (the disk has not confirmed a write for 12 s)",
            ),
            (Checkup { disk_trouble: Some("d.db: full".into()), ..well() }, "degraded (not saved: d.db: full)"),
            (Checkup { loop_hangs: Some(secs(95)), ..well() }, "critical (no turn of the trading loop for 95 s)"),
            (
                Checkup { stale: vec![("ETH/USDT:USDT".into(), secs(70))], ..well() },
                "degraded (ETH/USDT:USDT: data 70 s old)",
            ),
            (Checkup { slowest_turn: secs(2), ..well() }, "degraded (a turn of the loop took 2.0 s)"),
            (
                Checkup { remarks: vec!["the machine slept for 60.5 s".into()], lost_log_lines: 3, ..well() },
                "degraded (the machine slept for 60.5 s; 3 log lines lost)",
            ),
            (
                Checkup { ended_tasks: vec!["task signals ended".into()], memory_mb: Some(99.0), ..well() },
                "critical (task signals ended; memory 99.0 of 32 MB)",
            ),
            (
                Checkup { stale: vec![("BTC".into(), secs(9))], errors_in_hour: 60, ..well() },
                "critical (60 errors in an hour; BTC: data 9 s old)",
            ),
        ] {
            let (status, reasons) = checkup.judge();
            assert_eq!(line(status, &reasons), want);
        }
    }

    #[test]
    fn uptime_is_read_at_a_glance() {
        for (ms, want) in [
            (0, "0.0s"),
            (10_004, "10.0s"),
            (59_949, "59.9s"),
            (59_960, "1.0m"),
            (300_002, "5.0m"),
            (7_200_000, "2.0h"),
            (302_400_000, "3.5d"),
        ] {
            assert_eq!(uptime(Duration::from_millis(ms)), want);
        }
    }
}
