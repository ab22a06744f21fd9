//! Who may trade on a played exchange: from flags to accounts, and to the lines that name them.

use crate::{cli, simulation::binance::Opening};
use rust_decimal::Decimal;

/// The longest key and secret.
const LONGEST: usize = 256;

/// What is wrong with the flags of an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{flag}: letters and digits, 1 to {LONGEST} of them")]
pub struct AccountError {
    flag: &'static str,
}

/// The accounts that the flags ask for, each with so much USDT.
///
/// # Errors
/// A key or a secret that no client could send.
pub fn accounts(wish: &cli::Exchange, balance: Decimal) -> Result<Vec<Opening>, AccountError> {
    for (flag, given) in [("--key", &wish.key), ("--secret", &wish.secret)] {
        let fits = |text: &String| {
            (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if !given.as_ref().is_none_or(fits) {
            return Err(AccountError { flag });
        }
    }
    let opening = |number: u8| {
        let given = |given: &Option<String>| given.clone().filter(|_| number == 1);
        Opening {
            key: given(&wish.key).unwrap_or_else(|| format!("playedkey{number}")),
            secret: given(&wish.secret).unwrap_or_else(|| format!("playedsecret{number}")),
            balance,
        }
    };
    Ok((1..=wish.accounts).map(opening).collect())
}

/// A line an account. A key that was given is the user's, and is not shown: it might open something else.
pub fn lines(wish: &cli::Exchange, accounts: &[Opening]) -> Vec<String> {
    let line = |(place, account): (usize, &Opening)| {
        let shown = |given: &Option<String>, flag: &str, usual: &str| match given {
            Some(_) if place == 0 => format!("as given by {flag}"),
            _ => usual.to_owned(),
        };
        let key = shown(&wish.key, "--key", &account.key);
        let secret = shown(&wish.secret, "--secret", &account.secret);
        format!("Account {}: key {key}, secret {secret}, {} USDT", place + 1, account.balance.normalize())
    };
    accounts.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Command, parse};

    fn wish(args: &[&str]) -> cli::Exchange {
        match parse([&["bot", "exchange"], args].concat()).unwrap().command {
            Some(Command::Exchange(wish)) => wish,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn accounts_are_numbered_and_what_is_the_users_is_not_shown() {
        for (args, want) in [
            (&[][..], &["Account 1: key playedkey1, secret playedsecret1, 1000 USDT"][..]),
            (&["--accounts", "0"], &[]),
            (
                &["--accounts", "2", "--key", "Mine7", "--secret", "S3cret"],
                &[
                    "Account 1: key as given by --key, secret as given by --secret, 1000 USDT",
                    "Account 2: key playedkey2, secret playedsecret2, 1000 USDT",
                ],
            ),
        ] {
            let wish = wish(args);
            let accounts = accounts(&wish, Decimal::ONE_THOUSAND).unwrap();
            assert_eq!(lines(&wish, &accounts), want);
            if args.len() > 2 {
                let first = &accounts[0];
                assert_eq!((first.key.as_str(), first.secret.as_str()), ("Mine7", "S3cret"));
            }
        }
    }

    #[test]
    fn what_no_client_could_send_is_refused() {
        let long = "x".repeat(LONGEST + 1);
        for (args, want) in [
            (["--key", ""], "--key"),
            (["--key", "a b"], "--key"),
            (["--key", &long], "--key"),
            (["--secret", "a&b"], "--secret"),
        ] {
            let error = accounts(&wish(&args), Decimal::ONE).unwrap_err().to_string();
            assert!(error.starts_with(want) && error.contains("1 to 256"), "{error}");
        }
    }
}
