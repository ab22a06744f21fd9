//! What the bot costs, each figure beside a hello world, or a bare write, that is built and measured in the same run.
//!
//! `cargo bench --bench footprint -- [--quick] [--hooked BINARY] [BINARY...]` prints Markdown tables. Without a binary it measures the
//! release build; name the static build as a second one. `--hooked` names a build with debug assertions (`cargo build --profile ci`), which
//! can do a day on the disk in half a minute, and stand in for a slow disk: without it these rows are left out. It asserts nothing: budgets
//! stand in the tables beside the figures. Files lie in the folder for temporary ones (`TMPDIR`), which should be on the disk in question.

mod day; // bytes a day, and a slow disk
mod hello; // a program that does nothing
mod intent; // from an event to a durable intent
mod program; // what is started, and how it is watched
mod replay; // the store at full speed

use program::Program;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

/// Any failure ends the measurement.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// How often and how long.
struct Effort {
    runs: usize,
    idle: Duration,
    beats: usize,
    commits: usize,
    days: u32,
    quick: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("footprint: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let mut arguments = env::args().skip(1);
    let (mut quick, mut hooked, mut paths) = (false, None, Vec::<PathBuf>::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => quick = true,
            "--hooked" => hooked = arguments.next(),
            flag if flag.starts_with("--") => {} // cargo's own
            path => paths.push(path.into()),
        }
    }
    let (runs, seconds, commits, days) = if quick { (3, 3, 100, 1) } else { (20, 30, 2000, 5) };
    let effort = Effort { runs, idle: Duration::from_secs(seconds), beats: runs, commits, days, quick };
    let scratch = tempfile::tempdir()?;
    if paths.is_empty() {
        paths.push(env!("CARGO_BIN_EXE_bot").into());
    }
    let bots = paths.into_iter().map(|path| Program::bot(&path));
    let programs: Vec<Program> = bots.chain([Program::hello(scratch.path())]).collect::<Outcome<_>>()?;
    let hooked = hooked.map(|path| Program::bot(path.as_ref())).transpose()?;

    let columns = programs.iter().map(|program| column(program, &effort, scratch.path()));
    let columns: Vec<[String; ROWS.len()]> = columns.collect::<Outcome<_>>()?;
    print_table(&programs, &columns, &effort);

    eprintln!("measuring the store");
    println!("\n| the store | budget | | beside it |\n|---|---|---|---|");
    intent::rows(effort.commits, scratch.path())?.iter().for_each(print_row);
    replay::rows(&programs[0], effort.quick, scratch.path())?.iter().for_each(print_row);
    if let Some(hooked) = &hooked {
        day::rows(hooked, effort.days, scratch.path())?.iter().for_each(print_row);
    }
    println!("\nThe files lie on {}. {}.", file_system(scratch.path()), machine());
    Ok(())
}

/// What, its budget, its figure, and what it is held against.
pub type Row = [String; 4];

fn print_row(row: &Row) {
    println!("| {} |", row.join(" | "));
}

/// The figures of a program, in the order of [`ROWS`].
fn column(program: &Program, effort: &Effort, folder: &Path) -> Outcome<[String; ROWS.len()]> {
    eprintln!("measuring {} ({})", program.name, program.path.display());
    let [watched, works, unwatched, ended] = start_and_stop(program, effort.runs, Account::None, folder)?.map(median);
    let [_, works_new, _, _] = start_and_stop(program, effort.runs, Account::New, folder)?.map(median);
    let [_, works_on, _, ended_on] = start_and_stop(program, effort.runs, Account::GoesOn, folder)?.map(median);
    let late = |flags: &[&str]| -> Outcome<String> {
        let late = if program.bot { lateness(program, effort.beats, flags, folder)? } else { Vec::new() };
        let most = late.iter().max().copied();
        Ok(most.map_or_else(none, |most| format!("{}, at most {}", ms(median(late)), ms(Some(most)))))
    };
    let (alone, stored) = (Memory::of(program, &[], folder)?, Memory::of(program, &["--data-dir", "memory"], folder)?);
    let of_bot = |text: String| if program.bot { text } else { none() };
    Ok([
        ms(watched),
        ms(works),
        of_bot(ms(works_on)),
        of_bot(ms(works_new)),
        late(&[])?,
        late(&["--data-dir", "late"])?,
        ms(unwatched),
        ms(ended),
        of_bot(ms(ended_on)),
        alone.peak(),
        of_bot(stored.peak()),
        format!("{}, {}", alone.threads, of_bot(stored.threads.to_string())),
        format!("{:.2} MB", fs::metadata(&program.path)?.len() as f64 / 1e6),
        format!("{:.3} %", idle_share(program, effort.idle, folder)? * 100.0),
    ])
}

/// What each row is, and its budget.
const ROWS: [(&str, &str); 14] = [
    ("process start to the monitor's start, without a store", "–"),
    ("process start to first `🔄 Processing`, without a store", "10 ms"),
    ("the same, an account that goes on", "10 ms"),
    ("the same, a new account: its files are made", "–"),
    ("heartbeats late, one a second at `--speed max`", "300 ms"),
    ("the same, with a store", "300 ms"),
    ("SIGTERM to the monitor's stop, without a store", "–"),
    ("SIGTERM to exit, without a store", "20 ms"),
    ("the same, with a store", "20 ms and one commit"),
    ("peak RSS, paper, 3 symbols, an hour a second for 5 s", "3 MB static, 4 MB glibc"),
    ("the same, with a store", "4 MB static, 6 MB glibc"),
    ("threads, without and with a store", "2, 3"),
    ("binary, stripped", "6 MB"),
    ("CPU, paper, idle, with a store, of one core", "0.1 %"),
];

fn none() -> String {
    "–".to_owned()
}

/// Milliseconds with one digit; a dash for none.
pub fn ms(time: Option<Duration>) -> String {
    time.map_or_else(none, |time| format!("{:.1} ms", time.as_secs_f64() * 1e3))
}

fn print_table(programs: &[Program], columns: &[[String; ROWS.len()]], effort: &Effort) {
    let names: Vec<&str> = programs.iter().map(|program| program.name.as_str()).collect();
    println!("| what | budget | {} |", names.join(" | "));
    println!("|---|---|{}", "---|".repeat(names.len()));
    for (row, (what, budget)) in ROWS.iter().enumerate() {
        let figures: Vec<&str> = columns.iter().map(|column| column[row].as_str()).collect();
        println!("| {what} | {budget} | {} |", figures.join(" | "));
    }
    let (runs, idle) = (effort.runs, effort.idle.as_secs());
    println!("\nMedians of {runs} runs or beats. Idle: {idle} s. The hello world uses glibc. Machine: {}.", machine());
}

fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(env::consts::ARCH);
    let cores = thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{cores} × {}, Linux {}",
        model.trim_start_matches([' ', '\t', ':']),
        read("/proc/sys/kernel/osrelease").trim()
    )
}

/// Kind of the file system that a folder lies on; one in memory (tmpfs) counts no byte as written.
fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let over = fields.filter(|fields| fields.len() > 2 && folder.starts_with(fields[1]));
    over.max_by_key(|fields| fields[1].len()).map_or_else(|| "an unknown file system".to_owned(), |f| f[2].to_owned())
}

/// What a program under measurement remembers with.
#[derive(Clone, Copy)]
enum Account {
    None,
    New,
    GoesOn,
}

/// From start to the monitor's line and to the line that it works, then from SIGTERM to the monitor's line and to the end.
fn start_and_stop(program: &Program, runs: usize, account: Account, folder: &Path) -> Outcome<[Vec<Duration>; 4]> {
    let mut times = <[Vec<Duration>; 4]>::default();
    let own = folder.join("own");
    // The first run warms the caches, makes the account that goes on, and does not count.
    for run in 0..=runs {
        if run == 0 || matches!(account, Account::New) {
            forget(&own)?;
        }
        let flags: &[&str] = if matches!(account, Account::None) { &["--speed", "2"] } else { &[] };
        let mut running = program.start(flags, &[], folder)?;
        let mut took = [None; 4];
        if program.bot {
            took[0] = Some(running.wait_for("✓ Health monitor started")? - running.from);
        }
        took[1] = Some(running.wait_for(program.works)? - running.from);
        thread::sleep(Duration::from_millis(50));
        let from = Instant::now();
        running.terminate()?;
        took[3] = Some(from.elapsed());
        if program.bot {
            took[2] = Some(running.wait_for("✓ Health monitor stopped")? - from);
        }
        if run > 0 {
            times.iter_mut().zip(took).for_each(|(times, took)| times.extend(took));
        }
    }
    Ok(times)
}

/// Removes an account, if there is one.
pub fn forget(folder: &Path) -> Outcome<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// How late each heartbeat is while the loop works as fast as it can.
fn lateness(program: &Program, beats: usize, flags: &[&str], folder: &Path) -> Outcome<Vec<Duration>> {
    let flags = [&["--speed", "max"], flags].concat();
    let mut running = program.start(&flags, &[("HEALTH_CHECK_INTERVAL", "1")], folder)?;
    let due = |from: Instant, beat: usize| from + Duration::from_secs(beat as u64);
    let late = (1..=beats).map(|beat| {
        let came = running.wait_for("💓 Heartbeat")?;
        Ok(came.saturating_duration_since(due(running.from, beat)))
    });
    late.collect()
}

/// `None` of none.
pub fn median(times: Vec<Duration>) -> Option<Duration> {
    quantile(times, 0.5)
}

/// The time that this share of them is below; `None` of none.
pub fn quantile(mut times: Vec<Duration>, share: f64) -> Option<Duration> {
    times.sort_unstable();
    times.get((times.len() as f64 * share) as usize).copied()
}

/// What a program holds at most.
struct Memory {
    peak_kb: u64,
    threads: u64,
}

impl Memory {
    /// As the kernel's own high-water mark said last.
    fn of(program: &Program, flags: &[&str], folder: &Path) -> Outcome<Self> {
        let flags = [&["--speed", "3600", "--duration", "5"], flags].concat();
        let mut running = program.start(&flags, &[], folder)?;
        let until = Instant::now() + Duration::from_secs(if program.bot { 30 } else { 1 });
        let mut most = Self { peak_kb: 0, threads: 0 };
        while running.child.try_wait()?.is_none() && Instant::now() < until {
            most.peak_kb = running.account("status", "VmHWM").unwrap_or(most.peak_kb);
            most.threads = running.account("status", "Threads").unwrap_or(0).max(most.threads);
            thread::sleep(Duration::from_millis(10));
        }
        Ok(most)
    }

    fn peak(&self) -> String {
        format!("{:.1} MB", self.peak_kb as f64 / 1024.0)
    }
}

/// CPU time of all threads divided by the time that passes, once the start is over.
fn idle_share(program: &Program, time: Duration, folder: &Path) -> Outcome<f64> {
    let mut running = program.start(&[], &[], folder)?;
    running.wait_for(program.works)?;
    thread::sleep(Duration::from_secs(1));
    let (before, from) = (running.cpu_time_ns()?, Instant::now());
    thread::sleep(time);
    let used = running.cpu_time_ns()? - before;
    Ok(used as f64 / from.elapsed().as_nanos() as f64)
}
