//! What the command line takes and refuses.

use super::*;

fn run(line: &str) -> Result<Cli, Usage> {
    parse(std::iter::once("bot").chain(line.split_whitespace()))
}

#[test]
fn the_definition_is_sound() {
    <Cli as clap::CommandFactory>::command().debug_assert();
}

#[test]
fn flags_arrive_where_they_belong() {
    let cli = run("--paper --replay a.csv b.csv.gz --loop --speed max --duration 1.5 --out o --debug").unwrap();
    assert_eq!(cli.replay, ["a.csv", "b.csv.gz"]);
    assert!(cli.paper && cli.looped && cli.debug && !cli.live && !cli.dry_run);
    assert_eq!((cli.value_of("--speed"), cli.value_of("--duration")), (Some("max"), Some("1.5")));
    assert_eq!((cli.value_of("--infinite"), &cli.out), (None, &Some("o".into())));
    assert!(run("--live").unwrap().live);
}

#[test]
fn subcommands_have_defaults() {
    let init = |file: &str, force| Some(Command::Init(Init { file: file.into(), force }));
    assert_eq!(run("init").unwrap().command, init("bot.toml", false));
    assert_eq!(run("init x.toml --force").unwrap().command, init("x.toml", true));
    let Some(Command::Generate(generate)) = run("generate c.csv").unwrap().command else { panic!("no generate") };
    assert_eq!((generate.symbol.as_str(), generate.timeframe.name()), ("BTC/USDT:USDT", "1m"));
    assert_eq!((generate.days, generate.seed), (30, 1));
}

#[test]
fn help_and_version_go_to_stdout() {
    let Err(Usage::Shown(version)) = run("--version") else { panic!("no version") };
    assert!(version.starts_with("bot 0.1.0 ("), "{version}");
    for line in ["--help", "-h", "init --help", "generate --help", "--paper --help"] {
        let usage = run(line).unwrap_err();
        assert_eq!(usage.exit_code(), 0, "{line}: {usage:?}");
    }
    for line in ["", "status", "trades", "backup", "exchange", "download", "doctor", "flatten"] {
        let Err(Usage::Shown(help)) = run(&format!("{line} --help")) else { panic!("no help") };
        assert!(help.lines().all(|line| line.chars().count() <= 115), "{help}");
    }
}

#[test]
fn what_is_wrong_is_named_with_exit_code_2() {
    for (line, want) in [
        ("", "error: say which account to trade on:"),
        ("--duration 5", "error: say which account to trade on:"),
        ("--papr", "tip: a similar argument exists: '--paper'"),
        ("--paper --live", "'--paper' cannot be used with '--live'"),
        ("--paper --seed 1 --replay a.csv", "'--seed <N>'"),
        ("--paper --replay a.csv --seed 1", "'--seed <N>'"),
        ("--live --replay a.csv", "'--live' cannot be used with '--replay <FILE>...'"),
        ("--paper --loop", "error: --loop needs --replay FILE"),
        ("--paper --duration", "a value is required for '--duration <SECONDS>'"),
        ("--paper --replay", "a value is required for '--replay <FILE>...'"),
        ("--paper --paper", "'--paper' cannot be used multiple times"),
        ("--paper --data-dir", "a value is required for '--data-dir <DIR>'"),
        ("status --json --paper", "unexpected argument '--paper'"),
        ("trades --csv --json", "'--csv' cannot be used with '--json'"),
        ("--paper init", "error: a subcommand takes none of the flags of a run"),
        ("--paper BTCUSDT-1m.csv", "'BTCUSDT-1m.csv'"),
        ("genrate x", "tip: a similar subcommand exists: 'generate'"),
        ("generate", "<FILE>"),
        ("generate x --timeframe 7m", "`7m` is no timeframe; allowed are 1m, 3m"),
        ("generate x --symbol BTC", "`BTC` is no symbol; write it like BTC/USDT:USDT"),
        ("generate x --days 0", "0 is not in 1..=3650"),
        ("generate x --days -1", "-1 is not in 1..=3650"),
        ("exchange --listen 8787", "invalid value '8787' for '--listen <ADDRESS>'"),
        ("exchange --seed 1 --replay a.csv", "'--seed <N>'"),
        ("exchange --loop", "--replay <FILE>..."),
        ("exchange --paper", "unexpected argument '--paper'"),
        ("download BTCUSDT 1m", "--from <DATE>"),
        ("download BTCUSDT 7m --from 2025-01-01", "`7m` is no timeframe; allowed are 1m, 3m"),
        ("download BTC 1m --from 2025-01-01", "`BTC` is no symbol; write it like BTC/USDT:USDT"),
        ("doctor --exchange kraken", "[possible values: binance]"),
    ] {
        let usage = run(line).unwrap_err();
        let Usage::Wrong(text) = &usage else { panic!("{line}: {usage:?}") };
        assert!(text.contains(want) && text.starts_with("error: "), "{line}: {text}");
        assert_eq!(usage.exit_code(), 2);
        assert!(text.ends_with('\n') && !text.contains("Usage:") && !text.contains("\n\n\n"), "{line}: {text}");
    }
}
