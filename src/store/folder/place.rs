//! Where the data directory is.

use crate::config::Lookup;
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

/// The data directory of a run, absolute. An experiment (recorded data, or any speed but the market's) has one only where it is told so: what it
/// earns is no part of the account that goes on from day to day.
#[must_use]
pub fn folder_of(flag: Option<&Path>, is_experiment: bool, env: &Lookup) -> Option<PathBuf> {
    match flag {
        Some(path) => Some(whole(path.to_owned())),
        None => (!is_experiment).then(|| default_folder(env)),
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
    fn an_experiment_has_a_directory_only_where_it_is_told_one() {
        let env = |name: &str| (name == "HOME").then(|| "/home/a".to_owned());
        let (home, here) = (Path::new("/home/a/.local/state/smolbear"), std::env::current_dir().unwrap());
        for (flag, is_experiment, want) in [
            (None, false, Some(home)),
            (None, true, None),
            (Some("/data"), false, Some(Path::new("/data"))),
            (Some("data"), true, Some(here.join("data").as_path())),
            (Some(""), false, Some(Path::new(""))),
        ] {
            let got = folder_of(flag.map(Path::new), is_experiment, &env);
            assert_eq!(got.as_deref(), want, "{flag:?} {is_experiment}");
        }
    }
}
