//! How long a message of an exchange takes to a decision and a decision to the exchange's socket, and what the bot costs on a live exchange;
//! each figure beside a baseline of the same run.
//!
//! `cargo bench --bench latency -- [--quick] [BINARY...]` prints Markdown tables. Without a binary it measures the release build; name the
//! static build as a second one. It asserts nothing: aims and budgets stand in the tables beside the figures.

mod bot; // a bot without its shell
mod decode; // one message, text to value
mod live; // the whole bot on `bot exchange`
mod orders; // decision to the exchange's socket
#[path = "../footprint/program.rs"]
mod program; // what is started, and how it is watched
mod raw; // the same bytes without all this
mod served; // an exchange on this machine
mod walk; // socket to decision

use program::Program;
use std::{
    env, fs,
    path::PathBuf,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

/// Any failure ends the measurement.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Between two messages: about what 50 symbols send together.
pub const PAUSE: Duration = Duration::from_millis(1);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("latency: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    // what begins with dashes is cargo's own
    let mut paths: Vec<PathBuf> = arguments.iter().filter(|a| !a.starts_with("--")).map(PathBuf::from).collect();
    if paths.is_empty() {
        paths.push(env!("CARGO_BIN_EXE_bot").into());
    }
    let (messages, entries, seconds) = if quick { (1_000, 1_000, 4) } else { (10_000, 5_000, 30) };

    eprintln!("measuring {messages} messages");
    let walk = walk::run(messages)?;
    let raw = raw::run(&walk.texts)?;
    walk::print(&walk, raw);
    println!();
    orders::print(entries, entries / 10)?;
    println!();
    decode::print(&walk.texts, if quick { 10_000 } else { 500_000 });
    println!();
    let programs = paths.iter().map(|path| Program::bot(path)).collect::<Outcome<Vec<_>>>()?;
    live::print(&programs, Duration::from_secs(seconds))?;
    println!("\nMachine: {}.", machine());
    Ok(())
}

/// A row of a table of latencies, beside the baseline's median.
pub fn row(what: &str, aim: &str, took: &[Duration], base: Duration) {
    let us = |time: Duration| time.as_nanos() as f64 / 1e3;
    let [half, most, worst] = [0.5, 0.99, 0.999].map(|share| us(quantile(took, share)));
    println!("| {what} | {} | {aim} | {half:.1} / {most:.1} / {worst:.1} | {:.2} |", took.len(), half / us(base));
}

/// The time that this share of them is below; zero of none.
pub fn quantile(sorted: &[Duration], share: f64) -> Duration {
    sorted.get((sorted.len() as f64 * share) as usize).copied().unwrap_or_default()
}

/// Waits until `at` without work, as an exchange that has nothing to say.
pub fn wait_until(at: Instant) {
    thread::sleep(at.saturating_duration_since(Instant::now()));
}

fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(env::consts::ARCH);
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    format!(
        "{cores} × {}, Linux {}, load {}",
        model.trim_start_matches([' ', '\t', ':']),
        read("/proc/sys/kernel/osrelease").trim(),
        load.split(' ').next().unwrap_or("unknown")
    )
}
