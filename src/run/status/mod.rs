//! `bot status`: how the bot is, whether it runs or not, from its data directory.

mod gather; // what is known, and what follows from it
mod plain; // for a person
mod report; // for a program
#[cfg(test)]
mod tests;

pub use gather::market_time;
pub use plain::bytes;

use super::{
    clocks::wall_ms,
    log::zone,
    looking::{self, print, print_json},
};
use crate::cli::Status;
use rustix::termios::tcgetwinsize;
use std::io;

/// Prints the status; exit code 0 whatever it is.
///
/// # Errors
///
/// There is no account, or it can't be read.
pub fn status(wish: &Status) -> Result<u8, String> {
    let (folder, database) = looking::open(&wish.whose)?;
    let report = gather::look(&folder, &database, wall_ms())?.report();
    if wish.json {
        return Ok(print(|out| print_json(out, &report)));
    }
    let lines = plain::lines(&report, &zone::local().0, width());
    Ok(print(|out| lines.iter().try_for_each(|line| writeln!(out, "{line}"))))
}

/// Of the terminal; where there is none, lines are as long as they are.
fn width() -> usize {
    let columns = tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { usize::MAX } else { columns }
}
