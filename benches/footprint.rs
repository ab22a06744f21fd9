//! What the bot costs, each figure beside a hello world that is built and measured in the same run.
//!
//! `cargo bench --bench footprint -- [--quick] [BINARY...]` prints one Markdown table. Without a binary it measures the
//! release build; name the static build as a second one. It asserts nothing: budgets stand in the table beside the figures.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// No wait is longer.
const LIMIT: Duration = Duration::from_secs(30);
/// The floor: says hello, then stays as long as its standard input does.
const HELLO: &str = r#"fn main() { println!("hello"); let _ = std::io::stdin().read_line(&mut String::new()); }"#;

/// What is measured: a program and the line by which it says that it works.
struct Program {
    name: String,
    path: PathBuf,
    works: &'static str,
    /// The bot understands flags and has a health monitor, the hello world neither.
    bot: bool,
}

/// How often and how long.
struct Effort {
    runs: usize,
    idle: Duration,
    beats: usize,
}

/// A program that has said that it works; ended when dropped.
struct Running {
    child: Child,
    from: Instant,
    lines: Receiver<(Instant, String)>,
}

impl Running {
    /// When the line with `part` came. It is read by a thread, so that a full pipe never changes what is measured.
    fn wait_for(&mut self, part: &str) -> Outcome<Instant> {
        while let Ok((at, line)) = self.lines.recv_timeout(LIMIT) {
            if line.contains(part) {
                return Ok(at);
            }
        }
        Err(format!("no line with `{part}`; exit status {:?}", self.child.try_wait()?).into())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where the program has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
    let arguments: Vec<String> = env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let (runs, seconds) = if quick { (3, 3) } else { (20, 30) };
    let effort = Effort { runs, idle: Duration::from_secs(seconds), beats: runs };
    let scratch = tempfile::tempdir()?;

    let mut paths: Vec<PathBuf> =
        arguments.iter().filter(|argument| !argument.starts_with("--")).map(PathBuf::from).collect();
    if paths.is_empty() {
        paths.push(env!("CARGO_BIN_EXE_bot").into());
    }
    let bots = paths.into_iter().map(|path| bot(&path));
    let programs: Vec<Program> = bots.chain([hello(scratch.path())]).collect::<Outcome<_>>()?;

    let columns = programs.iter().map(|program| column(program, &effort, scratch.path()));
    let columns: Vec<[String; ROWS.len()]> = columns.collect::<Outcome<_>>()?;
    print_table(&programs, &columns, &effort);
    Ok(())
}

fn bot(path: &Path) -> Outcome<Program> {
    let path = fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let text = fs::read(&path)?;
    // Only a program that is loaded by another names its loader.
    let dynamic = text.windows(8).take(1 << 20).any(|bytes| bytes == b"ld-linux");
    let name = if dynamic { "bot, glibc" } else { "bot, static" };
    Ok(Program { name: name.to_owned(), path, works: "🔄 Processing", bot: true })
}

/// Compiles the floor as the bot is compiled: optimised, stripped, in one piece.
fn hello(folder: &Path) -> Outcome<Program> {
    let (source, path) = (folder.join("hello.rs"), folder.join("hello"));
    fs::write(&source, HELLO)?;
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let flags = ["-Copt-level=3", "-Clto=fat", "-Ccodegen-units=1", "-Cstrip=symbols", "-o"];
    let status = Command::new(rustc).args(flags).arg(&path).arg(&source).status()?;
    if !status.success() {
        return Err("rustc could not compile the hello world that everything is held against".into());
    }
    Ok(Program { name: "hello world".to_owned(), path, works: "hello", bot: false })
}

/// The figures of a program, in the order of [`ROWS`].
fn column(program: &Program, effort: &Effort, folder: &Path) -> Outcome<[String; ROWS.len()]> {
    eprintln!("measuring {} ({})", program.name, program.path.display());
    let [watched, works, unwatched, ended] = start_and_stop(program, effort.runs, folder)?.map(median);
    let late = if program.bot { lateness(program, effort.beats, folder)? } else { Vec::new() };
    let most = late.iter().max().copied();
    Ok([
        ms(watched),
        ms(works),
        most.map_or_else(|| "–".to_owned(), |most| format!("{}, at most {}", ms(median(late)), ms(Some(most)))),
        ms(unwatched),
        ms(ended),
        format!("{:.1} MB", peak_memory(program, folder)? as f64 / 1024.0),
        format!("{:.2} MB", fs::metadata(&program.path)?.len() as f64 / 1e6),
        format!("{:.3} %", idle_share(program, effort.idle, folder)? * 100.0),
    ])
}

/// What each row is, and its budget.
const ROWS: [(&str, &str); 8] = [
    ("process start to the monitor's start", "–"),
    ("process start to first `🔄 Processing`", "10 ms"),
    ("heartbeats late, one a second at `--speed max`", "300 ms"),
    ("SIGTERM to the monitor's stop", "–"),
    ("SIGTERM to exit", "20 ms"),
    ("peak RSS, paper, 3 symbols, an hour a second for 5 s", "3 MB static, 4 MB glibc"),
    ("binary, stripped", "6 MB"),
    ("CPU, paper, idle, of one core", "0.1 %"),
];

fn ms(time: Option<Duration>) -> String {
    time.map_or_else(|| "–".to_owned(), |time| format!("{:.1} ms", time.as_secs_f64() * 1e3))
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

/// Starts a program with nothing around it but `env`: no configuration, an empty folder.
fn start(program: &Program, flags: &[&str], env: &[(&str, &str)], folder: &Path) -> Outcome<Running> {
    let mut command = Command::new(&program.path);
    command.env_clear().envs(env.iter().copied()).env("RUST_LOG", "info").env("HOME", folder).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    if program.bot {
        command.arg("--paper").args(flags);
    }
    let from = Instant::now();
    let mut child = command.spawn()?;
    let output = child.stdout.take();
    let (sender, lines) = channel();
    let running = Running { child, from, lines };
    let output = BufReader::new(output.ok_or("no pipe")?);
    thread::spawn(move || {
        output.lines().map_while(Result::ok).try_for_each(|line| sender.send((Instant::now(), line)))
    });
    Ok(running)
}

/// From start to the monitor's line and to the line that it works, then from SIGTERM to the monitor's line and to the end.
fn start_and_stop(program: &Program, runs: usize, folder: &Path) -> Outcome<[Vec<Duration>; 4]> {
    let mut times = <[Vec<Duration>; 4]>::default();
    // The first run warms the caches and does not count.
    for run in 0..=runs {
        let mut running = start(program, &[], &[], folder)?;
        let mut took = [None; 4];
        if program.bot {
            took[0] = Some(running.wait_for("✓ Health monitor started")? - running.from);
        }
        took[1] = Some(running.wait_for(program.works)? - running.from);
        thread::sleep(Duration::from_millis(50));
        let from = Instant::now();
        kill_process(Pid::from_child(&running.child), Signal::TERM)?;
        running.child.wait()?;
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

/// How late each heartbeat is while the loop works as fast as it can.
fn lateness(program: &Program, beats: usize, folder: &Path) -> Outcome<Vec<Duration>> {
    let mut running = start(program, &["--speed", "max"], &[("HEALTH_CHECK_INTERVAL", "1")], folder)?;
    let due = |from: Instant, beat: usize| from + Duration::from_secs(beat as u64);
    let late = (1..=beats).map(|beat| {
        let came = running.wait_for("💓 Heartbeat")?;
        Ok(came.saturating_duration_since(due(running.from, beat)))
    });
    late.collect()
}

/// `None` of none.
fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// Largest resident memory in KiB, as the kernel's own high-water mark said last.
fn peak_memory(program: &Program, folder: &Path) -> Outcome<u64> {
    let mut running = start(program, &["--speed", "3600", "--duration", "5"], &[], folder)?;
    let status = format!("/proc/{}/status", running.child.id());
    let until = Instant::now() + Duration::from_secs(if program.bot { 30 } else { 1 });
    let mut peak = 0;
    while running.child.try_wait()?.is_none() && Instant::now() < until {
        peak = high_water(&status).unwrap_or(peak);
        thread::sleep(Duration::from_millis(10));
    }
    Ok(peak)
}

/// `None` once the program has ended and holds no memory.
fn high_water(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.parse().ok()
}

/// CPU time of all threads divided by the time that passes, once the start is over.
fn idle_share(program: &Program, time: Duration, folder: &Path) -> Outcome<f64> {
    let mut running = start(program, &[], &[], folder)?;
    running.wait_for(program.works)?;
    thread::sleep(Duration::from_secs(1));
    let (before, from) = (cpu_time_ns(running.child.id())?, Instant::now());
    thread::sleep(time);
    let used = cpu_time_ns(running.child.id())? - before;
    Ok(used as f64 / from.elapsed().as_nanos() as f64)
}

/// From the scheduler's own count, since the clock ticks of `stat` are as long as ten seconds of the budget.
fn cpu_time_ns(process: u32) -> Outcome<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        sum += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(sum)
}
