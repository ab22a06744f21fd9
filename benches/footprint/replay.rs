//! What journal and commits cost where nothing else waits: recorded candles at full speed, with a data directory and without.

use crate::{Outcome, Row, forget, median, program::Program};
use std::{path::Path, process::Command, time::Duration};

const SYMBOLS: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];
const MINUTES_A_DAY: u32 = 1440;

/// Events a second, without and with.
pub fn rows(program: &Program, quick: bool, folder: &Path) -> Outcome<Vec<Row>> {
    let (days, runs) = if quick { (10, 1) } else { (120, 5) };
    let files = SYMBOLS.map(|symbol| format!("{symbol}-1m.csv"));
    for (symbol, file) in SYMBOLS.iter().zip(&files) {
        let mut command = Command::new(&program.path);
        command.args(["generate", file, "--symbol", symbol, "--days", &days.to_string()]).current_dir(folder);
        if !command.output()?.status.success() {
            return Err(format!("{file} could not be made").into());
        }
    }
    let events = f64::from(days * MINUTES_A_DAY) * SYMBOLS.len() as f64;
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..runs {
        for (took, store) in took.iter_mut().zip([&[][..], &["--data-dir", "replay"]]) {
            forget(&folder.join("replay"))?;
            let files = files.iter().map(String::as_str).collect::<Vec<_>>();
            let flags = [&["--speed", "max", "--replay"][..], &files[..], store].concat();
            took.push(replay(program, &flags, folder)?);
        }
    }
    let [without, with] = took.map(|took| events / median(took).map_or(1.0, |time| time.as_secs_f64()) / 1e3);
    let beside = format!("{:.2} of {without:.0} thousand without", with / without);
    let what = format!("candles a second of a replay, 3 symbols, {days} days");
    Ok(vec![[what, "–".to_owned(), format!("{with:.0} thousand"), beside]])
}

/// From the first look at the market to the end.
fn replay(program: &Program, flags: &[&str], folder: &Path) -> Outcome<Duration> {
    let mut running = program.start(flags, &[], folder)?;
    let from = running.wait_for(program.works)?;
    let over = running.wait_for("Stopped cleanly")?;
    running.child.wait()?;
    Ok(over - from)
}
