//! Reads Rust just well enough to tell which paths it names: no comments, no tests, strings apart.

/// One file's code and strings.
pub(super) struct Source {
    /// Comments, strings and tests are blanked; line ends stay.
    code: String,
    /// Strings as written, with the number of the line each begins in.
    strings: Vec<(usize, String)>,
}

impl Source {
    /// Takes a file's text apart.
    pub(super) fn read(text: &str) -> Self {
        let (code, strings) = blank(text);
        let tests = tests(&code);
        let line = |at: usize| code[..at].matches('\n').count() + 1;
        let strings = strings
            .into_iter()
            .filter(|(at, _)| !tests.iter().any(|test| test.contains(at)))
            .map(|(at, text)| (line(at), text))
            .collect();
        let mut bytes = code.into_bytes();
        for at in tests.into_iter().flatten() {
            if bytes[at] != b'\n' {
                bytes[at] = b' ';
            }
        }
        // Only whole ASCII bytes were blanked one by one; the rest is as it was or all blank.
        Self { code: String::from_utf8_lossy(&bytes).into_owned(), strings }
    }

    /// Returns each string outside tests, with its line.
    pub(super) fn strings(&self) -> &[(usize, String)] {
        &self.strings
    }

    /// Returns each path that is named, with its line; the paths of a `use` group one by one.
    pub(super) fn paths(&self) -> Vec<(usize, String)> {
        let mut paths = Vec::new();
        // What stands before each group that is open: `crate::` in `use crate::{a, b::{c}}`.
        let mut groups: Vec<Option<String>> = Vec::new();
        let mut path = String::new();
        let (mut line, mut begun) = (1, 1);
        let mut rest = self.code.as_str();
        while let Some(c) = rest.chars().next() {
            if c.is_alphanumeric() || c == '_' {
                let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                if !path.is_empty() && !path.ends_with("::") {
                    finish(&mut path, &groups, begun, &mut paths);
                }
                if path.is_empty() {
                    begun = line;
                }
                path.push_str(&rest[..length]);
                rest = &rest[length..];
                continue;
            }
            if let Some(behind) = rest.strip_prefix("::") {
                path.push_str("::");
                rest = behind;
                continue;
            }
            match c {
                '{' if path.ends_with("::") => {
                    groups.push(Some(outer(&groups) + &path));
                    path.clear();
                }
                '{' => {
                    finish(&mut path, &groups, begun, &mut paths);
                    groups.push(None);
                }
                '}' => {
                    finish(&mut path, &groups, begun, &mut paths);
                    groups.pop();
                }
                _ if c.is_whitespace() => {}
                _ => finish(&mut path, &groups, begun, &mut paths),
            }
            line += usize::from(c == '\n');
            rest = &rest[c.len_utf8()..];
        }
        finish(&mut path, &groups, begun, &mut paths);
        paths
    }
}

fn outer(groups: &[Option<String>]) -> String {
    groups.last().cloned().flatten().unwrap_or_default()
}

fn finish(path: &mut String, groups: &[Option<String>], line: usize, paths: &mut Vec<(usize, String)>) {
    let whole = outer(groups) + path.trim_end_matches("::");
    if !path.is_empty() && whole.contains("::") {
        paths.push((line, whole.trim_start_matches("::").to_owned()));
    }
    path.clear();
}

/// Returns a path as seen from the crate's root: `super::x` in `portal/telnet` is `crate::portal::x`.
pub(super) fn resolve(file: &str, path: &str) -> String {
    let mut module: Vec<&str> = if matches!(file, "lib" | "main") { Vec::new() } else { file.split('/').collect() };
    let mut parts = path.split("::").peekable();
    match parts.peek() {
        Some(&"super") => {
            while parts.next_if_eq(&"super").is_some() {
                module.pop();
            }
        }
        Some(&"self") => {
            parts.next();
        }
        _ => return path.to_owned(),
    }
    std::iter::once("crate").chain(module).chain(parts).collect::<Vec<_>>().join("::")
}

/// Blanks comments, strings and characters; returns the strings with the place where each begins.
fn blank(text: &str) -> (String, Vec<(usize, String)>) {
    let mut code = String::with_capacity(text.len());
    let mut strings = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let in_word = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let (length, is_string) = literal(rest, in_word);
        let (piece, behind) =
            rest.split_at(if length == 0 { rest.chars().next().map_or(1, char::len_utf8) } else { length });
        if length == 0 {
            code.push_str(piece);
        } else {
            if is_string {
                strings.push((code.len(), piece.to_owned()));
            }
            code.extend(piece.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        }
        rest = behind;
    }
    (code, strings)
}

/// Returns the length of the comment, string or character that `rest` begins with, 0 if with none; and whether it is a string.
fn literal(rest: &str, in_word: bool) -> (usize, bool) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), false);
    }
    if rest.starts_with('"') {
        return (quoted(rest, 1), true);
    }
    let raw = rest.strip_prefix('b').unwrap_or(rest).strip_prefix('r').filter(|_| !in_word);
    if let Some(raw) = raw {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let open = rest.len() - raw.len() + hashes + 1;
            let close = format!("\"{}", "#".repeat(hashes));
            return (rest[open..].find(&close).map_or(rest.len(), |at| open + at + close.len()), true);
        }
    }
    (character(rest), false)
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

fn quoted(rest: &str, open: usize) -> usize {
    let mut escaped = false;
    for (at, c) in rest[open..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return open + at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Length of a character such as `'"'` or `'\''`; 0 for a lifetime.
fn character(rest: &str) -> usize {
    let Some(inside) = rest.strip_prefix('\'') else { return 0 };
    if let Some(escape) = inside.strip_prefix('\\') {
        let skip = escape.chars().next().map_or(0, char::len_utf8);
        return escape.get(skip..).and_then(|rest| rest.find('\'')).map_or(0, |at| 2 + skip + at + 1);
    }
    let first = inside.chars().next().map_or(0, char::len_utf8);
    if inside[first..].starts_with('\'') { 1 + first + 1 } else { 0 }
}

/// Returns where the items under `#[cfg(test)]` stand.
fn tests(code: &str) -> Vec<std::ops::Range<usize>> {
    code.match_indices("#[cfg(test)]")
        .map(|(start, attribute)| {
            let body = start + attribute.len();
            let end = code[body..].find(['{', ';']).map_or(code.len(), |at| body + at);
            let is_block = code[end..].starts_with('{');
            start..if is_block { block_end(code, end) } else { (end + 1).min(code.len()) }
        })
        .collect()
}

fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

#[test]
fn paths_are_followed_through_groups_and_super() {
    let source = Source::read("use crate::{\n    a::b,\n    c::{d, self as e},\n};\nlet x = super::f::<u8>(g);");
    let paths = source.paths();
    for (line, path) in [(2, "crate::a::b"), (3, "crate::c::d"), (3, "crate::c::self"), (5, "super::f")] {
        assert!(paths.contains(&(line, path.to_owned())), "{path} in {paths:?}");
    }
    assert_eq!(resolve("portal/telnet", "super::f"), "crate::portal::f");
    assert_eq!(resolve("portal/telnet", "self::f"), "crate::portal::telnet::f");
    assert_eq!(resolve("portal", "tokio::f"), "tokio::f");
}
