//! `logs`: the end of the processes' log files, merged by time; with `-f` what is added, across rotation.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Context, Failure, out};
use crate::logging::{Process, logs_dir};

/// Lines that are shown first.
const SHOWN: usize = 40;

/// How much of the end of a file is searched for them, in bytes.
const TAIL_BYTES: u64 = 256 * 1024;

/// How often the files are looked at.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) fn run(context: &Context, follow: bool) -> Result<(), Failure> {
    let data_dir = &context.config().data_dir;
    let mut logs = Process::ALL.map(|process| Log::open(process.name(), process.log_file(data_dir)));
    if !follow && logs.iter().all(|log| log.file.is_none()) {
        return Err(Failure::new(format_args!("there is no log in {}", logs_dir(data_dir).display())));
    }
    let lines = read_merged(&mut logs);
    show(&lines[lines.len().saturating_sub(SHOWN)..]);
    if follow {
        context.block_on(async {
            loop {
                tokio::time::sleep(PAUSE).await;
                show(&read_merged(&mut logs));
            }
        })?;
    }
    Ok(())
}

fn show(lines: &[Line]) {
    for Line { stamp, from, text } in lines {
        out::line(format_args!("{stamp} {from:8} {text}"));
    }
}

/// Reads what was added to all logs, in the order of their times.
fn read_merged(logs: &mut [Log]) -> Vec<Line> {
    let mut lines: Vec<Line> = logs.iter_mut().flat_map(Log::read).collect();
    lines.sort_by(|a, b| a.stamp.cmp(&b.stamp));
    lines
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    /// Its time, or that of the line before if it has none.
    stamp: String,
    from: &'static str,
    text: String,
}

/// A log file that is read on and on.
struct Log {
    from: &'static str,
    path: PathBuf,
    file: Option<File>,
    /// The beginning of a line whose end is not written yet.
    rest: Vec<u8>,
    stamp: String,
}

impl Log {
    /// Opens a log at the beginning of a line not too far from its end.
    fn open(from: &'static str, path: PathBuf) -> Self {
        let mut log = Self { file: File::open(&path).ok(), from, path, rest: Vec::new(), stamp: String::new() };
        if let Some(file) = &mut log.file
            && let Ok(size) = file.metadata().map(|metadata| metadata.len())
            && size > TAIL_BYTES
            && file.seek(SeekFrom::Start(size - TAIL_BYTES)).is_ok()
        {
            skip_line(file);
        }
        log
    }

    /// Reads the lines that were added; when the file was rotated, its last ones and the new file's.
    fn read(&mut self) -> Vec<Line> {
        let mut lines = self.read_file();
        if self.is_rotated() {
            self.file = File::open(&self.path).ok();
            lines.extend(self.read_file());
        }
        lines
    }

    fn is_rotated(&self) -> bool {
        let inode = |path: &Path| path.metadata().map(|metadata| metadata.ino()).ok();
        let open = self.file.as_ref().and_then(|file| file.metadata().ok()).map(|metadata| metadata.ino());
        let there = inode(&self.path);
        there.is_some() && there != open
    }

    fn read_file(&mut self) -> Vec<Line> {
        if let Some(file) = &mut self.file {
            // What was read before an error is kept, and the rest comes with the next look.
            let _ = file.read_to_end(&mut self.rest);
        }
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        String::from_utf8_lossy(&whole).lines().map(|line| self.line(line)).collect()
    }

    fn line(&mut self, line: &str) -> Line {
        let text = match line.split_once(' ') {
            Some((stamp, text)) if is_stamp(stamp) => {
                stamp.clone_into(&mut self.stamp);
                text
            }
            _ => line,
        };
        Line { stamp: self.stamp.clone(), from: self.from, text: text.trim_end().to_owned() }
    }
}

/// Says whether a word is a time such as `2030-01-31T12:00:00.123456Z`.
fn is_stamp(word: &str) -> bool {
    word.len() >= 20
        && word.ends_with('Z')
        && word.as_bytes().get(10) == Some(&b'T')
        && word.starts_with(|c: char| c.is_ascii_digit())
}

fn skip_line(file: &mut File) {
    let mut byte = [0];
    while matches!(file.read(&mut byte), Ok(1)) && byte[0] != b'\n' {}
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn append(path: &Path, text: &str) {
        let mut file = File::options().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn texts(lines: Vec<Line>) -> Vec<String> {
        lines.into_iter().map(|line| format!("{} {}", line.from, line.text)).collect()
    }

    #[test]
    fn logs_are_merged_by_time_and_a_trace_stays_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a.log"), dir.path().join("b.log"));
        append(
            &a,
            "2030-01-31T12:00:01.000001Z ERROR panic\n  at one\n  at two\n2030-01-31T12:00:03.000001Z  INFO c\n",
        );
        append(&b, "2030-01-31T12:00:00.000001Z  INFO a\n2030-01-31T12:00:02.000001Z  INFO b\nunfinished");
        let mut logs = [Log::open("portal", a), Log::open("server", b.clone())];
        let expected = [
            "server  INFO a",
            "portal ERROR panic",
            "portal   at one",
            "portal   at two",
            "server  INFO b",
            "portal  INFO c",
        ];
        assert_eq!(texts(read_merged(&mut logs)), expected);
        append(&b, " line\n");
        assert_eq!(texts(read_merged(&mut logs)), ["server unfinished line"]);
        assert!(read_merged(&mut logs).is_empty());
    }

    #[test]
    fn a_log_is_followed_across_its_rotation() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        append(&path, "one\n");
        let mut log = Log::open("portal", path.clone());
        assert_eq!(texts(log.read()), ["portal one"]);
        append(&path, "two\n");
        std::fs::rename(&path, dir.path().join("a.log.1")).unwrap();
        append(&path, "three\n");
        assert_eq!(texts(log.read()), ["portal two", "portal three"]);
        append(&path, "four\n");
        assert_eq!(texts(log.read()), ["portal four"]);
    }

    #[test]
    fn a_log_that_begins_later_is_followed_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let mut log = Log::open("portal", path.clone());
        assert!(log.read().is_empty());
        append(&path, "one\n");
        assert_eq!(texts(log.read()), ["portal one"]);
    }

    #[test]
    fn a_long_log_is_read_from_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        append(&path, &"a line of the log\n".repeat(50_000));
        append(&path, "the last\n");
        let lines = texts(Log::open("portal", path).read());
        assert!(lines.len() < 20_000);
        assert_eq!(lines[0], "portal a line of the log");
        assert_eq!(lines.last().unwrap(), "portal the last");
    }
}
