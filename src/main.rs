//! `bot`: parse, log, run, exit code.

use smolbear::{cli, run::launch};
use std::{process::ExitCode, time::Instant};

fn main() -> ExitCode {
    let started = Instant::now();
    match cli::parse(std::env::args_os()) {
        Ok(cli) => launch::start(&cli, started).into(),
        Err(usage) => {
            usage.print();
            usage.exit_code().into()
        }
    }
}
