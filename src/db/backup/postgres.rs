//! PostgreSQL's own tools, which know better than we do how a database is written to a file: `pg_dump`, `pg_restore`, `psql`.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::{BackupError, TABLES};
use crate::db::error::one_line;

/// What is passed on of what a tool complains, in characters.
const COMPLAINT_CHARS: usize = 400;

/// How a tool is told where the database is: everything but the password, which the list of processes would show.
pub(super) struct Target<'a> {
    url: &'a str,
}

impl<'a> Target<'a> {
    pub(super) fn new(url: &'a str) -> Self {
        Self { url }
    }

    /// Returns the address without the password, and the password.
    fn split(&self) -> (String, Option<String>) {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("postgres", self.url));
        let (place, query) = rest.split_once('?').map_or((rest, ""), |(place, query)| (place, query));
        let mut password = None;
        let place = match place.rsplit_once('@') {
            Some((who, host)) => {
                let (user, secret) = who.split_once(':').map_or((who, None), |(user, secret)| (user, Some(secret)));
                password = secret.map(decoded);
                format!("{user}@{host}")
            }
            None => place.to_owned(),
        };
        let mut kept = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("password", secret)) => password = Some(decoded(secret)),
                _ => kept.push(pair),
            }
        }
        let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
        (format!("{scheme}://{place}{query}"), password)
    }

    /// Returns the address as it may be shown.
    fn shown(&self) -> String {
        self.split().0
    }

    /// Returns a tool that is to connect there and asks nobody for a password.
    fn command(&self, tool: &str) -> Command {
        let (url, password) = self.split();
        let mut command = Command::new(tool);
        command.arg("--no-password").arg("--dbname").arg(url).env("PGAPPNAME", "everhall");
        if std::env::var_os("PGCONNECT_TIMEOUT").is_none() {
            command.env("PGCONNECT_TIMEOUT", "5");
        }
        if let Some(password) = password {
            command.env("PGPASSWORD", password);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Writes all our tables, as they are at one moment, to `part`, which will be `file`.
    pub(super) fn dump(&self, part: &Path, file: &Path) -> Result<(), BackupError> {
        let tables = pattern();
        let mut command = self.command("pg_dump");
        command.args(["--format=custom", "--table", &tables]).arg("--file").arg(part);
        let by_hand = || {
            let file = file.display();
            format!("pg_dump --format=custom --table='{tables}' --file='{file}' '{}'", self.shown())
        };
        run(command, "pg_dump", by_hand)
    }

    /// Runs what `first` says, then the script that makes the tables of a backup anew, then what `last` says: all of it in one
    /// transaction, or nothing.
    pub(super) fn run_script(&self, file: &Path, first: &str, last: &str) -> Result<(), BackupError> {
        let by_hand = || format!("pg_restore --no-owner --dbname='{}' '{}'", self.shown(), file.display());
        let mut psql = self.command("psql");
        psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"]).stdin(Stdio::piped());
        let mut psql = start(psql, "psql", by_hand)?;
        let mut script = start(script_of(file), "pg_restore", by_hand)?;
        let fed = feed(&mut psql, &mut script, first, last);
        // Its input is closed by now: without a COMMIT in it nothing has happened.
        let (made, done) = (end(script, "pg_restore"), end(psql, "psql"));
        done?;
        made?;
        fed.map_err(|error| BackupError::tool("psql", &error.to_string()))
    }
}

/// Passes the script on. The COMMIT goes last, and only if there was all of it.
fn feed(psql: &mut Child, script: &mut Child, first: &str, last: &str) -> io::Result<()> {
    let (Some(mut to), Some(mut from)) = (psql.stdin.take(), script.stdout.take()) else { return Ok(()) };
    writeln!(to, "BEGIN;\n{first}")?;
    io::copy(&mut from, &mut to)?;
    if !script.wait()?.success() {
        return Err(io::Error::other("the script is not whole"));
    }
    writeln!(to, "{last}\nCOMMIT;")
}

/// Reads the first line of the table `meta` of a backup: the names of its columns and their values, and the schema it lies in.
pub(super) fn read_meta(file: &Path) -> Result<Option<DumpedMeta>, BackupError> {
    let mut command = Command::new("pg_restore");
    command.args(["--data-only", "--table=meta", "--file=-"]).arg(file);
    Ok(DumpedMeta::parse(&output(command, "pg_restore", file)?))
}

/// Reads a whole backup, to see that it can be read.
pub(super) fn read_through(file: &Path) -> Result<(), BackupError> {
    let mut command = Command::new("pg_restore");
    command.arg("--file=/dev/null").arg(file);
    output(command, "pg_restore", file).map(drop)
}

/// What a backup says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DumpedMeta {
    /// The schema (in PostgreSQL's sense) that its tables lie in.
    pub(super) place: String,
    /// Oldest version of the program that can read it.
    pub(super) schema_reader: i64,
}

impl DumpedMeta {
    fn parse(script: &str) -> Option<Self> {
        let mut lines = script.lines().skip_while(|line| !line.starts_with("COPY "));
        let head = lines.next()?.strip_prefix("COPY ")?;
        let (table, columns) = head.split_once(" (")?;
        let place = table.strip_suffix(".meta")?.trim_matches('"').to_owned();
        let columns = columns.split_once(')')?.0.split(", ").map(|column| column.trim_matches('"'));
        let mut values = columns.zip(lines.next()?.split('\t'));
        let schema_reader = values.find(|(column, _)| *column == "schema_reader")?.1.parse().ok()?;
        Some(Self { place, schema_reader })
    }
}

/// Returns the tables that are ours, as PostgreSQL's tools take them: and no other, if a game keeps some of its own there.
fn pattern() -> String {
    format!("({})", TABLES.join("|"))
}

fn script_of(file: &Path) -> Command {
    let mut command = Command::new("pg_restore");
    command.args(["--no-owner", "--no-privileges", "--file=-"]).arg(file);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn start(mut command: Command, tool: &'static str, by_hand: impl Fn() -> String) -> Result<Child, BackupError> {
    command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => BackupError::NoTool { tool, by_hand: by_hand() },
        _ => BackupError::tool(tool, &error.to_string()),
    })
}

fn run(command: Command, tool: &'static str, by_hand: impl Fn() -> String) -> Result<(), BackupError> {
    end(start(command, tool, by_hand)?, tool)
}

/// Runs a tool and returns what it prints.
fn output(mut command: Command, tool: &'static str, file: &Path) -> Result<String, BackupError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let by_hand = || format!("{tool} --list '{}'", file.display());
    let output = start(command, tool, by_hand)?.wait_with_output();
    let output = output.map_err(|error| BackupError::tool(tool, &error.to_string()))?;
    if !output.status.success() {
        return Err(BackupError::Damaged {
            file: file.to_owned(),
            reason: complaint(&String::from_utf8_lossy(&output.stderr), output.status),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Waits for a tool. An error is in its own words.
fn end(mut child: Child, tool: &'static str) -> Result<(), BackupError> {
    drop(child.stdin.take());
    let mut said = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = stderr.read_to_end(&mut said);
    }
    let status = child.wait().map_err(|error| BackupError::tool(tool, &error.to_string()))?;
    if status.success() {
        return Ok(());
    }
    Err(BackupError::tool(tool, &complaint(&String::from_utf8_lossy(&said), status)))
}

fn complaint(said: &str, status: ExitStatus) -> String {
    let said = one_line(said);
    if said.is_empty() {
        return status.to_string();
    }
    said.chars().take(COMPLAINT_CHARS).collect()
}

/// Undoes `%41` and the like.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let pair = || std::str::from_utf8(more.get(..2)?).ok();
        match (first, pair().and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            _ => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_in_the_list_of_processes() {
        let check = |url: &str, address: &str, password: Option<&str>| {
            assert_eq!(Target::new(url).split(), (address.to_owned(), password.map(str::to_owned)), "{url}");
        };
        check("postgres://localhost/world", "postgres://localhost/world", None);
        check("postgres://ann@localhost/world", "postgres://ann@localhost/world", None);
        check("postgres://ann:p%40ss:%zz@db:5433/w", "postgres://ann@db:5433/w", Some("p@ss:%zz"));
        check(
            "postgresql:///w?host=/run&password=a%20b&sslmode=prefer",
            "postgresql:///w?host=/run&sslmode=prefer",
            Some("a b"),
        );
        let command = Target::new("postgres://ann:hunter2@db/w").command("pg_dump");
        assert!(!format!("{:?}", command.get_args().collect::<Vec<_>>()).contains("hunter2"));
    }

    #[test]
    fn what_a_dump_says_of_itself_is_read() {
        let script = "--\n-- Data\n--\n\nCOPY public.meta (id, epoch, schema_reader, created_at) FROM stdin;\n\
            1\t7\t2\t1763632800000\n\\.\n";
        assert_eq!(DumpedMeta::parse(script), Some(DumpedMeta { place: "public".to_owned(), schema_reader: 2 }));
        assert_eq!(DumpedMeta::parse("-- nothing\n"), None);
    }
}
