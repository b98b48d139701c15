//! Kinds of values: how each is written in a file and in the environment, and which are accepted.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use toml::Value;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::Config;

/// How the values of a key are written and which are accepted.
pub(super) trait Kind<T> {
    /// Says what is accepted, as in "expected …".
    fn expects(&self) -> String;

    /// Returns what the text of a variable or flag would be in a file.
    fn lift(&self, text: &str) -> Option<Value> {
        Some(Value::String(text.to_owned()))
    }

    /// Returns the value, if it is acceptable.
    fn read(&self, value: &Value) -> Option<T>;

    /// Returns how it stands in a file; nothing if it is not set.
    fn write(&self, value: &T) -> Option<Value>;
}

/// As [`Kind::expects`]; `_place` only says which type the kind is for.
pub(super) fn expects<T>(kind: &impl Kind<T>, _place: fn(&Config) -> &T) -> String {
    kind.expects()
}

/// As [`Kind::lift`]; `_place` only says which type the kind is for.
pub(super) fn lift<T>(kind: &impl Kind<T>, _place: fn(&Config) -> &T, text: &str) -> Option<Value> {
    kind.lift(text)
}

/// A whole number within a range.
pub(super) struct Whole(pub RangeInclusive<i64>);

impl<T: TryFrom<i64> + TryInto<i64> + Copy> Kind<T> for Whole {
    fn expects(&self) -> String {
        match (self.0.start(), self.0.end()) {
            (start, &i64::MAX) => format!("a whole number, {start} or more"),
            (start, end) => format!("a whole number from {start} to {end}"),
        }
    }

    fn lift(&self, text: &str) -> Option<Value> {
        text.trim().replace('_', "").parse().ok().map(Value::Integer)
    }

    fn read(&self, value: &Value) -> Option<T> {
        value.as_integer().filter(|number| self.0.contains(number))?.try_into().ok()
    }

    fn write(&self, value: &T) -> Option<Value> {
        (*value).try_into().ok().map(Value::Integer)
    }
}

/// A number within a range.
pub(super) struct Number(pub RangeInclusive<f64>);

impl Kind<f64> for Number {
    fn expects(&self) -> String {
        format!("a number from {} to {}", self.0.start(), self.0.end())
    }

    fn lift(&self, text: &str) -> Option<Value> {
        text.trim().parse().ok().map(Value::Float)
    }

    fn read(&self, value: &Value) -> Option<f64> {
        let number = match value {
            Value::Float(number) => *number,
            Value::Integer(number) => *number as f64,
            _ => return None,
        };
        self.0.contains(&number).then_some(number)
    }

    fn write(&self, value: &f64) -> Option<Value> {
        Some(Value::Float(*value))
    }
}

/// `true` or `false`.
pub(super) struct Flag;

impl Kind<bool> for Flag {
    fn expects(&self) -> String {
        "true or false".to_owned()
    }

    fn lift(&self, text: &str) -> Option<Value> {
        text.trim().parse().ok().map(Value::Boolean)
    }

    fn read(&self, value: &Value) -> Option<bool> {
        value.as_bool()
    }

    fn write(&self, value: &bool) -> Option<Value> {
        Some(Value::Boolean(*value))
    }
}

/// Text of so many characters, none of them a control character but the line end.
pub(super) struct Text(pub RangeInclusive<usize>);

impl Kind<String> for Text {
    fn expects(&self) -> String {
        format!("a text of {} to {} characters", self.0.start(), self.0.end())
    }

    fn read(&self, value: &Value) -> Option<String> {
        let text = value.as_str()?;
        let plain = text.chars().all(|c| c == '\n' || !c.is_control());
        (plain && self.0.contains(&text.chars().count())).then(|| text.to_owned())
    }

    fn write(&self, value: &String) -> Option<Value> {
        Some(Value::String(value.clone()))
    }
}

/// The path of a file or directory.
pub(super) struct FilePath;

impl Kind<PathBuf> for FilePath {
    fn expects(&self) -> String {
        "a path".to_owned()
    }

    fn read(&self, value: &Value) -> Option<PathBuf> {
        value.as_str().filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    fn write(&self, value: &PathBuf) -> Option<Value> {
        Some(Value::String(value.to_string_lossy().into_owned()))
    }
}

/// An address to listen on.
pub(super) struct Address;

impl Kind<SocketAddr> for Address {
    fn expects(&self) -> String {
        "an address and port such as 127.0.0.1:4000 or [::]:4000".to_owned()
    }

    fn read(&self, value: &Value) -> Option<SocketAddr> {
        value.as_str()?.parse().ok()
    }

    fn write(&self, value: &SocketAddr) -> Option<Value> {
        Some(Value::String(value.to_string()))
    }
}

/// Where a database is.
pub(super) struct DatabaseUrl;

impl Kind<String> for DatabaseUrl {
    fn expects(&self) -> String {
        "`postgres://…` or `sqlite:PATH`".to_owned()
    }

    fn read(&self, value: &Value) -> Option<String> {
        let url = value.as_str()?;
        let rest = ["postgres://", "postgresql://", "sqlite:"].iter().find_map(|start| url.strip_prefix(start))?;
        (!rest.is_empty()).then(|| url.to_owned())
    }

    fn write(&self, value: &String) -> Option<Value> {
        Some(Value::String(value.clone()))
    }
}

/// What is logged: a level, or targets with levels.
pub(super) struct LogFilter;

impl Kind<String> for LogFilter {
    fn expects(&self) -> String {
        "error, warn, info, debug, trace, off, or a filter such as info,everhall::db=debug".to_owned()
    }

    fn read(&self, value: &Value) -> Option<String> {
        let filter = value.as_str()?;
        // The filter's own parser takes a mistyped level for the name of a module.
        let levels =
            filter.split(',').filter(|part| !part.contains('=')).all(|part| part.parse::<LevelFilter>().is_ok());
        (levels && EnvFilter::try_new(filter).is_ok()).then(|| filter.to_owned())
    }

    fn write(&self, value: &String) -> Option<Value> {
        Some(Value::String(value.clone()))
    }
}

/// A value that has a name in the settings.
pub(super) trait Named: Copy + PartialEq + 'static {
    /// All values with their names.
    const NAMES: &'static [(&'static str, Self)];
}

/// One of several names.
pub(super) struct Choice;

impl<T: Named> Kind<T> for Choice {
    fn expects(&self) -> String {
        T::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" or ")
    }

    fn read(&self, value: &Value) -> Option<T> {
        let name = value.as_str()?;
        T::NAMES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn write(&self, value: &T) -> Option<Value> {
        T::NAMES.iter().find(|(_, known)| known == value).map(|(name, _)| Value::String((*name).to_owned()))
    }
}

/// A value that may be left out; an empty text leaves it out too.
pub(super) struct Maybe<K>(pub K);

impl<T, K: Kind<T>> Kind<Option<T>> for Maybe<K> {
    fn expects(&self) -> String {
        self.0.expects()
    }

    fn lift(&self, text: &str) -> Option<Value> {
        if text.is_empty() { Some(Value::String(String::new())) } else { self.0.lift(text) }
    }

    fn read(&self, value: &Value) -> Option<Option<T>> {
        if value.as_str() == Some("") { Some(None) } else { self.0.read(value).map(Some) }
    }

    fn write(&self, value: &Option<T>) -> Option<Value> {
        value.as_ref().and_then(|value| self.0.write(value))
    }
}
