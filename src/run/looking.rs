//! What the subcommands share that look into a data directory: which one, and how they print.

use super::signals::FAILURE;
use crate::{
    cli::{Cli, Whose},
    config::{Config, Network, process_env},
    store::{
        Database,
        folder::{DATABASE, Kind, folder_of},
    },
};
use std::{
    io::{self, BufWriter, ErrorKind, Write},
    path::{Path, PathBuf},
};

/// The data directory that is meant.
///
/// # Errors
///
/// There is no such network; in words.
pub fn folder(whose: &Whose) -> Result<PathBuf, String> {
    let kind = if whose.live { Kind::Live(network(whose)?) } else { Kind::Paper };
    Ok(folder_of(whose.data_dir.as_deref(), kind, &process_env).unwrap_or_default())
}

/// Whoever looks is not kept from it by a configuration that is wrong, unless he names what is wrong.
fn network(whose: &Whose) -> Result<Network, String> {
    let cli = Cli { paper: true, network: whose.network.clone(), ..Cli::default() };
    match Config::load(&cli, &process_env, Path::new("")) {
        Ok(config) => Ok(config.exchange.network),
        Err(error) if whose.network.is_some() => Err(error.to_string()),
        Err(_) => Ok(Network::default()),
    }
}

/// The same, and its database to read, whether or not a bot writes to it.
///
/// # Errors
///
/// Nothing is kept there, or it can't be read; in words.
pub fn open(whose: &Whose) -> Result<(PathBuf, Database), String> {
    let folder = folder(whose)?;
    let file = folder.join(DATABASE);
    match file.symlink_metadata() {
        Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Err(nothing_in(&folder))
        }
        Ok(_) | Err(_) => Ok((folder, Database::read(&file).map_err(|error| error.to_string())?)),
    }
}

fn nothing_in(folder: &Path) -> String {
    format!(
        "{}: no account is kept there\nA run begins one: `bot --paper`, or with --replay or --speed where --data-dir names a folder. One that \
         is kept elsewhere is named with --data-dir here too, and that with real money with --live, and --network testnet or local",
        folder.display()
    )
}

/// Prints a result, and returns the exit code. A reader that has seen enough (`| head`) is no failure.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> u8 {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => 0,
        Err(cause) if cause.kind() == ErrorKind::BrokenPipe => 0,
        Err(cause) => {
            eprintln!("bot: the result can't be written: {cause}");
            FAILURE
        }
    }
}

/// An object of JSON, and the end of its line.
pub fn print_json(out: &mut dyn Write, object: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    out.write_all(b"\n")
}
