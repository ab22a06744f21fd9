//! A rule of the house, which proves on planted violations that it would find one, and the words to write rules in.

use crate::source::{Source, sources};

/// Something that a rule found: where, and under which name it may stand in the rule's list.
#[derive(Debug)]
pub struct Finding {
    pub key: String,
    pub line: usize,
    pub what: String,
}

/// A rule of the house, with samples (path, text) that it must find and must not find.
#[derive(Clone, Copy)]
pub struct Rule {
    pub name: &'static str,
    pub find: fn(&Source) -> Vec<Finding>,
    /// Keys that may be found: files, folders (`engine/`) or functions (`engine/mod.rs::handle`). May only shrink.
    pub allowed: &'static [&'static str],
    pub planted: &'static [(&'static str, &'static str)],
    pub near_misses: &'static [(&'static str, &'static str)],
}

impl Rule {
    /// What breaks the rule, and what stands in its list without need.
    pub fn broken(&self, sources: &[Source]) -> Vec<String> {
        let mut needless = self.allowed.to_vec();
        let mut broken = Vec::new();
        for source in sources {
            for finding in (self.find)(source) {
                let covers =
                    |entry: &&str| *entry == finding.key || entry.ends_with('/') && finding.key.starts_with(*entry);
                match self.allowed.iter().find(|entry| covers(entry)) {
                    Some(entry) => needless.retain(|other| other != entry),
                    None => {
                        broken.push(format!("src/{}:{}: {}: {}", source.path, finding.line, self.name, finding.what))
                    }
                }
            }
        }
        broken.extend(needless.iter().map(|entry| format!("{}: the list names {entry} without need", self.name)));
        broken
    }

    /// Fails unless each planted violation is found and each near miss is not.
    pub fn prove(&self) {
        assert!(!self.planted.is_empty() && !self.near_misses.is_empty(), "{}: no samples", self.name);
        for (path, text) in self.planted {
            assert!(!self.found(path, text).is_empty(), "{}: not found in {path}: {text}", self.name);
        }
        for (path, text) in self.near_misses {
            let found = self.found(path, text);
            assert!(found.is_empty(), "{}: found in {path}: {text}: {found:?}", self.name);
        }
    }

    fn found(&self, path: &str, text: &str) -> Vec<Finding> {
        (self.find)(&Source::new(path, &text.replace("<70 lines>", &"\n".repeat(70))))
    }
}

/// Fails with everything that breaks any of `rules`.
pub fn hold(rules: &[Rule]) {
    let sources = sources();
    let broken: Vec<String> = rules.iter().flat_map(|rule| rule.broken(&sources)).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

/// A finding whose key is the file.
pub fn finding(source: &Source, line: usize, what: impl Into<String>) -> Finding {
    Finding { key: source.path.clone(), line, what: what.into() }
}

/// A finding for each path of the code that is one of `names`, however it is written: `std::thread::sleep`.
pub fn find_named(source: &Source, names: &[&str]) -> Vec<Finding> {
    let roots: Vec<&str> = names.iter().filter_map(|name| name.split("::").next()).collect();
    let paths = source.paths(&roots);
    let named = paths.iter().map(|path| (path.line, path.segments.join("::")));
    named.filter(|(_, path)| names.contains(&path.as_str())).map(|(line, path)| finding(source, line, path)).collect()
}

/// A finding for each place where one of `patterns` stands in the code.
pub fn find_any(source: &Source, patterns: &[&str]) -> Vec<Finding> {
    let lines = |pattern: &&str| source.find(pattern).into_iter().map(|line| finding(source, line, *pattern)).collect();
    patterns.iter().flat_map(|pattern| -> Vec<Finding> { lines(pattern) }).collect()
}
