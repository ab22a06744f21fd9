//! The whole bot on `bot exchange` at real speed, beside the same bot on made-up prices.

use crate::{
    Outcome,
    program::{Program, Running, WITHOUT_LIMITS},
};
use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How many symbols, and the budget of memory with them.
const SIZES: [(usize, &str); 2] = [(3, "6 MB static"), (50, "12 MB static")];

/// What a bot cost.
struct Cost {
    /// Of one core, once it trades.
    share: f64,
    peak_kb: u64,
    rss_kb: u64,
    /// Of that what is not the program's file and its libraries.
    own_kb: u64,
    threads: u64,
    /// From its start until it trades.
    warm: Duration,
    /// That the exchange sent a second.
    frames: f64,
}

/// The table, each figure over this time.
pub fn print(programs: &[Program], time: Duration) -> Outcome<()> {
    println!(
        "| the whole bot, {} s | budget | peak; then resident, of it not files | CPU, of one core | of made-up prices | messages a second | threads | start to first `🔄 Processing` |",
        time.as_secs()
    );
    println!("|---|---|---|---|---|---|---|---|");
    for program in programs {
        eprintln!("measuring {} ({})", program.name, program.path.display());
        let base = made_up(program, time)?;
        row(&program.name, "made-up prices, 3 symbols", "", &base, &base);
        for (count, budget) in SIZES {
            let live = on_exchange(program, count, time)?;
            row(&program.name, &format!("live, {count} symbols"), budget, &live, &base);
        }
    }
    Ok(())
}

fn row(name: &str, what: &str, budget: &str, cost: &Cost, base: &Cost) {
    let mb = |kb: u64| kb as f64 / 1024.0;
    println!(
        "| {name}: {what} | {budget} | {:.1}; {:.1}, {:.1} MB | {:.2} % | {:.1} × the memory | {:.0} | {} | {:.0} ms |",
        mb(cost.peak_kb),
        mb(cost.rss_kb),
        mb(cost.own_kb),
        cost.share * 100.0,
        cost.peak_kb as f64 / base.peak_kb.max(1) as f64,
        cost.frames,
        cost.threads,
        cost.warm.as_secs_f64() * 1e3
    );
}

fn made_up(program: &Program, time: Duration) -> Outcome<Cost> {
    let folder = tempfile::tempdir()?;
    watch(program, &[], folder.path(), time)
}

fn on_exchange(program: &Program, count: usize, time: Duration) -> Outcome<Cost> {
    let (here, there) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let names = (0..count).map(|number| format!("C{number:02}USDT"));
    let names = names.collect::<Vec<_>>();
    let rules = names.iter().try_fold(String::new(), |mut text, name| -> Result<String, std::fmt::Error> {
        writeln!(text, "[[market.instrument]]\nsymbol = \"{name}\"\ntick = 0.01\nstep = 0.001")?;
        writeln!(text, "min_qty = 0.001\nmin_notional = 5")?;
        Ok(text)
    })?;
    fs::write(there.path().join("bot.toml"), rules)?;
    let names = names.join(",");
    let exchange = Exchange::start(&program.path, &names, there.path())?;
    let (rest, streams) = (&exchange.rest, rest_to_streams(&exchange.rest));
    let table =
        format!("{WITHOUT_LIMITS}[exchange]\nnetwork = \"local\"\nrest_url = \"{rest}\"\nws_url = \"{streams}\"\n");
    fs::write(here.path().join("bot.toml"), table)?;
    let from = Instant::now();
    let cost = watch(program, &["--exchange", "binance", "--symbols", &names], here.path(), time)?;
    let frames = exchange.end()? as f64 / (from.elapsed() - cost.warm).as_secs_f64();
    Ok(Cost { frames, ..cost })
}

fn rest_to_streams(rest: &str) -> String {
    rest.replacen("http", "ws", 1)
}

fn watch(program: &Program, flags: &[&str], folder: &Path, time: Duration) -> Outcome<Cost> {
    let mut running = program.start(flags, &[], folder)?;
    let warm = running.wait_for(program.works)? - running.from;
    thread::sleep(Duration::from_secs(1));
    let (before, from) = (running.cpu_time_ns()?, Instant::now());
    thread::sleep(time);
    let share = (running.cpu_time_ns()? - before) as f64 / from.elapsed().as_nanos() as f64;
    let held = |running: &Running, key| running.account("status", key).unwrap_or(0);
    let [peak_kb, rss_kb, own_kb, threads] = ["VmHWM", "VmRSS", "RssAnon", "Threads"].map(|key| held(&running, key));
    running.terminate()?;
    Ok(Cost { share, peak_kb, rss_kb, own_kb, threads, warm, frames: 0.0 })
}

/// A played exchange; ended when dropped.
struct Exchange {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    rest: String,
}

impl Exchange {
    fn start(path: &Path, symbols: &str, folder: &Path) -> Outcome<Self> {
        let mut command = Command::new(path);
        command.env_clear().env("RUST_LOG", "info").env("HOME", folder).current_dir(folder);
        command.args(["exchange", "--listen", "127.0.0.1:0", "--symbols", symbols]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("no pipe")?;
        let mut exchange = Self { child, lines: BufReader::new(output).lines(), rest: String::new() };
        let line = exchange.lines.next().ok_or("the exchange says nothing")??;
        let rest = line.split(' ').find(|word| word.starts_with("http://"));
        exchange.rest = rest.ok_or("the exchange does not say where it is")?.to_owned();
        Ok(exchange)
    }

    /// Ends it. How many frames it has sent.
    fn end(mut self) -> Outcome<u64> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let mut frames = 0;
        for line in self.lines.by_ref() {
            let line = line?;
            let words: Vec<&str> = line.split(' ').collect();
            let at = words.iter().position(|word| word.starts_with("frame"));
            let number = at.filter(|_| line.contains("So far")).and_then(|at| words.get(at.checked_sub(1)?));
            let digits = |word: &&str| word.chars().filter(char::is_ascii_digit).collect::<String>();
            frames = number.map(digits).and_then(|digits| digits.parse().ok()).unwrap_or(frames);
        }
        self.child.wait()?;
        Ok(frames)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // Both fail only where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
