//! Reads the settings: defaults, then a file, then the environment, then flags.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::Value;
use toml::de::{DeTable, DeValue};

use super::{Config, ConfigError, Key, Source, keys};

/// The settings file that is read when none is named; it may be missing.
pub const DEFAULT_FILE: &str = "everhall.toml";

/// The flags that set a key, with its path.
pub const FLAGS: [(&str, &str); 3] =
    [("--data-dir", "data_dir"), ("--telnet", "listen.telnet"), ("--http", "listen.http")];

/// Variables of that form which are not settings.
const OTHER_VARIABLES: [&str; 3] = ["EVERHALL_ADMIN_PASSWORD", "EVERHALL_PASSWORD", crate::failpoint::VARIABLE];

/// What the settings are made of, weakest first.
#[derive(Debug, Default)]
pub struct Layers {
    /// Name of the world unless something else sets it: a game's own. Default: the engine's.
    pub world_name: Option<String>,
    /// A settings file that must exist. Default: [`DEFAULT_FILE`], if there is one.
    pub file: Option<PathBuf>,
    /// Environment variables; those that are no setting are left alone.
    pub env: Vec<(String, String)>,
    /// Flags of [`FLAGS`] with their values.
    pub flags: Vec<(&'static str, String)>,
}

/// Settings, and where each came from.
#[derive(Debug)]
pub struct Loaded {
    /// The effective settings.
    pub config: Config,
    /// One line for each variable that looks like a mistyped setting.
    pub notes: Vec<String>,
    sources: HashMap<String, Source>,
}

impl Loaded {
    /// Reads all layers.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, as one line that names its place.
    pub fn load(layers: Layers) -> Result<Self, ConfigError> {
        let mut loaded = Self { config: Config::default(), notes: Vec::new(), sources: HashMap::new() };
        if let Some(name) = layers.world_name {
            loaded.config.world.name = name;
        }
        loaded.read_file(layers.file.as_deref())?;
        loaded.read_env(&layers.env)?;
        loaded.read_flags(&layers.flags)?;
        loaded.cross_check()?;
        Ok(loaded)
    }

    /// Returns where the value of a key came from.
    pub fn source(&self, key: &Key) -> &Source {
        self.sources.get(&key.path()).unwrap_or(&Source::Default)
    }

    fn read_file(&mut self, named: Option<&Path>) -> Result<(), ConfigError> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => self.read_text(path, &text),
            Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(ConfigError::Missing { path: path.to_owned() }),
            Err(error) => Err(ConfigError::Unreadable { path: path.to_owned(), error }),
        }
    }

    fn read_text(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let place = |at: usize| {
            let before = text.as_bytes().get(..at).unwrap_or_default();
            Source::File { path: path.to_owned(), line: 1 + before.iter().filter(|byte| **byte == b'\n').count() }
        };
        let syntax = |error: toml::de::Error| ConfigError::Syntax {
            place: place(error.span().map_or(0, |span| span.start)),
            message: error.message().lines().collect::<Vec<_>>().join(", "),
        };
        // Once for the places, once for the values.
        let places = DeTable::parse(text).map_err(syntax)?;
        let values: toml::Table = toml::from_str(text).map_err(syntax)?;
        for (name, value) in places.get_ref() {
            let at = place(name.span().start);
            let name: &str = name.get_ref();
            match (value.get_ref(), &values[name]) {
                (DeValue::Table(entries), Value::Table(values)) if is_section(name) => {
                    for entry in entries.keys() {
                        let at = place(entry.span().start);
                        let entry: &str = entry.get_ref();
                        self.put(find(name, entry, &at)?, at, &values[entry])?;
                    }
                }
                (_, value) if is_section(name) => {
                    let (found, expects) = (value.to_string(), format!("a section: [{name}]"));
                    return Err(ConfigError::Invalid { place: at, key: name.to_owned(), found, expects });
                }
                (DeValue::Table(_), _) => return Err(unknown_section(name, at)),
                (_, value) => self.put(find("", name, &at)?, at, value)?,
            }
        }
        Ok(())
    }

    fn read_env(&mut self, env: &[(String, String)]) -> Result<(), ConfigError> {
        for (name, text) in env.iter().filter(|(name, _)| name.starts_with("EVERHALL_")) {
            match keys().find(|key| key.variable() == *name) {
                Some(key) => self.put_text(key, Source::Env(name.clone()), text)?,
                None if OTHER_VARIABLES.contains(&name.as_str()) => {}
                // Not an error: whatever runs services also sets variables after their names.
                None => {
                    let near = nearest(name, keys().map(Key::variable), 0.9);
                    self.notes.extend(near.map(|near| format!("{name} sets nothing; did you mean {near}?")));
                }
            }
        }
        Ok(())
    }

    fn read_flags(&mut self, flags: &[(&'static str, String)]) -> Result<(), ConfigError> {
        for (flag, text) in flags {
            let key = FLAGS.iter().find(|(known, _)| known == flag).and_then(|(_, path)| by_path(path));
            if let Some(key) = key {
                self.put_text(key, Source::Flag(flag), text)?;
            }
        }
        Ok(())
    }

    fn put_text(&mut self, key: &Key, source: Source, text: &str) -> Result<(), ConfigError> {
        match (key.lift)(text) {
            Some(value) => self.put(key, source, &value),
            None => Err(invalid(key, source, format!("`{text}`"))),
        }
    }

    fn put(&mut self, key: &Key, source: Source, value: &Value) -> Result<(), ConfigError> {
        if !(key.put)(&mut self.config, value) {
            return Err(invalid(key, source, found(value)));
        }
        self.sources.insert(key.path(), source);
        Ok(())
    }

    fn cross_check(&self) -> Result<(), ConfigError> {
        let listen = &self.config.listen;
        if listen.telnet == listen.http && listen.telnet.port() != 0 {
            let value = listen.telnet.to_string();
            return Err(ConfigError::Same { first: "listen.telnet", second: "listen.http", value });
        }
        Ok(())
    }
}

fn by_path(path: &str) -> Option<&'static Key> {
    keys().find(|key| key.path() == path)
}

fn is_section(name: &str) -> bool {
    !name.is_empty() && keys().any(|key| key.section == name)
}

/// Finds a key of a section, or says what may be meant.
fn find(section: &str, name: &str, place: &Source) -> Result<&'static Key, ConfigError> {
    if let Some(key) = keys().find(|key| key.section == section && key.name == name) {
        return Ok(key);
    }
    let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
    let here = || keys().filter(|key| key.section == section);
    // A name that is right but stands in the wrong section is the likeliest slip.
    let elsewhere = keys().find(|key| key.name == name).map(Key::path);
    let near = nearest(name, here().map(|key| key.name.to_owned()), 0.75);
    let near = here().find(|key| near.as_deref() == Some(key.name)).map(Key::path);
    Err(ConfigError::Unknown { place: place.clone(), what: "key", name: path, nearest: elsewhere.or(near) })
}

fn unknown_section(name: &str, place: Source) -> ConfigError {
    let sections = keys().map(|key| key.section.to_owned()).filter(|section| !section.is_empty());
    let near = nearest(name, sections, 0.7).map(|near| format!("[{near}]"));
    ConfigError::Unknown { place, what: "section", name: format!("[{name}]"), nearest: near }
}

fn nearest(name: &str, known: impl Iterator<Item = String>, least: f64) -> Option<String> {
    known
        .map(|known| (strsim::jaro_winkler(name, &known), known))
        .filter(|(likeness, _)| *likeness >= least)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

fn invalid(key: &Key, place: Source, found: String) -> ConfigError {
    ConfigError::Invalid { place, key: key.path(), found, expects: key.expects() }
}

/// Returns a value for an error line: short, on one line.
fn found(value: &Value) -> String {
    match value {
        // An address with a password in it is not repeated where it may end in a log.
        Value::String(text) if text.contains('@') || text.chars().count() > 60 => {
            format!("a text of {} characters", text.chars().count())
        }
        Value::String(text) => format!("{text:?}"),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Loaded, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("world.toml");
        std::fs::write(&file, text).unwrap();
        Loaded::load(Layers { file: Some(file), ..Layers::default() })
    }

    /// Holds that a file is refused with this line, the file's directory left out.
    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = read(text).unwrap_err().to_string();
        let start = error.find("world.toml").unwrap();
        assert_eq!(&error[start..], expected);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_place_and_the_nearest() {
        refused("[world]\n\nnmae = 'x'", "world.toml:3: unknown key `world.nmae`; did you mean `world.name`?");
        refused("[world]\ntelnet = 'x'", "world.toml:2: unknown key `world.telnet`; did you mean `listen.telnet`?");
        refused("data-dir = 'x'", "world.toml:1: unknown key `data-dir`; did you mean `data_dir`?");
        refused("[limits]\nzzz = 1", "world.toml:2: unknown key `limits.zzz`");
        refused("[wrold]\nname = 'x'", "world.toml:1: unknown section `[wrold]`; did you mean `[world]`?");
    }

    #[test]
    fn a_wrong_type_or_range_is_named_with_what_is_expected() {
        refused(
            "[limits]\nline_bytes = 12",
            "world.toml:2: `limits.line_bytes` is 12, expected a whole number from 80 to 65536, in bytes",
        );
        refused(
            "[world]\nregistration = 'shut'",
            "world.toml:2: `world.registration` is \"shut\", expected open or closed or invite",
        );
        refused(
            "[throttle]\nexempt_loopback = 1",
            "world.toml:2: `throttle.exempt_loopback` is 1, expected true or false",
        );
        refused("[world]\nname = ''", "world.toml:2: `world.name` is \"\", expected a text of 1 to 60 characters");
        refused("world = 3", "world.toml:1: `world` is 3, expected a section: [world]");
        refused(
            "[storage]\ndatabase_url = 'mysql://x'",
            "world.toml:2: `storage.database_url` is \"mysql://x\", expected `postgres://…` or `sqlite:PATH`",
        );
        refused(
            "[storage]\ndatabase_url = 'pg://me:secret@host'",
            "world.toml:2: `storage.database_url` is a text of 19 characters, expected `postgres://…` or `sqlite:PATH`",
        );
    }

    #[test]
    fn a_mistyped_log_level_is_refused_and_a_filter_accepted() {
        assert!(read("[log]\nlevel = 'inof'").is_err());
        assert_eq!(
            read("[log]\nlevel = 'info,everhall::db=debug'").unwrap().config.log.level,
            "info,everhall::db=debug"
        );
    }

    #[test]
    fn what_is_not_toml_is_refused_with_its_line() {
        let error = read("[world]\nname = \n").unwrap_err().to_string();
        assert!(error.contains("world.toml:2: "), "{error}");
        assert!(!error.contains('\n'), "{error}");
        let error = read("[world]\nname = 'a'\nname = 'b'").unwrap_err().to_string();
        assert!(error.contains("world.toml:3: "), "{error}");
    }

    #[test]
    fn a_named_file_must_exist() {
        let file = Some(PathBuf::from("/nowhere/world.toml"));
        let error = Loaded::load(Layers { file, ..Layers::default() }).unwrap_err().to_string();
        assert_eq!(error, "settings file /nowhere/world.toml does not exist");
    }

    #[test]
    fn two_listeners_cannot_share_an_address() {
        let error = read("[listen]\ntelnet = '127.0.0.1:4001'").unwrap_err().to_string();
        assert_eq!(error, "`listen.telnet` and `listen.http` are both 127.0.0.1:4001");
        assert!(read("[listen]\ntelnet = '127.0.0.1:0'\nhttp = '127.0.0.1:0'").is_ok());
    }

    #[test]
    fn a_flag_overrides_the_environment_and_that_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("world.toml");
        std::fs::write(&file, "data_dir = 'a'\n[listen]\ntelnet = '127.0.0.1:1'\nhttp = '127.0.0.1:2'").unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let loaded = Loaded::load(Layers {
            world_name: Some("Mine".to_owned()),
            file: Some(file.clone()),
            env: vec![pair("EVERHALL_LISTEN_HTTP", "127.0.0.1:3"), pair("EVERHALL_DATA_DIR", "b"), pair("HOME", "/")],
            flags: vec![("--data-dir", "c".to_owned())],
        })
        .unwrap();
        let source = |path: &str| loaded.source(by_path(path).unwrap()).clone();
        assert_eq!(loaded.config.data_dir, Path::new("c"));
        assert_eq!(source("data_dir"), Source::Flag("--data-dir"));
        assert_eq!(loaded.config.listen.http.port(), 3);
        assert_eq!(source("listen.http"), Source::Env("EVERHALL_LISTEN_HTTP".to_owned()));
        assert_eq!(loaded.config.listen.telnet.port(), 1);
        assert_eq!(source("listen.telnet"), Source::File { path: file, line: 3 });
        assert_eq!(loaded.config.world.name, "Mine");
        assert_eq!(source("world.name"), Source::Default);
    }

    fn from_env(name: &str, value: &str) -> Result<Loaded, ConfigError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let env = vec![(name.to_owned(), value.to_owned())];
        Loaded::load(Layers { file: Some(file.path().to_owned()), env, ..Layers::default() })
    }

    #[test]
    fn the_environment_sets_every_kind_of_value() {
        assert_eq!(from_env("EVERHALL_STORAGE_READERS", "4").unwrap().config.storage.readers, 4);
        assert_eq!(from_env("EVERHALL_WORLD_TIME_FACTOR", "2.5").unwrap().config.world.time_factor, 2.5);
        assert!(!from_env("EVERHALL_THROTTLE_EXEMPT_LOOPBACK", "false").unwrap().config.throttle.exempt_loopback);
        assert_eq!(from_env("EVERHALL_STORAGE_DATABASE_URL", "").unwrap().config.storage.database_url, None);
        let error = from_env("EVERHALL_STORAGE_READERS", "many").unwrap_err().to_string();
        let expected =
            "environment EVERHALL_STORAGE_READERS: `storage.readers` is `many`, expected a whole number from 1 to 64";
        assert_eq!(error, expected);
    }

    #[test]
    fn a_mistyped_variable_is_noted_and_a_strange_one_left_alone() {
        let notes = |name| from_env(name, "1").unwrap().notes;
        assert_eq!(
            notes("EVERHALL_STORAGE_READER"),
            ["EVERHALL_STORAGE_READER sets nothing; did you mean EVERHALL_STORAGE_READERS?"]
        );
        assert!(notes("EVERHALL_PORT_4000_TCP").is_empty());
        assert!(notes("EVERHALL_PASSWORD").is_empty());
    }
}
