//! Puts the commit and the target into the program, for `bot --version`.

use std::{path::Path, process::Command};

fn main() {
    let commit = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()
        .filter(|out| out.status.success())
        .and_then(|out| String::from_utf8(out.stdout).ok())
        .map_or_else(|| "no commit".to_owned(), |text| text.trim().to_owned());
    let target = std::env::var("TARGET").unwrap_or_else(|_| "unknown target".to_owned());
    println!("cargo:rustc-env=SMOLBEAR_VERSION={} ({commit}, {target})", env!("CARGO_PKG_VERSION"));
    // A path that isn't there counts as changed, and all would be built again each time.
    for path in [".git/HEAD", ".git/logs/HEAD"].into_iter().filter(|path| Path::new(path).exists()) {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
