//! The file that `bot init` writes: every key with its default and a line about it.

use super::{
    Config, ConfigError, example_instrument, forms,
    keys::{INSTRUMENT_KEYS, KEYS, Key, STRATEGY_KEYS, TABLES},
    nearest::header,
};
use crate::strategies;
use std::{
    fmt::Write as _,
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    path::Path,
};

const HEAD: &str = "\
# The configuration of `bot`. Every key stands here with its default; lines that you don't change can be deleted.
# A flag goes before an environment variable, a variable before this file, this file before the default.
# An unknown key is an error. The log level is the variable RUST_LOG; --paper or --live is always a flag.
";

/// The text of a `bot.toml` with every key at its default. Keys without a default are commented out.
#[must_use]
pub fn default_file() -> String {
    let mut text = HEAD.to_owned();
    for (table, about) in TABLES {
        // A string takes every write.
        let _ = writeln!(text, "\n# {about}.");
        match table {
            "strategy" => {
                let entry = |text: &mut String, settings: &mut strategies::Settings, off: &str| {
                    let _ = writeln!(text, "{off}{}", header(table));
                    for key in STRATEGY_KEYS {
                        if forms::counts(key.path, settings) {
                            line(text, key, key.path, settings, off);
                        }
                    }
                };
                for (index, mut settings) in strategies::Settings::defaults().into_iter().enumerate() {
                    text.push_str(if index > 0 { "\n" } else { "" });
                    entry(&mut text, &mut settings, "");
                }
                for mut settings in example_strategies() {
                    text.push('\n');
                    entry(&mut text, &mut settings, "# ");
                }
            }
            "market.instrument" => {
                let _ = writeln!(text, "# {}", header(table));
                let mut example = example_instrument();
                INSTRUMENT_KEYS.iter().for_each(|key| line(&mut text, key, key.path, &mut example, "# "));
            }
            _ => {
                let _ = writeln!(text, "{}", header(table));
                let mut config = Config::default();
                let keys = KEYS.iter().filter_map(|key| Some((key, key.path.strip_prefix(table)?.strip_prefix('.')?)));
                keys.for_each(|(key, name)| line(&mut text, key, name, &mut config, ""));
            }
        }
    }
    text
}

/// The other forms of a strategy: the simple ones, and signals from a file.
fn example_strategies() -> [strategies::Settings; 3] {
    let named = |name: &str, rule| strategies::Settings { name: name.to_owned(), ..rule };
    let mut signals = strategies::Settings::signals();
    signals.list.file = "signals.csv".to_owned();
    [
        named("simple_bounce", strategies::Settings::oversold_bounce().simple()),
        named("simple_rip", strategies::Settings::short_the_rip().simple()),
        signals,
    ]
}

/// A key's comment and its default.
fn line<T>(text: &mut String, key: &Key<T>, name: &str, target: &mut T, off: &str) {
    let allowed = key.allowed(target);
    let also: Vec<_> = key.flag.into_iter().chain(key.env).collect();
    let also = if also.is_empty() { String::new() } else { format!(" Also {}.", also.join(", ")) };
    let _ = writeln!(text, "# {}: {allowed}.{also}", key.doc);
    let _ = match (key.slot)(target).render() {
        Some(value) => writeln!(text, "{off}{name} = {value}"),
        None => writeln!(text, "# {name} = 3600"),
    };
}

/// Writes [`default_file`] to `path`.
///
/// # Errors
///
/// [`ConfigError::Exists`] when there is such a file and `force` is false, [`ConfigError::Unwritable`] when the system refuses.
pub fn write_default_file(path: &Path, force: bool) -> Result<(), ConfigError> {
    let mut options = OpenOptions::new();
    match force {
        true => options.write(true).create(true).truncate(true),
        false => options.write(true).create_new(true),
    };
    let written = options.open(path).and_then(|mut file| file.write_all(default_file().as_bytes()));
    written.map_err(|cause| match cause.kind() {
        ErrorKind::AlreadyExists => ConfigError::Exists { file: path.display().to_string() },
        _ => ConfigError::Unwritable { file: path.display().to_string(), cause },
    })
}
