//! The supervisor over shell scripts that stand in for the bot.

use super::*;
use futures_lite::stream;
use rustix::process::{Pid, test_kill_process};
use std::{ffi::OsStr, fs, os::unix::net::UnixDatagram, path::Path};

/// No test waits longer, so that a supervisor that never returns fails it.
const LIMIT: Duration = Duration::from_secs(30);
/// A script's loop that reports progress.
const TURN: &str = "while :; do printf . >&0; sleep 0.05; done";

/// A supervisor whose program is a script; the script's `$1` is a file for its notes.
struct Scene {
    folder: tempfile::TempDir,
    settings: Supervision,
    systemd: Systemd,
}

impl Scene {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let notes = folder.path().join("notes").into_os_string();
        let settings = Supervision {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into(), "sh".into(), notes],
            max_restarts: 1000,
            restart_delay: Duration::ZERO,
            freeze_after: LIMIT,
            infinite: false,
            duration: None,
        };
        Self { folder, settings, systemd: Systemd::default() }
    }

    fn with(mut self, change: impl FnOnce(&mut Supervision)) -> Self {
        change(&mut self.settings);
        self
    }

    fn notes(&self) -> PathBuf {
        self.folder.path().join("notes")
    }

    /// What the scripts wrote, a line each.
    fn lines(&self) -> Vec<String> {
        lines(&self.notes())
    }

    fn run(&mut self) -> u8 {
        self.run_with([])
    }

    /// Sends these signals to the supervisor, a third of a second apart, the first that long after a script's first note.
    fn run_with<const N: usize>(&mut self, sent: [async_signal::Signal; N]) -> u8 {
        let notes = self.notes();
        let sent = stream::iter(sent).then(move |signal| {
            let notes = notes.clone();
            async move {
                while lines(&notes).is_empty() {
                    Timer::after(Duration::from_millis(10)).await;
                }
                Timer::after(Duration::from_millis(300)).await;
                Ok(signal)
            }
        });
        let ends = Signals::new([async_signal::Signal::Child]).unwrap();
        let signals = Box::pin(stream::or(sent, ends));
        let supervisor = Supervisor::new(self.settings.clone(), signals, std::mem::take(&mut self.systemd));
        let too_long = async {
            Timer::after(LIMIT).await;
            panic!("the supervisor did not end within {LIMIT:?}")
        };
        async_io::block_on(supervisor.run().or(too_long))
    }
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn a_bot_that_fails_is_started_again_until_the_restarts_are_used_up() {
    for end in ["exit 70", "exit 1", "kill -KILL $$", "kill -SEGV $$"] {
        let mut scene = Scene::new(&format!("echo run >>$1; {end}")).with(|settings| settings.max_restarts = 2);
        assert_eq!((scene.run(), scene.lines().len()), (1, 3), "{end}");
    }
}

#[test]
fn an_end_that_is_final_is_passed_on() {
    for code in [0, 2, 3, 75, 130] {
        let mut scene = Scene::new(&format!("echo run >>$1; exit {code}"));
        assert_eq!((scene.run(), scene.lines().len()), (code, 1));
    }
}

#[test]
fn a_clean_end_with_infinite_is_followed_by_a_restart_unless_it_was_asked_for() {
    for (script, want) in [("echo run >>$1", (1, 3)), ("echo run >>$1; printf q >&0", (0, 1))] {
        let mut scene = Scene::new(script).with(|settings| (settings.infinite, settings.max_restarts) = (true, 2));
        assert_eq!((scene.run(), scene.lines().len()), want, "{script}");
    }
}

#[test]
fn a_bot_that_freezes_is_killed_and_started_again() {
    let second = "echo run >>$1; [ $(wc -l <$1) = 2 ] && exit 3;";
    for freeze in
        ["printf . >&0; kill -STOP $$", "printf . >&0; exec sleep 60", "kill -STOP $$", "trap '' TERM; exec sleep 60"]
    {
        let mut scene = Scene::new(&format!("{second} {freeze}"))
            .with(|settings| settings.freeze_after = Duration::from_millis(300));
        assert_eq!((scene.run(), scene.lines().len()), (3, 2), "{freeze}");
    }
}

#[test]
fn each_bot_is_told_how_the_one_before_it_ended() {
    let script = r#"echo "$$ ${SMOLBEAR_LAST_END-}" >>$1
        case $(wc -l <$1) in
            1) printf . >&0; kill -STOP $$ ;;
            2) exit 70 ;;
            3) kill -KILL $$ ;;
            *) exit 3 ;;
        esac"#;
    let mut scene = Scene::new(script).with(|settings| settings.freeze_after = Duration::from_secs(1));
    assert_eq!(scene.run(), 3);
    let lines = scene.lines();
    let [first, second, third, fourth] = lines.as_slice() else { panic!("{lines:?}") };
    let pid = |line: &str| line.split(' ').next().unwrap().to_owned();
    assert_eq!(first, &format!("{} ", pid(first)), "nobody was before it");
    let (frozen, seconds) = (format!("{} {} frozen for ", pid(second), pid(first)), second.rsplit(' ').nth(1).unwrap());
    assert!(second.starts_with(&frozen) && second.ends_with(" s"), "{second}");
    assert!((1..30).contains(&seconds.parse::<u32>().unwrap()), "{second}");
    assert_eq!(third, &format!("{} {} exit code 70 (panic)", pid(third), pid(second)));
    assert_eq!(fourth, &format!("{} {} killed by SIGKILL", pid(fourth), pid(third)));
}

#[test]
fn a_bot_that_reports_is_left_alone() {
    let mut scene = Scene::new("echo run >>$1; for i in $(seq 40); do printf . >&0; sleep 0.05; done; exit 3")
        .with(|settings| settings.freeze_after = Duration::from_secs(1));
    assert_eq!((scene.run(), scene.lines().len()), (3, 1));
}

#[test]
fn a_signal_is_passed_on_and_nothing_is_left_behind() {
    use async_signal::Signal::{Hup, Int, Term};
    for (signal, name, code) in [(Term, "TERM", 143), (Int, "INT", 130), (Hup, "HUP", 129)] {
        let mut scene = Scene::new(&format!("trap 'exit {code}' {name}; echo $$ >>$1; {TURN}"));
        assert_eq!(scene.run_with([signal]), code);
        let lines = scene.lines();
        let [pid] = lines.as_slice() else { panic!("not one run: {lines:?}") };
        let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
        assert_eq!(test_kill_process(pid), Err(rustix::io::Errno::SRCH), "{name}");
    }
}

#[test]
fn the_bots_own_code_after_a_stop_is_the_supervisors() {
    for (script, duration, code) in
        [("trap 'exit 0' TERM", None, 0), ("trap 'exit 70' TERM", None, 70), ("", None, 0), ("", Some(LIMIT), 143)]
    {
        let mut scene =
            Scene::new(&format!("{script}\necho run >>$1; {TURN}")).with(|settings| settings.duration = duration);
        assert_eq!((scene.run_with([async_signal::Signal::Term]), scene.lines().len()), (code, 1), "{script}");
    }
}

#[test]
fn a_bot_that_is_stopped_hears_a_signal_too() {
    let mut scene = Scene::new("trap 'exit 143' TERM; echo run >>$1; kill -STOP $$; sleep 60");
    let start = Instant::now();
    assert_eq!(scene.run_with([async_signal::Signal::Term]), 143);
    assert!(start.elapsed() < STOP_LIMIT, "it was not killed");
}

#[test]
fn a_second_ctrl_c_ends_a_bot_that_hears_nothing() {
    use async_signal::Signal::Int;
    let mut scene = Scene::new(&format!("trap '' INT TERM; echo run >>$1; {TURN}"));
    let start = Instant::now();
    assert_eq!((scene.run_with([Int, Int]), scene.lines().len()), (130, 1));
    assert!(start.elapsed() < STOP_LIMIT, "it did not wait for the first limit");
}

#[test]
fn a_stop_in_the_wait_before_a_restart_ends_at_once() {
    for (duration, code) in [(None, 0), (Some(100 * LIMIT), 143)] {
        let mut scene = Scene::new("echo run >>$1; exit 1").with(|settings| {
            settings.restart_delay = 10 * LIMIT;
            settings.duration = duration;
        });
        assert_eq!((scene.run_with([async_signal::Signal::Term]), scene.lines().len()), (code, 1));
    }
}

#[test]
fn no_restart_begins_after_the_duration() {
    for (end, code) in [("exit 70", 1), ("exit 0", 0)] {
        let mut scene = Scene::new(&format!("echo run >>$1; {end}")).with(|settings| {
            settings.restart_delay = 2 * LIMIT;
            settings.duration = Some(LIMIT);
            settings.infinite = true;
        });
        assert_eq!((scene.run(), scene.lines().len()), (code, 1));
    }
}

#[test]
fn a_restart_gets_what_is_left_of_the_duration() {
    let scene = Scene::new("").with(|settings| {
        settings.args = ["--paper", "--duration", "60"].map(Into::into).into();
        settings.duration = Some(Duration::from_secs(60));
    });
    let mut supervisor = Supervisor::new(scene.settings.clone(), stream::empty(), Systemd::default());
    assert_eq!(supervisor.args(), ["--paper", "--duration", "60"], "the first run gets all of it");
    supervisor.started -= Duration::from_secs(50);
    let died = Ended::Signal(9);
    let run = Run { healthy: Duration::ZERO, held_position: false, asked_to_stop: false, ended: died };
    assert_eq!(supervisor.policy.decide(&run), Decision::RestartAfter(Duration::ZERO));
    let args = supervisor.args();
    let [name, left, paper] = args.as_slice() else { panic!("{args:?}") };
    assert_eq!((name.as_os_str(), paper.as_os_str()), (OsStr::new("--duration"), OsStr::new("--paper")));
    let left: f64 = left.to_str().unwrap().parse().unwrap();
    assert!((5.0..=10.0).contains(&left), "{left}");
}

#[test]
fn the_childs_arguments_are_those_of_the_user_without_the_supervisors() {
    let ten = Some(Duration::from_millis(10_500));
    for (args, left, want) in [
        ("--paper --auto-restart --seed 7", None, "--paper --seed 7"),
        ("--max-restarts 5 --paper --restart-delay 2", None, "--paper"),
        ("--max-restarts=5 --paper --restart-delay=2", None, "--paper"),
        ("--paper --duration 60", None, "--paper --duration 60"),
        ("--paper --duration 60 --infinite", ten, "--duration 10.500 --paper --infinite"),
        ("--paper --duration=60", ten, "--duration 10.500 --paper"),
        ("--paper", ten, "--duration 10.500 --paper"),
        ("--paper", Some(Duration::ZERO), "--duration 0.001 --paper"),
        ("--paper -- --auto-restart --duration", ten, "--duration 10.500 --paper -- --auto-restart --duration"),
        ("--paper --max-restarts", None, "--paper"),
    ] {
        let split = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(child_args(&split(args), left, false), split(want), "{args}");
    }
}

#[test]
fn a_restart_goes_on_with_the_account_that_the_first_bot_began_and_stays_halted() {
    let args = "--fresh --paper --clear-emergency --data-dir d --accept-new-store -- --fresh".split(' ');
    let args: Vec<OsString> = args.map(OsString::from).collect();
    assert_eq!(child_args(&args, None, false), args);
    assert_eq!(child_args(&args, None, true), ["--paper", "--data-dir", "d", "--", "--fresh"]);
    let mut scene = Scene::new("");
    scene.settings.args = args;
    let mut supervisor = Supervisor::new(scene.settings.clone(), stream::empty(), Systemd::default());
    assert_eq!(supervisor.args()[0], "--fresh");
    let ended = Ended::Exit(70);
    supervisor.policy.decide(&Run { healthy: Duration::ZERO, held_position: false, asked_to_stop: false, ended });
    assert_eq!(supervisor.args()[0], "--paper");
}

#[test]
fn a_program_that_is_not_there_is_a_failure() {
    let mut scene = Scene::new("").with(|settings| settings.program = "/nowhere/at/all".into());
    assert_eq!(scene.run(), 1);
}

#[test]
fn a_child_can_tell_its_supervisor() {
    let checks = r#"[ "$SMOLBEAR_SUPERVISOR" = "$PPID" ] && [ -p /dev/stdin ]"#;
    assert_eq!(Scene::new(&format!("{checks} && exit 3; exit 2")).run(), 3);
    assert!(!is_child(), "the tests have no supervisor");
    assert_eq!(progress::last_end(), None);
}

#[test]
fn systemd_hears_of_the_bots_first_progress_and_of_the_supervisors_turns() {
    let mut scene = Scene::new("sleep 0.3; for i in $(seq 10); do printf . >&0; sleep 0.05; done; exit 3");
    let path = scene.folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_nonblocking(true).unwrap();
    scene.systemd = Systemd::new(Some(path.as_os_str()), Some(OsStr::new("200000")), None);
    assert_eq!(scene.run(), 3);
    let mut buffer = [0; 64];
    let heard: Vec<_> = std::iter::from_fn(|| {
        let length = manager.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    })
    .collect();
    assert_eq!(heard.first().map(String::as_str), Some("WATCHDOG=1"), "fed before the bot is ready: {heard:?}");
    assert_eq!(heard.last().map(String::as_str), Some("STOPPING=1"), "{heard:?}");
    assert_eq!(heard.iter().filter(|message| *message == "READY=1").count(), 1, "{heard:?}");
    assert!(heard.iter().filter(|message| *message == "WATCHDOG=1").count() >= 3, "{heard:?}");
}

#[test]
fn the_line_of_a_frozen_bot_says_since_when() {
    assert_eq!(
        frozen_line("14:05:07", Duration::from_secs(15)),
        "Supervisor: no progress since 14:05:07 (15.0 s ago), killing the bot and starting it again"
    );
}
