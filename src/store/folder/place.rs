//! Where the data directory is.

use crate::config::{Lookup, Network};
use std::path::{Path, PathBuf, absolute};

/// The data directory of a bot that is told none, absolute: what systemd made for the service, else the user's, else a folder beside.
#[must_use]
pub fn default_folder(env: &Lookup) -> PathBuf {
    let set = |name| env(name).filter(|value| !value.is_empty());
    // systemd separates several by colons, those of StateDirectory= in their order.
    let of_service =
        set("STATE_DIRECTORY").and_then(|paths| Some(paths.split(':').find(|path| !path.is_empty())?.into()));
    let of_user = || Some(Path::new(&set("HOME")?).join(".local/state/smolbear"));
    whole(of_service.or_else(of_user).unwrap_or_else(|| "smolbear-data".into()))
}

/// What an account is, as far as its place depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Simulated money that goes on from day to day.
    Paper,
    /// Recorded data, or any speed but the market's: what it earns is no part of that account.
    Experiment,
    /// An account at an exchange: each network has its own.
    Live(Network),
}

/// Where the account of a network is, within the directory of the bot.
const fn name_of(network: Network) -> &'static str {
    match network {
        Network::Mainnet => "live",
        Network::Testnet => "live-testnet",
        Network::Local => "live-local",
    }
}

/// The data directory of a run, absolute. An experiment has one only where it is told so, and an account at an exchange one of its own.
#[must_use]
pub fn folder_of(flag: Option<&Path>, kind: Kind, env: &Lookup) -> Option<PathBuf> {
    match (flag, kind) {
        (Some(path), _) => Some(whole(path.to_owned())),
        (None, Kind::Paper) => Some(default_folder(env)),
        (None, Kind::Live(network)) => Some(default_folder(env).join(name_of(network))),
        (None, Kind::Experiment) => None,
    }
}

/// The path from the root on; as it is where the working directory is gone, or where it is empty, which nothing can be opened by.
fn whole(path: PathBuf) -> PathBuf {
    absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(variables: &[(&str, &str)]) -> PathBuf {
        default_folder(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_services_directory_goes_before_the_users_and_that_before_the_working_directory() {
        let here = std::env::current_dir().unwrap();
        for (variables, want) in [
            (&[("STATE_DIRECTORY", "/var/lib/smolbear"), ("HOME", "/home/a")][..], "/var/lib/smolbear"),
            (&[("STATE_DIRECTORY", "/var/lib/one:/var/lib/two")], "/var/lib/one"),
            (&[("STATE_DIRECTORY", ":/var/lib/two")], "/var/lib/two"),
            (&[("STATE_DIRECTORY", ""), ("HOME", "/home/a")], "/home/a/.local/state/smolbear"),
            (&[("STATE_DIRECTORY", ":"), ("HOME", "/home/a")], "/home/a/.local/state/smolbear"),
            (&[("HOME", "/home/a")], "/home/a/.local/state/smolbear"),
            (&[("HOME", "a")], here.join("a/.local/state/smolbear").to_str().unwrap()),
            (&[("HOME", "")], here.join("smolbear-data").to_str().unwrap()),
            (&[], here.join("smolbear-data").to_str().unwrap()),
        ] {
            assert_eq!(folder(variables), Path::new(want), "{variables:?}");
        }
    }

    #[test]
    fn an_experiment_has_a_directory_only_where_it_is_told_one_and_real_money_its_own() {
        let env = |name: &str| (name == "HOME").then(|| "/home/a".to_owned());
        let (home, here) = (Path::new("/home/a/.local/state/smolbear"), std::env::current_dir().unwrap());
        let [live, testnet, local] = ["live", "live-testnet", "live-local"].map(|name| home.join(name));
        for (flag, kind, want) in [
            (None, Kind::Paper, Some(home)),
            (None, Kind::Experiment, None),
            (None, Kind::Live(Network::Mainnet), Some(live.as_path())),
            (None, Kind::Live(Network::Testnet), Some(testnet.as_path())),
            (None, Kind::Live(Network::Local), Some(local.as_path())),
            (Some("/data"), Kind::Paper, Some(Path::new("/data"))),
            (Some("/data"), Kind::Live(Network::Local), Some(Path::new("/data"))),
            (Some("data"), Kind::Experiment, Some(here.join("data").as_path())),
            (Some(""), Kind::Paper, Some(Path::new(""))),
        ] {
            let got = folder_of(flag.map(Path::new), kind, &env);
            assert_eq!(got.as_deref(), want, "{flag:?} {kind:?}");
        }
    }
}
