//! A program that does nothing, built in the same run: what everything is held against.

use crate::{Outcome, program::Program};
use std::{env, fs, path::Path, process::Command};

/// The floor: says hello, then stays as long as its standard input does.
const HELLO: &str = r#"fn main() { println!("hello"); let _ = std::io::stdin().read_line(&mut String::new()); }"#;

impl Program {
    /// Compiles the floor as the bot is compiled: optimised, stripped, in one piece.
    pub fn hello(folder: &Path) -> Outcome<Self> {
        let (source, path) = (folder.join("hello.rs"), folder.join("hello"));
        fs::write(&source, HELLO)?;
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let flags = ["-Copt-level=3", "-Clto=fat", "-Ccodegen-units=1", "-Cstrip=symbols", "-o"];
        let status = Command::new(rustc).args(flags).arg(&path).arg(&source).status()?;
        if !status.success() {
            return Err("rustc could not compile the hello world that everything is held against".into());
        }
        Ok(Self { name: "hello world".to_owned(), path, works: "hello", bot: false })
    }
}
