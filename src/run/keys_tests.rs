use super::*;
use std::{fs, os::unix::fs::PermissionsExt};

const KEY: &str = "kkkkEYEYkkkk";
const SECRET: &str = "ssssECRETssss";

fn found(file: &str, variables: &[(&str, &str)]) -> Result<(), String> {
    let env = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    match find((!file.is_empty()).then_some(Path::new(file)), &env) {
        Ok(keys) => {
            assert!(keys.are_in(KEY), "another key");
            Ok(())
        }
        Err(error) => {
            let text = format!("{error} {error:?}");
            assert!(!text.contains(KEY) && !text.contains(SECRET), "{text}");
            Err(error.to_string())
        }
    }
}

/// A file of this text and mode.
fn file(folder: &Path, text: &str, mode: u32) -> String {
    let path = folder.join("keys");
    let _ = fs::remove_file(&path);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn variables_go_before_credentials_and_these_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let bad = "another-key-another";
    let good = format!("# of the account\n\nBINANCE_API_KEY={KEY}\nexport BINANCE_API_SECRET = \"{SECRET}\"\n");
    let of_file = file(folder.path(), &good, 0o600);
    let credentials = tempfile::tempdir().unwrap();
    let at = credentials.path().to_str().unwrap();
    let [key, secret] = NAMES;
    assert_eq!(found(&of_file, &[]), Ok(()));
    assert_eq!(found(&of_file, &[("CREDENTIALS_DIRECTORY", at)]), Ok(()), "no credential of these names");
    fs::write(credentials.path().join("binance_api_key"), format!("{KEY}\n")).unwrap();
    let half = found("", &[("CREDENTIALS_DIRECTORY", at)]).unwrap_err();
    assert_eq!(half, "$CREDENTIALS_DIRECTORY has a BINANCE_API_KEY and no BINANCE_API_SECRET; both are needed");
    fs::write(credentials.path().join("binance_api_secret"), format!("{SECRET}\n")).unwrap();
    let worse = file(folder.path(), &good.replace(KEY, bad), 0o600);
    assert_eq!(found(&worse, &[("CREDENTIALS_DIRECTORY", at)]), Ok(()));
    fs::write(credentials.path().join("binance_api_key"), bad).unwrap();
    assert_eq!(found(&worse, &[("CREDENTIALS_DIRECTORY", at), (key, KEY), (secret, SECRET)]), Ok(()));
}

#[test]
fn what_is_wrong_is_said_without_the_key() {
    let [key, secret] = NAMES;
    for (variables, want) in [
        (&[][..], "no keys: set BINANCE_API_KEY and BINANCE_API_SECRET, let systemd bring them"),
        (&[(key, KEY)], "the environment has a BINANCE_API_KEY and no BINANCE_API_SECRET; both are needed"),
        (&[(secret, SECRET)], "the environment has a BINANCE_API_SECRET and no BINANCE_API_KEY"),
        (&[(key, ""), (secret, SECRET)], "BINANCE_API_KEY of the environment can't be a key: it must have 8 to 256"),
        (&[(key, KEY), (secret, "with a blank")], "BINANCE_API_SECRET of the environment can't be a key"),
        (&[(key, KEY), (secret, "sixteen\u{e4}letters")], "BINANCE_API_SECRET of the environment can't be a key"),
    ] {
        let got = found("", variables).unwrap_err();
        assert!(got.starts_with(want), "{variables:?}: {got}");
    }
}

#[test]
fn a_file_is_read_only_where_nobody_else_can() {
    let folder = tempfile::tempdir().unwrap();
    let good = format!("BINANCE_API_KEY={KEY}\nBINANCE_API_SECRET={SECRET}\n");
    for mode in [0o600, 0o400, 0o700] {
        assert_eq!(found(&file(folder.path(), &good, mode), &[]), Ok(()), "{mode:o}");
    }
    for mode in [0o644, 0o640, 0o604, 0o620, 0o666, 0o601] {
        let path = file(folder.path(), &good, mode);
        let want = format!("others can read the file of keys {path} (mode {mode:04o}): chmod 600 {path}");
        assert_eq!(found(&path, &[]), Err(want));
    }
    for (text, want) in [
        ("", "it holds no key"),
        ("BINANCE_API_KEY=kkkkEYEYkkkk", "has a BINANCE_API_KEY and no BINANCE_API_SECRET"),
        ("kkkkEYEYkkkk\nssssECRETssss\n", ":1: must be BINANCE_API_KEY=… or BINANCE_API_SECRET=…"),
        ("BINANCE_API_KEY=kkkkEYEYkkkk\nBINANCE_API_KEY=kkkkEYEYkkkk\n", ":2: must be"),
        (&"#".repeat(5000), "it has more than 4096 bytes"),
    ] {
        let got = found(&file(folder.path(), text, 0o600), &[]).unwrap_err();
        assert!(got.contains(want), "{text}: {got}");
    }
    for path in [folder.path().join("none"), folder.path().to_owned()] {
        let got = found(path.to_str().unwrap(), &[]).unwrap_err();
        assert!(got.contains("can't be read"), "{got}");
    }
}
