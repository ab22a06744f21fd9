//! `bot.toml`: where it is found, and how it fills a configuration.

use super::{
    Config, ConfigError, Lookup, Origin, Source, forms,
    given::Given,
    keys::{INSTRUMENT_KEYS, KEYS, Key, STRATEGY_KEYS, TABLES},
    nearest::{header, key_hint, table_hint},
    slot::MAX_SYMBOLS,
};
use crate::{
    market::Instrument,
    strategies::{self, Kind},
};
use rust_decimal::Decimal;
use std::{
    fs,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Bytes of a configuration file, at most; the one with every key has 6 KB.
const MAX_BYTES: u64 = 1 << 20;
/// Entries of `[[strategy]]`, at most.
const MAX_STRATEGIES: usize = 16;

/// The file to use, with its content: `chosen`, which must exist, else `bot.toml` in `dir`, else in the user's configuration directory.
pub fn find(chosen: Option<&Path>, env: &Lookup, dir: &Path) -> Result<Option<(PathBuf, String)>, ConfigError> {
    if let Some(path) = chosen {
        let path = dir.join(path);
        let text = read(&path).map_err(|cause| unreadable(&path, cause))?;
        return Ok(Some((path, text)));
    }
    let home = env("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let paths = [Some(dir.join("bot.toml")), home.map(|home| home.join(".config/smolbear/bot.toml"))];
    for path in paths.into_iter().flatten() {
        match read(&path) {
            Ok(text) => return Ok(Some((path, text))),
            Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            // One that exists and cannot be read must not turn into the defaults.
            Err(cause) => return Err(unreadable(&path, cause)),
        }
    }
    Ok(None)
}

fn unreadable(path: &Path, cause: io::Error) -> ConfigError {
    ConfigError::Unreadable { file: path.display().to_string(), cause }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let bytes = fs::File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if bytes as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("larger than {MAX_BYTES} bytes")));
    }
    Ok(text)
}

/// What a file has set.
pub struct Applied {
    /// For each of [`KEYS`], the line that set it.
    pub keys: Vec<Option<Source>>,
    /// For the summary: strategies and instruments.
    pub lists: Vec<Origin>,
}

/// Fills `config` from the text of the file called `name`; the first thing wrong in it is the error.
pub fn apply(config: &mut Config, name: &str, text: &str) -> Result<Applied, ConfigError> {
    let file = File { name, text };
    let document = DeTable::parse(text).map_err(|error| file.syntax(&error))?;
    let mut applied = Applied { keys: vec![None; KEYS.len()], lists: Vec::new() };
    for entry in in_order(document.get_ref()) {
        match entry.name {
            "strategy" => config.strategies = file.strategies(&entry, &mut applied)?,
            name if TABLES.iter().any(|(table, _)| *table == name) => file.table(config, &entry, &mut applied)?,
            name if entry.value.is_table() => return Err(file.unknown_table(name, &entry)),
            name => return Err(file.unknown_key(name, &entry)),
        }
    }
    Ok(applied)
}

/// A line of a table: its name, where the name stands, and the value.
struct Entry<'a> {
    name: &'a str,
    offset: usize,
    value: &'a DeValue<'a>,
}

/// The entries as they stand in the file, so that the first error is the uppermost.
fn in_order<'a>(table: &'a DeTable<'a>) -> Vec<Entry<'a>> {
    let entry = |(key, value): (&'a Spanned<_>, &'a Spanned<_>)| {
        let name: &std::borrow::Cow<'a, str> = key.get_ref();
        Entry { name, offset: key.span().start, value: value.get_ref() }
    };
    let mut entries: Vec<_> = table.iter().map(entry).collect();
    entries.sort_by_key(|entry| entry.offset);
    entries
}

/// The file, for messages.
struct File<'a> {
    name: &'a str,
    text: &'a str,
}

impl File<'_> {
    fn at(&self, offset: usize) -> Source {
        let before = self.text.as_bytes().iter().take(offset);
        Source::File { file: self.name.to_owned(), line: 1 + before.filter(|byte| **byte == b'\n').count() }
    }

    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let offset = error.span().map_or(0, |span| span.start);
        let before = self.text.as_bytes().iter().take(offset);
        let line = self.text.lines().nth(before.filter(|byte| **byte == b'\n').count()).unwrap_or_default();
        let text = line.trim().chars().take(80).collect();
        ConfigError::Syntax { at: self.at(offset), text, cause: error.message().to_owned() }
    }

    fn unknown_key(&self, path: &str, entry: &Entry) -> ConfigError {
        ConfigError::Unknown { at: self.at(entry.offset), what: format!("`{path}` is no key"), hint: key_hint(path) }
    }

    fn unknown_table(&self, path: &str, entry: &Entry) -> ConfigError {
        ConfigError::Unknown {
            at: self.at(entry.offset),
            what: format!("[{path}] is no table"),
            hint: table_hint(path),
        }
    }

    fn together(&self, offset: usize, what: impl Into<String>) -> ConfigError {
        ConfigError::Together { at: self.at(offset), what: what.into() }
    }

    /// `[risk]` and the like.
    fn table(&self, config: &mut Config, table: &Entry, applied: &mut Applied) -> Result<(), ConfigError> {
        let entries = table.value.as_table().ok_or_else(|| self.not_a_table(table))?;
        for entry in in_order(entries) {
            let path = format!("{}.{}", table.name, entry.name);
            if path == "market.instrument" {
                config.own_instruments = self.instruments(&entry, applied)?;
                continue;
            }
            let Some(index) = KEYS.iter().position(|key| key.path == path) else {
                return Err(self.unknown_key(&path, &entry));
            };
            applied.keys[index] = Some(self.set(config, &KEYS[index], path, &entry)?);
        }
        Ok(())
    }

    fn not_a_table(&self, entry: &Entry) -> ConfigError {
        let what = format!("`{}` is {}, but must be a table, [{}]", entry.name, Given::Toml(entry.value), entry.name);
        self.together(entry.offset, what)
    }

    fn set<T>(&self, target: &mut T, key: &Key<T>, path: String, entry: &Entry) -> Result<Source, ConfigError> {
        let at = self.at(entry.offset);
        super::set(target, key, path, &at, &Given::Toml(entry.value))?;
        Ok(at)
    }

    /// The tables of a list of tables, each with its offset.
    fn list<'a>(
        &self,
        path: &str,
        entry: &Entry<'a>,
        max: usize,
    ) -> Result<Vec<(usize, &'a DeTable<'a>)>, ConfigError> {
        let wrong = || {
            let (got, header) = (Given::Toml(entry.value), header(path));
            self.together(
                entry.offset,
                format!("`{path}` is {got}, but must be 1 to {max} tables, each under {header}"),
            )
        };
        let items = entry.value.as_array().filter(|items| (1..=max).contains(&items.len())).ok_or_else(wrong)?;
        let table = |item: &'a Spanned<DeValue<'a>>| Some((item.span().start, item.get_ref().as_table()?));
        items.iter().map(|item| table(item).ok_or_else(wrong)).collect()
    }

    /// Fills one entry of a list of tables; returns which keys it has, with their lines.
    fn fill<T>(
        &self,
        target: &mut T,
        keys: &'static [Key<T>],
        path: &str,
        table: &DeTable,
    ) -> Result<Vec<(&'static Key<T>, Source)>, ConfigError> {
        let mut found = Vec::new();
        for entry in in_order(table) {
            let path = format!("{path}.{}", entry.name);
            let Some(key) = keys.iter().find(|key| key.path == entry.name) else {
                return Err(self.unknown_key(&path, &entry));
            };
            found.push((key, self.set(target, key, path, &entry)?));
        }
        Ok(found)
    }

    /// `[[strategy]]`.
    fn strategies(&self, list: &Entry, applied: &mut Applied) -> Result<Vec<strategies::Settings>, ConfigError> {
        let mut all: Vec<strategies::Settings> = Vec::new();
        let mut origins = Vec::new();
        for (offset, table) in self.list("strategy", list, MAX_STRATEGIES)? {
            let one = self.strategy(offset, table, &mut origins)?;
            if all.iter().any(|other| other.name == one.name) {
                let what = format!("two strategies are called `{}`; give each a `name` of its own", one.name);
                return Err(self.together(offset, what));
            }
            all.push(one);
        }
        if all != strategies::Settings::defaults() {
            applied.lists.append(&mut origins);
        }
        Ok(all)
    }

    fn strategy(
        &self,
        offset: usize,
        table: &DeTable,
        origins: &mut Vec<Origin>,
    ) -> Result<strategies::Settings, ConfigError> {
        let mut settings = self.form_defaults(offset, table)?;
        let mut plain = settings.clone();
        let found = self.fill(&mut settings, STRATEGY_KEYS, "strategy", table)?;
        let has = |name: &str| found.iter().any(|(key, _)| key.path == name);
        for (key, at) in &found {
            if let Some(why) = forms::stray(key.path, &settings) {
                let what = format!("`strategy.{}` {why}", key.path);
                return Err(ConfigError::Together { at: at.clone(), what });
            }
        }
        if let Some([one, other]) = forms::clash(has) {
            return Err(self.together(offset, format!("`{one}` and `{other}` exclude each other; leave one out")));
        }
        if settings.kind == Kind::Signals && settings.list.file.is_empty() {
            let what = "[[strategy]] of kind \"signals\" has no `file`, which must be the path of a file";
            return Err(self.together(offset, what));
        }
        forms::settle(&mut settings, has);
        fit_context(&mut settings, &found)?;
        origins.push(Origin::new("strategy", format!("\"{}\"", settings.name), self.at(offset)));
        for (key, at) in found.iter().filter(|(key, _)| key.path != "name") {
            let (value, default) = ((key.slot)(&mut settings).render(), (key.slot)(&mut plain).render());
            if let Some(value) = value.filter(|value| Some(value) != default.as_ref()) {
                origins.push(Origin::new(format!("strategy.{}.{}", settings.name, key.path), value, at.clone()));
            }
        }
        Ok(settings)
    }

    /// The defaults of the form that an entry names by `kind` and `adaptive`; the other keys are read over them.
    fn form_defaults(&self, offset: usize, table: &DeTable) -> Result<strategies::Settings, ConfigError> {
        let mut settings = strategies::Settings::oversold_bounce();
        let entries = in_order(table);
        let mut set = |name: &str| {
            let key = STRATEGY_KEYS.iter().find(|key| key.path == name);
            let entry = entries.iter().find(|entry| entry.name == name);
            let (Some(key), Some(entry)) = (key, entry) else { return Ok(false) };
            self.set(&mut settings, key, format!("strategy.{name}"), entry).map(|_| true)
        };
        if !set("kind")? {
            let allowed = STRATEGY_KEYS[0].allowed(&mut settings);
            return Err(self.together(offset, format!("[[strategy]] has no `kind`, which must be {allowed}")));
        }
        set("adaptive")?;
        let usual = match settings.kind {
            Kind::OversoldBounce => strategies::Settings::oversold_bounce(),
            Kind::ShortTheRip => strategies::Settings::short_the_rip(),
            Kind::Signals => return Ok(strategies::Settings::signals()),
        };
        Ok(if settings.adaptive { usual } else { usual.simple() })
    }

    /// `[[market.instrument]]`.
    fn instruments(&self, list: &Entry, applied: &mut Applied) -> Result<Vec<Instrument>, ConfigError> {
        let mut all: Vec<Instrument> = Vec::new();
        for (offset, table) in self.list("market.instrument", list, MAX_SYMBOLS)? {
            let one = self.instrument(offset, table)?;
            if all.iter().any(|other| other.symbol == one.symbol) {
                return Err(self.together(offset, format!("[[market.instrument]] names {} twice", one.symbol)));
            }
            applied.lists.push(Origin::new("market.instrument", format!("\"{}\"", one.symbol), self.at(offset)));
            all.push(one);
        }
        Ok(all)
    }

    fn instrument(&self, offset: usize, table: &DeTable) -> Result<Instrument, ConfigError> {
        let mut one = super::example_instrument();
        let found = self.fill(&mut one, INSTRUMENT_KEYS, "market.instrument", table)?;
        if let Some(missing) = INSTRUMENT_KEYS.iter().find(|key| found.iter().all(|(other, _)| other.path != key.path))
        {
            let (name, allowed) = (missing.path, missing.allowed(&mut one));
            return Err(
                self.together(offset, format!("[[market.instrument]] has no `{name}`, which must be {allowed}"))
            );
        }
        if one.min_qty.checked_rem(one.step) != Some(Decimal::ZERO) {
            let what = format!("`min_qty` is {}, but must be a multiple of `step`, {}", one.min_qty, one.step);
            return Err(self.together(offset, what));
        }
        Ok(one)
    }
}

/// The context is never finer than the timeframe: left out, it is coarsened; written down, it is an error.
fn fit_context(
    settings: &mut strategies::Settings,
    found: &[(&Key<strategies::Settings>, Source)],
) -> Result<(), ConfigError> {
    let (context, timeframe) = (settings.context, settings.timeframe);
    if context >= timeframe {
        return Ok(());
    }
    if let Some((_, at)) = found.iter().find(|(key, _)| key.path == "context") {
        let what = format!(
            "`strategy.context` is \"{context}\", but must not be finer than `strategy.timeframe`, \"{timeframe}\""
        );
        return Err(ConfigError::Together { at: at.clone(), what });
    }
    settings.context = timeframe;
    Ok(())
}
