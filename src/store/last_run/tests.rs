//! A restart says why the last run ended, from what that run recorded and from what others saw.

use super::*;

fn last() -> Run {
    Run { pid: 4711, boot_id: "b1".into(), started_ms: 0, wrote: "0.2.0".into(), oom_kills: Some(2) }
}

fn facts() -> Facts {
    let told = None;
    Facts { boot_id: "b1".into(), wrote: "0.2.0".into(), oom_kills: Some(2), kernel_log_says_oom: false, told }
}

fn told(pid: u32, how: &str) -> Option<Told> {
    Some(Told { pid, how: how.into() })
}

fn unrecorded(facts: &Facts) -> String {
    why(&last(), None, Some(4224), facts).to_string()
}

#[test]
fn a_recorded_end_speaks_for_itself_whatever_happened_since() {
    let panicked = Some("task trading loop panicked: no bread");
    let since = Facts {
        boot_id: "b2".into(),
        oom_kills: Some(9),
        kernel_log_says_oom: true,
        told: told(4711, "frozen for 15 s"),
        ..facts()
    };
    for (exit_code, cause, message, want) in [
        (0, "duration reached", None, "clean stop (duration reached)"),
        (0, "SIGTERM", None, "clean stop (SIGTERM)"),
        (143, "SIGTERM", None, "clean stop (SIGTERM)"),
        (130, "Ctrl-C", None, "clean stop (Ctrl-C)"),
        (129, "SIGHUP", None, "clean stop (SIGHUP)"),
        (70, "failure", panicked, "crash: task trading loop panicked: no bread"),
        (1, "failure", None, "crash: failure"),
        (3, "emergency stop", None, "emergency stop"),
        (3, "emergency stop", Some("drawdown 20.1 %"), "emergency stop: drawdown 20.1 %"),
        (2, "failure", Some("a.csv: line 3: no number"), "wrong input: a.csv: line 3: no number"),
    ] {
        let message = message.map(str::to_owned);
        let end = RunEnd { ended_ms: 0, exit_code, cause: cause.into(), message, peak_kb: 4224 };
        assert_eq!(why(&last(), Some(&end), Some(1), &since).to_string(), want);
    }
}

#[test]
fn without_a_record_it_was_killed_and_its_memory_is_told_where_it_is_known() {
    for (memory_kb, want) in [
        (None, "killed: no end was recorded"),
        (Some(0), "killed: no end was recorded"),
        (Some(4224), "killed: no end was recorded (peak memory 4.1 MB)"),
        (Some(1024 * 1024 - 1), "killed: no end was recorded (peak memory 1024.0 MB)"),
    ] {
        assert_eq!(why(&last(), None, memory_kb, &facts()).to_string(), want);
    }
    assert!(why(&last(), None, Some(u64::MAX), &facts()).to_string().contains("MB"));
}

#[test]
fn out_of_memory_is_said_where_the_kernel_says_so() {
    let (oom, killed) =
        ("killed: out of memory (peak memory 4.1 MB)", "killed: no end was recorded (peak memory 4.1 MB)");
    for (then, now, in_the_log, want) in [
        (Some(2), Some(3), false, oom),
        (Some(2), Some(2), true, oom),
        (None, None, true, oom),
        (Some(2), Some(2), false, killed),
        // A new cgroup counts from 0.
        (Some(2), Some(0), false, killed),
        (Some(2), None, false, killed),
        (None, Some(3), false, killed),
    ] {
        let last = Run { oom_kills: then, ..last() };
        let facts = Facts { oom_kills: now, kernel_log_says_oom: in_the_log, ..facts() };
        assert_eq!(why(&last, None, Some(4224), &facts).to_string(), want, "{then:?} {now:?} {in_the_log}");
    }
}

#[test]
fn what_the_supervisor_saw_counts_for_the_process_that_it_saw() {
    let killed = "killed: no end was recorded (peak memory 4.1 MB)";
    let seen = "no end was recorded, but the supervisor saw it: killed by SIGSEGV (peak memory 4.1 MB)";
    for (told, oom_kills, want) in [
        (told(4711, "frozen for 15 s"), 2, "frozen for 15 s and killed by the supervisor"),
        (told(4711, "frozen for 15 s"), 3, "frozen for 15 s and killed by the supervisor"),
        (told(4711, "killed by SIGSEGV"), 2, seen),
        (told(4711, "killed by SIGKILL"), 3, "killed: out of memory (peak memory 4.1 MB)"),
        (told(4712, "frozen for 15 s"), 2, killed),
        (told(4712, "killed by SIGSEGV"), 2, killed),
    ] {
        let facts = Facts { oom_kills: Some(oom_kills), told, ..facts() };
        assert_eq!(unrecorded(&facts), want, "{facts:?}");
    }
}

#[test]
fn another_boot_is_a_power_loss_and_an_unknown_one_is_none() {
    let reboot = "power loss or reboot: the machine was started since";
    let killed = "killed: no end was recorded (peak memory 4.1 MB)";
    for (then, now, want) in [("b1", "b2", reboot), ("b1", "b1", killed), ("", "b2", killed), ("b1", "", killed)] {
        let last = Run { boot_id: then.into(), ..last() };
        let facts = Facts { boot_id: now.into(), ..facts() };
        assert_eq!(why(&last, None, Some(4224), &facts).to_string(), want, "{then:?} {now:?}");
    }
    let counts = Facts { boot_id: "b2".into(), oom_kills: Some(7), told: told(4711, "frozen for 9 s"), ..facts() };
    assert_eq!(unrecorded(&counts), reboot, "nothing that was counted or seen since is about that run");
}

#[test]
fn another_version_is_told() {
    let facts = Facts { wrote: "0.3.0".into(), ..facts() };
    let want = "killed: no end was recorded (peak memory 4.1 MB); it was version 0.2.0, this is 0.3.0";
    assert_eq!(unrecorded(&facts), want);
}
