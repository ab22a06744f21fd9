//! Sources as the rules of the house read them: tokens without comments, each with its line and whether it is test code;
//! its paths and functions.

use std::{collections::BTreeMap, fs, path::Path};

/// A word, number, lifetime, single sign or literal. The text of a literal begins with `"`, so that it equals no word.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub text: String,
    pub line: usize,
    pub test: bool,
}

impl Token {
    pub fn is(&self, text: &str) -> bool {
        self.text == text
    }

    pub fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// One file under `src`, named by its path there: `engine/mod.rs`.
#[derive(Debug)]
pub struct Source {
    pub path: String,
    pub text: String,
    pub tokens: Vec<Token>,
}

/// Where a path begins, and its segments: `use a::{b, c::*}` is `a::b` and `a::c::*`.
#[derive(Debug, PartialEq)]
pub struct Named {
    pub line: usize,
    pub segments: Vec<String>,
}

/// A function with a body, from its `fn` to its closing brace.
#[derive(Debug, PartialEq)]
pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let mut tokens = lex(text);
        for (from, to) in test_items(path, &tokens) {
            tokens[from..to].iter_mut().for_each(|token| token.test = true);
        }
        Self { path: path.to_owned(), text: text.to_owned(), tokens }
    }

    /// The module that this file is: `engine/orders.rs` is `["engine", "orders"]`, and the crate's root is empty.
    pub fn module(&self) -> Vec<&str> {
        let stem = self.path.trim_end_matches(".rs");
        stem.split('/').filter(|part| !["mod", "lib", "main"].contains(part)).collect()
    }

    /// The first part of the path: `engine`, `trader`, or nothing for `lib.rs` and `main.rs`.
    pub fn top(&self) -> &str {
        self.module().first().copied().unwrap_or_default()
    }

    /// The tokens that are not test code.
    pub fn code(&self) -> Vec<&Token> {
        self.tokens.iter().filter(|token| !token.test).collect()
    }

    pub fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// Lines from the first to the last token of each stretch of test code.
    pub fn test_lines(&self) -> usize {
        let stretches = self.tokens.chunk_by(|a, b| a.test == b.test).filter(|tokens| tokens[0].test);
        stretches.map(|tokens| tokens[tokens.len() - 1].line - tokens[0].line + 1).sum()
    }

    /// The lines of the code, without tests, on which the tokens of `pattern` begin: `".unwrap("`.
    pub fn find(&self, pattern: &str) -> Vec<usize> {
        let (code, pattern) = (self.code(), lex(pattern));
        let same = |window: &&[&Token]| window.iter().zip(&pattern).all(|(a, b)| a.text == b.text);
        code.windows(pattern.len()).filter(same).map(|window| window[0].line).collect()
    }

    /// The functions of the code, without tests.
    pub fn functions(&self) -> Vec<Function> {
        let code = self.code();
        let starts = (0..code.len().saturating_sub(1)).filter(|&at| code[at].is("fn") && code[at + 1].is_word());
        starts.filter_map(|at| function(&code, at)).collect()
    }

    /// The paths of the code, without tests, that begin with one of `roots`. `super` and `self` are told as `crate`.
    pub fn paths(&self, roots: &[&str]) -> Vec<Named> {
        let code = self.code();
        let mut modules: Vec<(String, usize)> = self.module().iter().map(|name| ((*name).to_owned(), 0)).collect();
        let (mut found, mut depth, mut at) = (Vec::new(), 0, 0);
        while at < code.len() {
            match code[at].text.as_str() {
                "mod" if code.get(at + 2).is_some_and(|token| token.is("{")) => {
                    modules.push((code[at + 1].text.clone(), depth + 1));
                }
                "{" => depth += 1,
                "}" => {
                    modules.retain(|(_, within)| *within < depth || *within == 0);
                    depth -= 1;
                }
                root if begins_path(&code, at) && roots.contains(&root) => {
                    let from = found.len();
                    at = tree(&code, at, &[], &mut found);
                    let names: Vec<&str> = modules.iter().map(|(name, _)| name.as_str()).collect();
                    found[from..].iter_mut().for_each(|named: &mut Named| absolute(named, &names));
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        found
    }
}

/// Every source under `src`, in order of path. An empty folder is a failure: a rule that reads nothing finds nothing.
pub fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let texts = texts_under(&root, "rs");
    assert!(texts.contains_key("lib.rs") && texts.contains_key("main.rs"), "no sources under {}", root.display());
    let mut sources: Vec<Source> = texts.iter().map(|(path, text)| Source::new(path, text)).collect();
    let tests: Vec<String> = sources.iter().flat_map(test_modules).collect();
    for source in &mut sources {
        let stem = source.path.trim_end_matches(".rs");
        if tests.iter().any(|test| stem == test || stem.starts_with(&format!("{test}/"))) {
            source.tokens.iter_mut().for_each(|token| token.test = true);
        }
    }
    sources
}

/// The text of every file under `root` whose name ends in `.extension`, by its path below `root`.
pub fn texts_under(root: &Path, extension: &str) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if extension.is_empty() || path.extension().is_some_and(|ext| ext == extension) {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                texts.insert(name, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned());
            }
        }
    }
    texts
}

fn lex(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut line, mut at) = (Vec::new(), 1, 0);
    while at < chars.len() {
        let (end, text) = next(&chars, at);
        tokens.extend(text.map(|text| Token { text, line, test: false }));
        line += chars[at..end].iter().filter(|c| **c == '\n').count();
        at = end;
    }
    tokens
}

/// Where the token, blank or comment at `at` ends, and the token's text.
fn next(chars: &[char], at: usize) -> (usize, Option<String>) {
    let peek = |ahead: usize| chars.get(at + ahead).copied().unwrap_or(' ');
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let run = |from: usize| from + chars[from.min(chars.len())..].iter().take_while(|c| word(**c)).count();
    let text = |from: usize, to: usize| Some(chars[from..to].iter().collect::<String>());
    let literal = Some("\"".to_owned());
    match peek(0) {
        c if c.is_whitespace() => (at + 1, None),
        '/' if peek(1) == '/' => (at + chars[at..].iter().take_while(|c| **c != '\n').count(), None),
        '/' if peek(1) == '*' => (block_comment_end(chars, at), None),
        '"' => (quoted_end(chars, at), text(at, quoted_end(chars, at))),
        '\'' if peek(1) == '\\' || peek(2) == '\'' => (quoted_end(chars, at), literal),
        '\'' => (run(at + 1), text(at, run(at + 1))),
        c if c.is_ascii_digit() => {
            let end = run(at);
            let fraction = chars.get(end) == Some(&'.') && chars.get(end + 1).is_some_and(char::is_ascii_digit);
            let end = if fraction { run(end + 1) } else { end };
            (end, text(at, end))
        }
        c if word(c) => {
            let end = run(at);
            let hashes = chars[end..].iter().take_while(|c| **c == '#').count();
            let quote = chars.get(end + hashes).copied().unwrap_or(' ');
            match (text(at, end).as_deref(), quote) {
                (Some("r" | "br" | "cr"), '"') => (raw_end(chars, end + hashes, hashes), literal),
                (Some("b" | "c"), '"') | (Some("b"), '\'') if hashes == 0 => (quoted_end(chars, end), literal),
                (Some("r"), _) if hashes == 1 => (run(end + 1), text(end + 1, run(end + 1))),
                _ => (end, text(at, end)),
            }
        }
        _ => (at + 1, text(at, at + 1)),
    }
}

fn block_comment_end(chars: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

/// The end of the string or character literal whose opening quote stands at `from`.
fn quoted_end(chars: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < chars.len() && chars[at] != chars[from] {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The end of the raw string whose opening quote stands at `from` after `hashes` signs.
fn raw_end(chars: &[char], from: usize, hashes: usize) -> usize {
    let closes = |at: &usize| chars[*at] == '"' && chars[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
    (from + 1..chars.len()).find(closes).map_or(chars.len(), |at| at + 1 + hashes)
}

/// The items under `#[cfg(test)]`, as ranges of tokens.
fn test_items(path: &str, tokens: &[Token]) -> Vec<(usize, usize)> {
    let mut items = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let after =
            ["#![cfg(test)]", "#[cfg(test)]", "#[cfg(all(test,"].iter().position(|text| starts(tokens, at, text));
        at = match after {
            Some(0) => return vec![(0, tokens.len())],
            Some(_) => {
                let end = item_end(path, tokens, at);
                items.push((at, end));
                end
            }
            None => at + 1,
        };
    }
    items
}

fn starts(tokens: &[Token], at: usize, pattern: &str) -> bool {
    let pattern = lex(pattern);
    tokens.len() >= at + pattern.len() && tokens[at..].iter().zip(&pattern).all(|(a, b)| a.text == b.text)
}

/// The end of the item whose first attribute stands at `at`: its closing brace or its semicolon.
fn item_end(path: &str, tokens: &[Token], at: usize) -> usize {
    let mut first = at;
    while tokens[first].is("#") {
        first = closing(tokens, first + 1) + 1;
    }
    let line = tokens[at].line;
    let mut kind = first;
    while tokens[kind].is("pub") || tokens[kind].is("(") {
        kind = if tokens[kind].is("(") { closing(tokens, kind) + 1 } else { kind + 1 };
    }
    let braced = ["mod", "fn", "impl", "struct", "enum", "trait", "macro_rules", "async", "const", "unsafe", "{"];
    let with_semicolon = ["use", "let", "static", "type"];
    let kind = tokens[kind].text.as_str();
    let known = braced.contains(&kind) || with_semicolon.contains(&kind);
    assert!(known, "src/{path}:{line}: cannot tell where the test code ends that begins with `{kind}`");
    let mut end = first;
    loop {
        match tokens[end].text.as_str() {
            ";" => return end + 1,
            "{" if braced.contains(&kind) => return closing(tokens, end) + 1,
            "{" | "(" | "[" => end = closing(tokens, end) + 1,
            _ => end += 1,
        }
    }
}

/// The sign that closes the bracket at `from`.
fn closing(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    panic!("line {}: a bracket is never closed", tokens[from].line)
}

/// The files, without `.rs`, of the modules that a file declares by `#[cfg(test)] mod name;`, with a `#[path]` or without.
fn test_modules(source: &Source) -> Vec<String> {
    let tokens = &source.tokens;
    let mut stems = Vec::new();
    for (from, to) in test_items(&source.path, tokens) {
        let declared = (from..to.saturating_sub(2)).find(|&at| tokens[at].is("mod") && tokens[at + 2].is(";"));
        let path =
            (from..to).find(|&at| starts(tokens, at, "#[path =")).map(|at| tokens[at + 4].text.trim_matches('"'));
        let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        stems.extend(match (declared, path) {
            (Some(_), Some(path)) => Some(format!("{folder}/{}", path.trim_end_matches(".rs"))),
            (Some(at), None) => Some(format!("{}/{}", source.module().join("/"), tokens[at + 1].text)),
            (None, _) => None,
        });
    }
    stems.iter().map(|stem| stem.trim_start_matches('/').to_owned()).collect()
}

fn function(code: &[&Token], at: usize) -> Option<Function> {
    let mut depth = 0;
    for (end, token) in code.iter().enumerate().skip(at) {
        match token.text.as_str() {
            ";" if depth == 0 => return None,
            "{" | "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" if depth > 1 => depth -= 1,
            "}" => {
                let (name, line) = (code[at + 1].text.clone(), code[at].line);
                return Some(Function { name, line, lines: code[end].line - line + 1 });
            }
            _ => {}
        }
    }
    None
}

fn colons(code: &[&Token], at: usize) -> bool {
    code.len() > at + 1 && code[at].is(":") && code[at + 1].is(":")
}

/// Whether the word at `at` is the first of a path: not `b` in `a::b::c`, `<A>::b::c` or `a.b::<C>()`, but in `::b::c`.
fn begins_path(code: &[&Token], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map_or("", |at| code[at].text.as_str());
    let ends_path = match before(3) {
        ">" => !["-", "="].contains(&before(4)), // no arrow
        "use" | "return" | "as" | "in" | "dyn" | "impl" | "else" | "match" | "if" | "while" | "for" => false,
        word => word.starts_with(|c: char| c.is_alphabetic() || c == '_'),
    };
    let within = before(1) == ":" && before(2) == ":" && ends_path;
    let method = before(1) == "." && before(2) != ".";
    colons(code, at + 1) && !within && !method
}

/// Adds the paths of the tree at `at` to `found` and returns its end.
fn tree(code: &[&Token], mut at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let mut segments = prefix.to_vec();
    let line = code[at].line;
    while let Some(token) = code.get(at) {
        if token.is("{") && !segments.is_empty() {
            at += 1;
            while at < code.len() && !code[at].is("}") {
                at = if code[at].is(",") { at + 1 } else { tree(code, at, &segments, found) };
            }
            return at + 1;
        }
        if token.is_word() || token.is("*") {
            // `{self, b}` names the module itself
            if !token.is("self") || segments.is_empty() {
                segments.push(token.text.clone());
            }
            at += 1;
        }
        if !colons(code, at) || !code.get(at + 2).is_some_and(|next| next.is_word() || next.is("{") || next.is("*")) {
            break;
        }
        at += 2;
    }
    found.push(Named { line, segments });
    // a renamed or unreadable element of a group ends with the next comma or brace
    if !prefix.is_empty() {
        while at < code.len() && !code[at].is(",") && !code[at].is("}") {
            at += 1;
        }
    }
    at
}

/// Rewrites `self::x` and `super::x` in module `modules` to `crate::…::x`.
fn absolute(named: &mut Named, modules: &[&str]) {
    let ups = named.segments.iter().take_while(|segment| *segment == "super").count();
    let selves = usize::from(named.segments[0] == "self");
    if ups + selves > 0 {
        let above = &modules[..modules.len().saturating_sub(ups)];
        let path = ["crate"].iter().chain(above).map(|segment| (*segment).to_owned());
        named.segments = path.chain(named.segments.drain(ups + selves..).collect::<Vec<_>>()).collect();
    }
}

#[test]
fn tokens_have_no_comments_and_no_literals() {
    let text = r###"a /* b /* c */ d */ "e \" f" r#"g " h"# 'i' '\'' b'"' b"j" &'k l // m
        n r#type 0..1 2.5e3 "###;
    let tokens: Vec<String> = lex(text).into_iter().map(|token| format!("{} {}", token.line, token.text)).collect();
    let want = "1 a,1 \"e \\\" f\",1 \",1 \",1 \",1 \",1 \",1 &,1 'k,1 l,2 n,2 type,2 0,2 .,2 .,2 1,2 2.5e3";
    assert_eq!(tokens.join(","), want);
}

#[test]
fn code_is_what_stands_outside_tests() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { {} }\n}\nfn c() {}\n#[cfg(test)] use x::{y};\nfn d();\n
        #[cfg(test)]\n#[path = \"b/c.rs\"]\npub(crate) mod far;\n#[cfg(test)] mod d;\n#[cfg(not(test))] fn e() {\n}";
    let source = Source::new("engine/mod.rs", text);
    let names: Vec<_> = source.functions().into_iter().map(|f| (f.name, f.line, f.lines)).collect();
    assert_eq!(names, [("a".to_owned(), 1, 1), ("c".to_owned(), 6, 1), ("e".to_owned(), 14, 2)]);
    assert_eq!(source.test_lines(), 4 + 1 + 4);
    assert_eq!(test_modules(&source), ["engine/b/c", "engine/d"]);
    assert!(Source::new("a.rs", "#![cfg(test)]\nfn a() {}").code().is_empty());
}

#[test]
fn paths_are_told_from_the_root() {
    let text =
        "use crate::{a, b::{self, c::*, d as e}, f}; use super::{super::g, h}; fn i() -> self::J { super::k::<L>() }
        mod m { use super::super::n; } use ::std::{fs, time::{Duration, Instant}}; use o::crate::p; x.super::<Y>();
        fn q() -> ::std::r { return ::std::s }";
    let source = Source::new("engine/orders.rs", text);
    let told = |roots: &[&str]| source.paths(roots).into_iter().map(|p| p.segments.join("::")).collect::<Vec<_>>();
    let want = "crate::a crate::b crate::b::c::* crate::b::d crate::f crate::g crate::engine::h crate::engine::orders::J \
                crate::engine::k crate::engine::n";
    assert_eq!(told(&["crate", "super", "self"]).join(" "), want);
    assert_eq!(told(&["std"]).join(" "), "std::fs std::time::Duration std::time::Instant std::r std::s");
}
