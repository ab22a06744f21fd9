//! The pages for people say nothing that is not so: commands, flags, keys, defaults, dependencies, paths.

use smolbear::{
    cli::{self, Usage},
    config::{self, Config},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const README: &str = include_str!("../README.md");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The blocks of commands: each line's simple commands, as words, without variables, redirections and comments.
fn commands(text: &str) -> Vec<Vec<&str>> {
    let blocks = text.split("```").skip(1).step_by(2).filter_map(|block| block.trim_start().strip_prefix("sh\n"));
    let lines = blocks.flat_map(str::lines).map(|line| line.split(" #").next().unwrap_or(line));
    let simple = lines.flat_map(|line| line.split("&&")).map(words);
    simple.filter(|words| !words.is_empty()).collect()
}

fn words(command: &str) -> Vec<&str> {
    let variable = |word: &&str| word.split_once('=').is_some_and(|(name, _)| name == name.to_uppercase());
    let words = command.split_whitespace().skip_while(variable);
    words.take_while(|word| !word.contains(['|', '>'])).collect()
}

/// What the bot is told by a command, where it is told something.
fn told<'a>(words: &[&'a str]) -> Option<Vec<&'a str>> {
    match words {
        ["./bot" | "bot", rest @ ..] | ["cargo", "run", "--release", "--", rest @ ..] => Some(rest.to_vec()),
        _ => None,
    }
}

#[test]
fn every_command_of_the_readme_is_understood() {
    let crontab = README.lines().filter(|line| line.contains(" * * *"));
    let by_cron = crontab.flat_map(|line| line.split("&&").skip(1)).map(words);
    let told: Vec<_> = commands(README).into_iter().chain(by_cron).filter_map(|words| told(&words)).collect();
    assert!(told.len() >= 12, "{told:?}");
    for args in told {
        if let Err(wrong) = understood(&args) {
            panic!("bot {}: {wrong}", args.join(" "));
        }
    }
    assert!(understood(&["--paper", "--sped", "3"]).is_err());
    assert!(understood(&["--paper", "--speed", "fast"]).is_err());
    let cron = "5 * * * *  cd /x && A=1 RUST_LOG=info ./bot --paper >> bot.log 2>&1";
    assert_eq!(words(cron.split("&&").nth(1).unwrap()), ["./bot", "--paper"]);
}

fn understood(args: &[&str]) -> Result<(), String> {
    match cli::parse(["bot"].iter().chain(args)) {
        Err(Usage::Wrong(text)) => Err(text),
        Err(Usage::Shown(_)) => Ok(()),
        // real orders need a file that says so, and none is here
        Ok(cli) if cli.live => Ok(()),
        Ok(cli) => Config::load(&cli, &|_| None, Path::new("/nowhere")).map(|_| ()).map_err(|error| error.to_string()),
    }
}

/// The rows of the table whose header begins with `first`, as cells without backticks.
fn table(first: &str) -> Vec<Vec<String>> {
    let lines = README.lines().skip_while(|line| !line.starts_with(&format!("| {first} |")));
    let rows = lines.take_while(|line| line.starts_with('|')).skip(2);
    let cells =
        |row: &str| row.trim_matches('|').split('|').map(|cell| cell.replace('`', "").trim().to_owned()).collect();
    rows.map(cells).collect()
}

fn help() -> String {
    let Err(Usage::Shown(text)) = cli::parse(["bot", "--help"]) else { panic!("no help") };
    text
}

/// `table.key` and its default of every key in the file of `bot init`; of a strategy, those of the first.
fn defaults() -> BTreeMap<String, String> {
    let (mut table, mut keys) = (String::new(), BTreeMap::new());
    for line in config::default_file().lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_matches(['[', ']']).to_owned();
        } else if let Some((key, value)) = line.split_once(" = ") {
            keys.entry(format!("{table}.{key}")).or_insert_with(|| value.to_owned());
        }
    }
    keys
}

#[test]
fn the_readme_lists_every_flag_and_knows_the_defaults() {
    let rows = table("flag");
    let listed: BTreeSet<_> = rows.iter().map(|row| row[0].as_str()).filter(|flag| !flag.is_empty()).collect();
    let (help, defaults) = (help(), defaults());
    let lines = help.lines().filter(|line| line.trim_start().starts_with("--"));
    let flags: BTreeMap<_, _> = lines.filter_map(|line| Some((line.split_whitespace().next()?, line))).collect();
    assert_eq!(listed, flags.keys().copied().collect(), "flags of the README and of --help");
    let mut compared = 0;
    for row in &rows {
        let [flag, key, variable, default, ..] = &row[..] else { panic!("{row:?}") };
        if key.is_empty() {
            continue;
        }
        let real = defaults.get(key).unwrap_or_else(|| panic!("no key {key}"));
        let in_words = ["bot.duration_s", "market.symbols"].contains(&key.as_str());
        let said = flags.get(flag.as_str()).and_then(|line| line.split_once("[default: ")).map(|(_, said)| said);
        if !in_words {
            compared += 1;
            assert_eq!(default, real, "{key}");
            assert!(said.is_none_or(|said| said.starts_with(&format!("{real}]"))), "{flag} in --help: {said:?}");
        }
        assert!(variable.is_empty() || help.contains(variable.as_str()), "{variable} is not in --help");
    }
    assert!(compared >= 12, "{compared}");
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap().split("\n[").next().unwrap();
    let used: BTreeSet<_> =
        section.lines().filter_map(|line| line.split([' ', '=']).next()).filter(|n| !n.is_empty()).collect();
    let rows = table("crate");
    let told: BTreeSet<_> = rows.iter().flat_map(|row| row[0].split(", ")).collect();
    assert_eq!(told, used);
    assert!(rows.iter().all(|row| row[1].len() > 10));
}

#[test]
fn every_file_that_a_page_names_is_there() {
    let mut named = 0;
    for page in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let links =
            text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://"));
        // such as `run/realtime.rs` or `src/run/`
        let code = text.split('`').skip(1).step_by(2).filter(|word| !word.contains([' ', '\n', '…']));
        let paths = code.filter(|word| word.ends_with(".rs") || word.ends_with('/'));
        for path in links.chain(paths) {
            named += 1;
            assert!(
                ["", "src", "src/run"].iter().any(|folder| root().join(folder).join(path).exists()),
                "{page}: {path}"
            );
        }
    }
    assert!(named >= 8, "{named}");
}
