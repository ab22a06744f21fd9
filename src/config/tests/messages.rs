//! What is refused, in which words.

use super::{super::*, load};

/// The message for a faulty `bot.toml`.
fn refusal(toml: &str) -> String {
    let mut config = Config::default();
    match file::apply(&mut config, "bot.toml", toml) {
        Ok(_) => panic!("accepted: {toml}"),
        Err(error) => error.to_string(),
    }
}

/// Each of these files is refused in these words.
fn refused(cases: &[(&str, &str)]) {
    for (toml, want) in cases {
        assert_eq!(refusal(toml), *want, "for {toml}");
    }
}

#[test]
fn a_name_that_does_not_exist_gets_the_nearest() {
    refused(&[
        ("[risk]\nleverag = 5", "bot.toml:2: `risk.leverag` is no key; the nearest is `risk.leverage`"),
        ("leverage = 5", "bot.toml:1: `leverage` is no key; the nearest is `risk.leverage`"),
        ("[risk]\nseed = 5", "bot.toml:2: `risk.seed` is no key; the nearest is `paper.seed`"),
        ("[gate]\nzzz = 1", "bot.toml:2: `gate.zzz` is no key; [gate] has cooldown_s, cooldown_move_pct, min_move_pct"),
        ("\n[riks]\nx = 1", "bot.toml:2: [riks] is no table; the nearest is [risk]"),
        (
            "[quux]",
            "bot.toml:1: [quux] is no table; there are [bot] [market] [[market.instrument]] [[strategy]] [risk] [exits] [gate] [paper] \
             [exchange] [live] [health] [supervisor] [store]",
        ),
        (
            "[[strategy]]\nkind = \"short_the_rip\"\nrequire_warm = true",
            "bot.toml:3: `strategy.require_warm` is no key; the nearest is `market.require_warm`",
        ),
    ]);
}

#[test]
fn a_missing_or_foreign_unit_gets_the_key_with_its_unit() {
    refused(&[
        (
            "[risk]\nper_trade = 1",
            "bot.toml:2: `risk.per_trade` is no key; the unit belongs to the name: `risk.per_trade_pct` (percent)",
        ),
        (
            "[health]\ninterval = 5",
            "bot.toml:2: `health.interval` is no key; the unit belongs to the name: `health.interval_s` (seconds)",
        ),
        (
            "[bot]\nduration = \"5m\"",
            "bot.toml:2: `bot.duration` is no key; the unit belongs to the name: `bot.duration_s` (seconds)",
        ),
        (
            "[exits]\nmax_hold_minutes = 5",
            "bot.toml:2: `exits.max_hold_minutes` is no key; the unit belongs to the name: `exits.max_hold_s` (seconds)",
        ),
        ("[paper]\ncapital_usdt = 5", "bot.toml:2: `paper.capital_usdt` is no key; the nearest is `paper.capital`"),
    ]);
}

#[test]
fn a_wrong_type_names_the_wanted_one() {
    refused(&[
        ("[risk]\nleverage = \"five\"", "bot.toml:2: `risk.leverage` is \"five\", but must be a number from 1 to 125"),
        ("[risk]\nleverage = \"5\"", "bot.toml:2: `risk.leverage` is \"5\", but must be a number from 1 to 125"),
        (
            "[risk]\nmax_trades_per_day = 2.5",
            "bot.toml:2: `risk.max_trades_per_day` is 2.5, but must be a whole number from 1 to 10000",
        ),
        ("[exits]\ntrailing = 1", "bot.toml:2: `exits.trailing` is 1, but must be true or false"),
        ("[bot]\non_stop = \"sell\"", "bot.toml:2: `bot.on_stop` is \"sell\", but must be \"keep\" or \"close\""),
        (
            "[health]\ninterval_s = []",
            "bot.toml:2: `health.interval_s` is a list, but must be a whole number from 1 to 31536000 (seconds)",
        ),
        (
            "[paper]\nspeed = \"fast\"",
            "bot.toml:2: `paper.speed` is \"fast\", but must be a number from 0.001 to 1000000, or \"max\"",
        ),
        ("risk = 5", "bot.toml:1: `risk` is 5, but must be a table, [risk]"),
        ("[[risk]]", "bot.toml:1: `risk` is a list, but must be a table, [risk]"),
        (
            "[strategy]\nkind = \"short_the_rip\"",
            "bot.toml:1: `strategy` is a table, but must be 1 to 16 tables, each under [[strategy]]",
        ),
        ("strategy = []", "bot.toml:1: `strategy` is a list, but must be 1 to 16 tables, each under [[strategy]]"),
    ]);
}

#[test]
fn a_value_out_of_range_names_the_range() {
    refused(&[
        (
            "# percent\n[risk]\nper_trade_pct = 250",
            "bot.toml:3: `risk.per_trade_pct` is 250, but must be a number from 0.01 to 10 (percent)",
        ),
        (
            "[paper]\nslippage_pct = 0.2",
            "bot.toml:2: `paper.slippage_pct` is 0.2, but must be a number from 0 to 0.1 (percent)",
        ),
        (
            "[paper]\nslippage_pct = nan",
            "bot.toml:2: `paper.slippage_pct` is nan, but must be a number from 0 to 0.1 (percent)",
        ),
        (
            "[risk]\nmax_notional = inf",
            "bot.toml:2: `risk.max_notional` is inf, but must be a number from 1 to 1000000000",
        ),
        (
            "[paper]\nseed = -1",
            "bot.toml:2: `paper.seed` is -1, but must be a whole number from 0 to 9223372036854775807",
        ),
        (
            "[gate]\ncooldown_s = 99999999999999999999999",
            "bot.toml:2: `gate.cooldown_s` is 99999999999999999999999, but must be a whole number from 0 to 31536000 (seconds)",
        ),
        (
            "[bot]\nduration_s = 0",
            "bot.toml:2: `bot.duration_s` is 0, but must be a number above 0, at most 3155760000 (seconds)",
        ),
    ]);
}

#[test]
fn a_faulty_strategy_is_explained() {
    refused(&[
        (
            "[[strategy]]\nname = \"a\"",
            "bot.toml:1: [[strategy]] has no `kind`, which must be \"oversold_bounce\" or \"short_the_rip\" or \"signals\"",
        ),
        (
            "[[strategy]]\nkind = \"moon\"",
            "bot.toml:2: `strategy.kind` is \"moon\", but must be \"oversold_bounce\" or \"short_the_rip\" or \"signals\"",
        ),
        (
            "[[strategy]]\nkind = \"short_the_rip\"\n[[strategy]]\nkind = \"short_the_rip\"",
            "bot.toml:3: two strategies are called `short_the_rip`; give each a `name` of its own",
        ),
        (
            "[[strategy]]\nkind = \"short_the_rip\"\ncontext = \"5m\"",
            "bot.toml:3: `strategy.context` is \"5m\", but must not be finer than `strategy.timeframe`, \"30m\"",
        ),
        (
            "[[strategy]]\nkind = \"short_the_rip\"\ntimeframe = \"7m\"",
            "bot.toml:3: `strategy.timeframe` is \"7m\", but must be one of \"1m\", \"3m\", \"5m\", \"15m\", \"30m\", \"1h\", \"2h\", \
             \"4h\", \"6h\", \"8h\", \"12h\", \"1d\"",
        ),
        (
            "[[strategy]]\nrsi_base = 55\nkind = \"oversold_bounce\"",
            "bot.toml:2: `strategy.rsi_base` is 55, but must be a number from 30 to 50",
        ),
        (
            "[[strategy]]\nkind = \"short_the_rip\"\nname = \"A,B\"",
            "bot.toml:3: `strategy.name` is \"A,B\", but must be 1 to 32 lower-case letters, digits and _ in quotes",
        ),
        (
            "[[strategy]]\nkind = \"short_the_rip\"\nrsi_by_symbol = { BTCUSDT = 100 }",
            "bot.toml:3: `strategy.rsi_by_symbol` has 100 for BTC/USDT:USDT, but must be a table such as \
             { \"BTC/USDT:USDT\" = 55 }, numbers from 1 to 99",
        ),
    ]);
}

#[test]
fn a_key_without_a_meaning_for_the_form_says_so() {
    refused(&[
        (
            "[[strategy]]\nkind = \"oversold_bounce\"\nrsi_max = 25",
            "bot.toml:3: `strategy.rsi_max` has no meaning here: it is for oversold_bounce with adaptive = false",
        ),
        (
            "[[strategy]]\nkind = \"oversold_bounce\"\nrsi_min = 61\nadaptive = false",
            "bot.toml:3: `strategy.rsi_min` has no meaning here: it is for short_the_rip with adaptive = false",
        ),
        (
            "[[strategy]]\nkind = \"short_the_rip\"\nadaptive = false\nrsi_base = 60",
            "bot.toml:4: `strategy.rsi_base` has no meaning here: it is for an adaptive rule; the fixed threshold of adaptive = false is \
             rsi_max or rsi_min",
        ),
        (
            "[[strategy]]\nkind = \"oversold_bounce\"\ntarget_pct = 1.5",
            "bot.toml:3: `strategy.target_pct` has no meaning here: it is for adaptive = false and for signals; an adaptive rule has \
             target_atr and target_min_pct",
        ),
        (
            "[[strategy]]\nkind = \"oversold_bounce\"\nadaptive = false\nstop_max_pct = 1.5",
            "bot.toml:4: `strategy.stop_max_pct` has no meaning here: it is for an adaptive rule; adaptive = false has stop_pct",
        ),
        (
            "[[strategy]]\nkind = \"oversold_bounce\"\nadaptive = false\nstop_pct = 1\nstop_atr = 1",
            "bot.toml:1: `stop_pct` and `stop_atr` exclude each other; leave one out",
        ),
        (
            "[[strategy]]\nkind = \"short_the_rip\"\nfile = \"signals.csv\"",
            "bot.toml:3: `strategy.file` has no meaning here: it is for signals",
        ),
        (
            "[[strategy]]\nkind = \"signals\"\nfile = \"signals.csv\"\nadaptive = false",
            "bot.toml:4: `strategy.adaptive` has no meaning here: it is for oversold_bounce and short_the_rip",
        ),
        (
            "[[strategy]]\nkind = \"signals\"",
            "bot.toml:1: [[strategy]] of kind \"signals\" has no `file`, which must be the path of a file",
        ),
        (
            "[[strategy]]\nkind = \"oversold_bounce\"\nadaptive = false\nrsi_max = 0",
            "bot.toml:4: `strategy.rsi_max` is 0, but must be a number from 1 to 99",
        ),
        (
            "[[strategy]]\nkind = \"signals\"\nfile = \"signals.csv\"\nstop_pct = 0",
            "bot.toml:4: `strategy.stop_pct` is 0, but must be a number from 0.1 to 50 (percent)",
        ),
    ]);
}

#[test]
fn a_file_of_signals_is_looked_for_where_the_configuration_is_and_read_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    let toml = "[[strategy]]\nkind = \"signals\"\nfile = \"lists/signals.csv\"\n";
    std::fs::create_dir(here.join("lists")).unwrap();
    std::fs::write(here.join("bot.toml"), toml).unwrap();
    let path = here.join("lists/signals.csv");
    let shown = path.display();
    let load = |flags: &str| super::load_in(here, flags, &[]).map_err(|error| error.to_string());
    assert!(load("").unwrap_err().starts_with(&format!("{shown} cannot be read: No such file")));
    std::fs::write(&path, "1754404200000,BTCUSDT,long,,\n1754404200000,XRPUSDT,up,,\n").unwrap();
    assert_eq!(load("").unwrap_err(), format!("{shown}:2: side is \"up\", but must be long or short"));
    std::fs::write(&path, "1754404200000,BTCUSDT,long,,\n1754404200000,XRPUSDT,short,,\n").unwrap();
    let config = load("").unwrap();
    assert_eq!(config.strategies[0].list.rows().len(), 2);
    assert!(
        config
            .origins
            .iter()
            .any(|origin| origin.to_string().contains("strategy.signals.file = \"lists/signals.csv\""))
    );
    let refused = config.instruments_for(&config.symbols).unwrap_err().to_string();
    let traded = "BTC/USDT:USDT, ETH/USDT:USDT, SOL/USDT:USDT";
    let want = "lists/signals.csv:2: XRP/USDT:USDT is not traded in this run; its symbols are ";
    assert_eq!(refused, format!("{want}{traded}"));
    let wider = load("--symbols BTCUSDT,XRPUSDT").unwrap();
    assert!(wider.instruments_for(&wider.symbols).is_ok());
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(load("").unwrap_err().contains("it is no file but something else"));
}

#[test]
fn faulty_symbols_and_instruments_are_explained() {
    refused(&[
        (
            "[market]\nsymbols = [\"BTC\"]",
            "bot.toml:2: `market.symbols` names \"BTC\", but must be a list of 1 to 64 different symbols such as BTC/USDT:USDT or BTCUSDT",
        ),
        (
            "[market]\nsymbols = [\"BTCUSDT\", \"BTC/USDT\"]",
            "bot.toml:2: `market.symbols` names BTC/USDT:USDT twice, but must be a list of 1 to 64 different symbols such as \
             BTC/USDT:USDT or BTCUSDT",
        ),
        (
            "[market]\nsymbols = []",
            "bot.toml:2: `market.symbols` names no symbol, but must be a list of 1 to 64 different symbols such as \
             BTC/USDT:USDT or BTCUSDT",
        ),
        (
            "[[market.instrument]]\nsymbol = \"ZZZUSDT\"\ntick = 0.1",
            "bot.toml:1: [[market.instrument]] has no `step`, which must be a number from 0.000000000001 to 1000000 with at most 12 decimals",
        ),
        (
            "[[market.instrument]]\nsymbol = \"ZZZUSDT\"\ntick = 0.1\nstep = 0.2\nmin_qty = \"0.3\"\nmin_notional = 5",
            "bot.toml:1: `min_qty` is 0.3, but must be a multiple of `step`, 0.2",
        ),
        (
            "[[market.instrument]]\ntick = 0",
            "bot.toml:2: `market.instrument.tick` is 0, but must be a number from 0.000000000001 to 1000000 with at most 12 decimals",
        ),
        (
            "[[market.instrument]]\ntick = 0.00000000000000000000000000000000001",
            "bot.toml:2: `market.instrument.tick` is 0.00000000000000000000000000000000001, but must be a number from 0.000000000001 \
             to 1000000 with at most 12 decimals",
        ),
    ]);
}

#[test]
fn what_is_no_toml_is_shown_with_its_line() {
    refused(&[
        (
            "[bot]\nduration_s = 5m",
            "bot.toml:2: `duration_s = 5m` is no valid TOML: string values must be quoted, expected literal string",
        ),
        ("[bot]\n[bot]", "bot.toml:2: `[bot]` is no valid TOML: duplicate key"),
    ]);
}

#[test]
fn the_uppermost_error_is_the_one_that_is_said() {
    let text = refusal("[paper]\nzz = 1\n[bot]\nzz = 1\naa = 1");
    assert!(text.starts_with("bot.toml:2: `paper.zz`"), "{text}");
}

#[test]
fn what_is_wrong_outside_the_file_names_the_flag_or_the_variable() {
    for (flags, env, want) in [
        ("--speed fast", None, "--speed is \"fast\", but must be a number from 0.001 to 1000000, or \"max\""),
        ("--speed 0", None, "--speed is \"0\", but must be a number from 0.001 to 1000000, or \"max\""),
        ("--speed nan", None, "--speed is \"nan\", but must be a number from 0.001 to 1000000, or \"max\""),
        ("--duration -5", None, "--duration is \"-5\", but must be a number above 0, at most 3155760000 (seconds)"),
        (
            "--duration 1e-12",
            None,
            "--duration is \"1e-12\", but must be a number above 0, at most 3155760000 (seconds)",
        ),
        (
            "--duration 18446744073709551615",
            None,
            "--duration is \"18446744073709551615\", but must be a number above 0, at most 3155760000 (seconds)",
        ),
        ("--seed x", None, "--seed is \"x\", but must be a whole number from 0 to 9223372036854775807"),
        ("--max-restarts 1.5", None, "--max-restarts is \"1.5\", but must be a whole number from 0 to 1000000"),
        (
            "--restart-delay 9999",
            None,
            "--restart-delay is \"9999\", but must be a whole number from 0 to 3600 (seconds)",
        ),
        (
            "--capital 0.5",
            None,
            "--capital is \"0.5\", but must be a number from 1 to 1000000000 with at most 12 decimals",
        ),
        (
            "--symbols BTCUSDT,FOO",
            None,
            "--symbols names \"FOO\", but must be a list of 1 to 64 different symbols such as BTC/USDT:USDT or BTCUSDT",
        ),
        (
            "",
            Some(("HEALTH_CHECK_INTERVAL", "soon")),
            "HEALTH_CHECK_INTERVAL is \"soon\", but must be a whole number from 1 to 31536000 (seconds)",
        ),
        (
            "",
            Some(("HEALTH_CHECK_INTERVAL", "")),
            "HEALTH_CHECK_INTERVAL is empty, but must be a whole number from 1 to 31536000 (seconds)",
        ),
        (
            "",
            Some(("HEALTH_CHECK_INTERVAL", "0")),
            "HEALTH_CHECK_INTERVAL is \"0\", but must be a whole number from 1 to 31536000 (seconds)",
        ),
        (
            "",
            Some(("CAPITAL_USDT", "")),
            "CAPITAL_USDT is empty, but must be a number from 1 to 1000000000 with at most 12 decimals",
        ),
        (
            "--capital 5",
            Some(("CAPITAL_USDT", "1e400")),
            "CAPITAL_USDT is \"1e400\", but must be a number from 1 to 1000000000 with at most 12 decimals",
        ),
        (
            "",
            Some(("TRADING_SYMBOLS", "ZZZUSDT")),
            "TRADING_SYMBOLS: the program knows no tick, step and minimum of ZZZ/USDT:USDT; say them in bot.toml under \
             [[market.instrument]] (symbol, tick, step, min_qty, min_notional), or take one of BTC, ETH, SOL, XRP, BNB, DOGE, ADA, TRX, \
             LINK, AVAX, LTC, BCH, DOT, UNI, ATOM, NEAR, SUI, APT",
        ),
    ] {
        let error = load(flags, &env.into_iter().collect::<Vec<_>>(), None).unwrap_err();
        assert_eq!(error.to_string(), want, "for {flags} {env:?}");
    }
}

#[test]
fn a_list_of_symbols_has_a_limit() {
    let list = |count: usize| (0..count).map(|n| format!("A{n}USDT")).collect::<Vec<_>>().join(",");
    let error = load("", &[("TRADING_SYMBOLS", &list(65))], None).unwrap_err().to_string();
    assert!(error.starts_with("TRADING_SYMBOLS names 65 symbols, but must be a list of 1 to 64"), "{error}");
    let error = load("", &[("TRADING_SYMBOLS", &list(64))], None).unwrap_err().to_string();
    assert!(error.starts_with("TRADING_SYMBOLS: the program knows no tick"), "{error}");
}

#[test]
fn long_or_strange_values_are_repeated_short_and_on_one_line() {
    let error = load("", &[("CAPITAL_USDT", &"x\u{1b}\n".repeat(5000))], None).unwrap_err().to_string();
    assert!(error.len() < 400 && !error.contains(['\n', '\u{1b}']), "{error}");
    let error = refusal(&format!("[paper]\nseed = {}", "9".repeat(5000)));
    assert!(error.len() < 200, "{error}");
}
