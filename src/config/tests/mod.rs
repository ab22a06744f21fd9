//! What a user can rely on: who wins, what the defaults are, and that `bot init` tells the truth.

mod messages;

use super::{
    keys::{INSTRUMENT_KEYS, KEYS, STRATEGY_KEYS, TABLES, paths},
    *,
};
use crate::cli::Command;
use proptest::prelude::*;
use std::fs;

/// A run's configuration: flags after `bot --paper`, variables, and the text of `bot.toml`.
fn load(flags: &str, env: &[(&str, &str)], toml: Option<&str>) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    if let Some(text) = toml {
        fs::write(dir.path().join("bot.toml"), text).unwrap();
    }
    load_in(dir.path(), flags, env)
}

fn load_in(dir: &Path, flags: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let cli = crate::cli::parse(["bot", "--paper"].into_iter().chain(flags.split_whitespace())).unwrap();
    let lookup = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Config::load(&cli, &lookup, dir)
}

fn accepted(toml: &str) -> Config {
    load("", &[], Some(toml)).unwrap()
}

#[test]
fn without_anything_there_are_the_defaults() {
    assert_eq!(load("", &[], None).unwrap(), Config::default());
    assert_eq!(Config::default().instruments.len(), 3);
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file_over_the_default() {
    let toml = Some("[paper]\ncapital = 200\n");
    for (flags, env, toml, want) in [
        ("", &[][..], None, 1000),
        ("", &[], toml, 200),
        ("", &[("CAPITAL_USDT", "300")], toml, 300),
        ("--capital 400", &[("CAPITAL_USDT", "300")], toml, 400),
        ("--capital 400", &[], None, 400),
    ] {
        assert_eq!(load(flags, env, toml).unwrap().paper.capital, Decimal::from(want), "{flags} {env:?}");
    }
}

#[test]
fn the_summary_names_the_source_of_what_is_not_a_default() {
    let toml = "[risk]\nleverage = 5 # the default\nper_trade_pct = 0.5\n[[strategy]]\nkind = \"short_the_rip\"\nrsi_base = 60\n";
    let flags = "--seed 7 --speed max --duration 1.5 --infinite";
    let config = load(flags, &[("CAPITAL_USDT", "500"), ("HEALTH_CHECK_INTERVAL", "10")], Some(toml)).unwrap();
    let file = config.config_file.clone().unwrap().display().to_string();
    let lines: Vec<_> = config.origins.iter().map(|origin| origin.to_string().replace(&file, "bot.toml")).collect();
    assert_eq!(
        lines,
        [
            "bot.duration_s = 1.5 (--duration)",
            "bot.infinite = true (--infinite)",
            "risk.per_trade_pct = 0.5 (bot.toml:3)",
            "paper.capital = 500 (CAPITAL_USDT)",
            "paper.seed = 7 (--seed)",
            "paper.speed = \"max\" (--speed)",
            "health.interval_s = 10 (HEALTH_CHECK_INTERVAL)",
            "strategy = \"short_the_rip\" (bot.toml:4)",
            "strategy.short_the_rip.rsi_base = 60 (bot.toml:6)",
        ]
    );
    assert_eq!(config.duration, Some(Duration::from_millis(1500)));
    assert_eq!(config.paper.speed, Speed::Max);
}

#[test]
fn init_writes_exactly_the_defaults() {
    let config = accepted(&default_file());
    assert_eq!(config, Config { config_file: config.config_file.clone(), ..Config::default() });
}

#[test]
fn init_holds_every_key_once_a_default_list_and_each_is_valid() {
    let text = default_file();
    let mut expected: Vec<&str> = KEYS.iter().map(|key| key.path.split_once('.').unwrap().1).collect();
    expected.extend(INSTRUMENT_KEYS.iter().map(|key| key.path));
    let mut signals = strategies::Settings::signals();
    signals.list.file = "signals.csv".to_owned();
    let simple = strategies::Settings::defaults().into_iter().map(strategies::Settings::simple);
    let entries: Vec<_> = strategies::Settings::defaults().into_iter().chain(simple).chain([signals]).collect();
    for entry in &entries {
        expected.extend(STRATEGY_KEYS.iter().map(|key| key.path).filter(|key| forms::counts(key, entry)));
    }
    assert!(STRATEGY_KEYS.iter().all(|key| expected.contains(&key.path)), "each key has an entry to stand in");
    let name = |line: &str| Some(line.trim_start_matches("# ").split_once(" = ")?.0.to_owned());
    let mut found: Vec<_> = text.lines().filter_map(name).filter(|name| !name.contains(' ')).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
    // What is commented out, because there is no default, is right too.
    let whole = text.replace("# duration_s", "duration_s").replace("# [[", "[[");
    let whole = INSTRUMENT_KEYS
        .iter()
        .fold(whole, |text, key| text.replace(&format!("# {} =", key.path), &format!("{} =", key.path)));
    let whole = STRATEGY_KEYS
        .iter()
        .fold(whole, |text, key| text.replace(&format!("# {} =", key.path), &format!("{} =", key.path)));
    let mut config = Config::default();
    file::apply(&mut config, "f", &whole).unwrap();
    let plain = |rule: &strategies::Settings| strategies::Settings { name: String::new(), ..rule.clone() };
    assert!(config.strategies.iter().map(plain).eq(entries.iter().map(plain)));
    assert_eq!(config.duration, Some(Duration::from_secs(3600)));
    assert_eq!(config.own_instruments, [example_instrument()]);
    assert!(text.lines().all(|line| line.chars().count() <= 220), "a line is too long");
}

#[test]
fn init_never_replaces_a_file_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bot.toml");
    let name = path.display();
    write_default_file(&path, false).unwrap();
    fs::write(&path, "mine").unwrap();
    let refused = write_default_file(&path, false).unwrap_err().to_string();
    assert_eq!(
        refused,
        format!("{name} exists; `bot init {name} --force` replaces it, `bot init OTHER` writes elsewhere")
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    write_default_file(&path, true).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), default_file());
    let nowhere = write_default_file(&dir.path().join("no/bot.toml"), false).unwrap_err().to_string();
    assert!(nowhere.contains("no/bot.toml cannot be written: No such file"), "{nowhere}");
}

#[test]
fn the_table_of_keys_is_sound() {
    let all: Vec<_> = paths().collect();
    let mut once = all.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), all.len(), "a key stands twice");
    for key in KEYS {
        let table = key.path.split_once('.').unwrap().0;
        assert!(TABLES.iter().any(|(name, _)| *name == table), "{} has no table", key.path);
        assert!(!key.doc.ends_with('.') && key.doc.chars().next().unwrap().is_uppercase(), "{}", key.path);
    }
}

#[test]
fn every_flag_of_the_table_exists_on_the_command_line() {
    for key in KEYS {
        let Some(flag) = key.flag else { continue };
        let switch = crate::cli::parse(["bot", "--paper", flag]);
        let value = switch.or_else(|_| crate::cli::parse(["bot", "--paper", flag, "7"]));
        let cli =
            value.unwrap_or_else(|_| match crate::cli::parse(["bot", "backtest", "x", flag, "7"]).unwrap().command {
                Some(Command::Backtest(wish)) => wish.terms.as_of_a_run(&wish.files, wish.symbols.as_ref()),
                other => panic!("{other:?}"),
            });
        assert!(cli.value_of(flag).is_some(), "{flag}");
    }
}

#[test]
fn symbols_are_a_choice_unless_they_are_the_written_down_default() {
    let toml = |list| Some(format!("[market]\nsymbols = [{list}]\n"));
    let written = toml("\"BTCUSDT\", \"ETHUSDT\", \"SOLUSDT\"");
    for (flags, env, toml, chosen, count) in [
        ("", &[][..], None, false, 3),
        ("", &[], written, false, 3),
        ("", &[], toml("\"XRPUSDT\""), true, 1),
        ("", &[("TRADING_SYMBOLS", "btcusdt, ETH/USDT")], None, true, 2),
        ("--symbols BTCUSDT,ETHUSDT,SOLUSDT", &[], None, true, 3),
    ] {
        let config = load(flags, env, toml.as_deref()).unwrap();
        assert_eq!((config.symbols_chosen, config.symbols.len()), (chosen, count), "{flags} {env:?}");
        assert_eq!(config.instruments.len(), count);
    }
}

#[test]
fn own_instruments_are_exact_and_go_before_the_table() {
    let config = accepted(
        "[market]\nsymbols = [\"ZZZUSDT\", \"BTCUSDT\"]\n\
         [[market.instrument]]\nsymbol = \"ZZZUSDT\"\ntick = 1e-7\nstep = \"0.30\"\nmin_qty = 0.9\nmin_notional = 5\n\
         [[market.instrument]]\nsymbol = \"BTCUSDT\"\ntick = 0.5\nstep = 1\nmin_qty = 1\nmin_notional = 0\n",
    );
    let text = |d: Decimal| d.to_string();
    let zzz = &config.instruments[0];
    assert_eq!((text(zzz.tick), text(zzz.step), text(zzz.min_qty)), ("0.0000001".into(), "0.3".into(), "0.9".into()));
    assert_eq!(text(config.instruments[1].tick), "0.5");
    let other = config.instruments_for(&["ETHUSDT".parse().unwrap()]).unwrap();
    assert_eq!(config.engine_settings(other).instruments[0].symbol.as_str(), "ETH/USDT:USDT");
    let unknown = config.instruments_for(&["QQQUSDT".parse().unwrap()]).unwrap_err().to_string();
    assert!(unknown.starts_with("the program knows no tick, step and minimum of QQQ/USDT:USDT; "), "{unknown}");
}

#[test]
fn naming_a_strategy_replaces_the_list_and_keeps_its_kind_s_defaults() {
    use crate::market::Timeframe::{D1, H1, H4, M5, M30};
    for (keys, timeframe, context) in [
        ("", M30, H1),
        ("timeframe = \"5m\"", M5, H1),
        ("timeframe = \"4h\"", H4, H4),
        ("timeframe = \"4h\"\ncontext = \"1d\"", H4, D1),
        ("timeframe = \"5m\"\ncontext = \"5m\"", M5, M5),
    ] {
        let config = accepted(&format!("[[strategy]]\nkind = \"short_the_rip\"\n{keys}\n"));
        let want = strategies::Settings { timeframe, context, ..strategies::Settings::short_the_rip() };
        assert_eq!(config.strategies, [want], "{keys}");
    }
    let two = "[[strategy]]\nkind = \"oversold_bounce\"\n[[strategy]]\nname = \"fast\"\nrsi_by_symbol = {}\nkind = \"oversold_bounce\"\n";
    let names: Vec<_> = accepted(two).strategies.into_iter().map(|s| s.name).collect();
    assert_eq!(names, ["oversold_bounce", "fast"]);
}

#[test]
fn a_form_has_its_own_defaults() {
    use strategies::Settings;
    let rule = |keys: &str| {
        let mut config = Config::default();
        file::apply(&mut config, "f", &format!("[[strategy]]\n{keys}\n")).unwrap();
        config.strategies.remove(0)
    };
    let (bounce, rip) = (Settings::oversold_bounce().simple(), Settings::short_the_rip().simple());
    let mut signals = Settings::signals();
    signals.list.file = "s.csv".to_owned();
    let listed = "kind = \"signals\"\nfile = \"s.csv\"";
    for (keys, want) in [
        ("kind = \"oversold_bounce\"\nadaptive = true".to_owned(), Settings::oversold_bounce()),
        ("adaptive = false\nkind = \"oversold_bounce\"".to_owned(), bounce.clone()),
        (
            "kind = \"oversold_bounce\"\nadaptive = false\nrsi_max = 30\nstop_pct = 1\ntarget_pct = 1.5".to_owned(),
            Settings { rsi_fixed: 30.0, stop_pct: Some(1.0), ..bounce },
        ),
        ("kind = \"short_the_rip\"\nadaptive = false".to_owned(), rip.clone()),
        (
            "kind = \"short_the_rip\"\nadaptive = false\nrsi_min = 70\nstop_atr = 2".to_owned(),
            Settings { rsi_fixed: 70.0, stop_atr: 2.0, ..rip },
        ),
        (listed.to_owned(), signals.clone()),
        (
            format!("{listed}\nstop_atr = 1.5\ntarget_pct = 3"),
            Settings { stop_pct: None, stop_atr: 1.5, target_pct: Some(3.0), ..signals.clone() },
        ),
        (
            format!("{listed}\ntarget_atr = 3\ntimeframe = \"5m\""),
            Settings {
                target_pct: None,
                target_atr: 3.0,
                timeframe: crate::market::Timeframe::M5,
                context: crate::market::Timeframe::M5,
                ..signals
            },
        ),
    ] {
        assert_eq!(rule(&keys), want, "{keys}");
    }
}

#[test]
fn the_file_is_looked_for_in_three_places() {
    let (dir, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (here, there) = (dir.path(), home.path().join(".config/smolbear"));
    let env = [("HOME", home.path().to_str().unwrap())];
    let found = |flags: &str| load_in(here, flags, &env).map(|config| (config.config_file, config.paper.seed));
    assert_eq!(found("").unwrap(), (None, 1));
    fs::create_dir_all(&there).unwrap();
    fs::write(there.join("bot.toml"), "paper.seed = 2").unwrap();
    assert_eq!(found("").unwrap(), (Some(there.join("bot.toml")), 2));
    fs::write(here.join("bot.toml"), "paper.seed = 3").unwrap();
    assert_eq!(found("").unwrap(), (Some(here.join("bot.toml")), 3));
    fs::write(here.join("own.toml"), "paper.seed = 4").unwrap();
    assert_eq!(found("--config own.toml").unwrap(), (Some(here.join("own.toml")), 4));
    let missing = found("--config nope.toml").unwrap_err().to_string();
    assert!(missing.contains("nope.toml cannot be read: No such file"), "{missing}");
}

#[test]
fn a_file_that_cannot_be_read_never_turns_into_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bot.toml");
    let refusal = || load_in(dir.path(), "", &[]).unwrap_err().to_string();
    fs::create_dir(&path).unwrap();
    assert!(refusal().contains("bot.toml cannot be read: Is a directory"), "{}", refusal());
    fs::remove_dir(&path).unwrap();
    fs::write(&path, b"# \xff\xfe").unwrap();
    assert!(refusal().contains("bot.toml cannot be read: stream did not contain valid UTF-8"), "{}", refusal());
    fs::write(&path, "#".repeat((1 << 20) + 1)).unwrap();
    assert!(refusal().contains("bot.toml cannot be read: larger than 1048576 bytes"), "{}", refusal());
    // A HOME that is missing, empty, relative or no directory is no place to look.
    fs::remove_file(&path).unwrap();
    for home in ["", "home", "/dev/null"] {
        assert_eq!(load_in(dir.path(), "", &[("HOME", home)]).unwrap(), Config::default(), "{home}");
    }
}

proptest! {
    #[test]
    fn no_value_of_a_key_panics_and_an_accepted_one_is_in_range(
        index in 0..KEYS.len(), value in "(-?[0-9]{0,30}(\\.[0-9]{0,30})?(e-?[0-9]{1,6})?|[a-z]{1,4}|\"[ -~]{0,8}\"|\\[\\]|inf|nan)"
    ) {
        let key = &KEYS[index];
        let (table, name) = key.path.split_once('.').unwrap();
        let mut config = Config::default();
        let from_file = file::apply(&mut config, "f", &format!("[{table}]\n{name} = {value}\n")).is_ok();
        let from_text = set(&mut config, key, key.path.to_owned(), &Source::Flag("--f"), &Given::Text(&value)).is_ok();
        if from_file || from_text {
            // Written down and read again it is the same: nothing was accepted that the range refuses.
            let text = (key.slot)(&mut config).render().unwrap();
            let mut again = Config::default();
            file::apply(&mut again, "f", &format!("[{table}]\n{name} = {text}\n")).unwrap();
            prop_assert_eq!((key.slot)(&mut again).render().unwrap(), text);
        }
    }

    #[test]
    fn no_text_panics(text in "([\\[\\]a-z_.=\"{} \n#0-9]|risk|strategy|market\\.instrument|kind){0,40}") {
        let _ = file::apply(&mut Config::default(), "f", &text);
    }
}

#[test]
fn every_number_that_a_key_allows_can_be_traded_with() {
    use super::slot::Slot::{Count, Exact, Float, Whole};
    for key in KEYS {
        for largest in [false, true] {
            let mut config = Config::default();
            match (key.slot)(&mut config) {
                Float(value, least, most) => *value = if largest { most } else { least },
                Whole(value, least, most) => *value = if largest { most } else { least },
                Count(value, least, most) => *value = if largest { most } else { least },
                Exact(value, least, most) => *value = if largest { most } else { least },
                _ => continue,
            }
            let instruments = config.instruments.clone();
            let engine = crate::engine::Engine::new(config.engine_settings(instruments.clone()));
            let venue = crate::simulation::matching::Matching::new(config.matching_settings(instruments));
            assert_eq!(engine.equity(), venue.equity(), "{}", key.path);
        }
    }
}
