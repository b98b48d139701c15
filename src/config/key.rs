//! One key of the settings, and the macro that makes the table of them.

use toml::Value;

use super::Config;
use super::kind::Kind;

/// One key: where it stands, what it means, what it accepts.
pub struct Key {
    /// Its section, for instance `world`; empty for a key at the top.
    pub section: &'static str,
    /// Its name within the section.
    pub name: &'static str,
    pub(super) doc: &'static [&'static str],
    pub(super) expects: fn() -> String,
    pub(super) lift: fn(&str) -> Option<Value>,
    pub(super) put: fn(&mut Config, &Value) -> bool,
    pub(super) show: fn(&Config) -> Option<Value>,
}

impl Key {
    /// Returns its full name, for instance `world.name`.
    pub fn path(&self) -> String {
        if self.section.is_empty() { self.name.to_owned() } else { format!("{}.{}", self.section, self.name) }
    }

    /// Returns the environment variable that sets it, for instance `EVERHALL_WORLD_NAME`.
    pub fn variable(&self) -> String {
        format!("EVERHALL_{}", self.path().replace('.', "_").to_uppercase())
    }

    /// Returns its documentation, one line after the other.
    pub fn doc(&self) -> impl Iterator<Item = &'static str> {
        self.doc.iter().map(|line| line.trim())
    }

    /// Returns its unit, which is the end of its name; none for counts, texts and switches.
    pub fn unit(&self) -> Option<&'static str> {
        const UNITS: [(&str, &str); 7] = [
            ("_bytes_per_sec", "bytes per second"),
            ("_bytes", "bytes"),
            ("_secs", "seconds"),
            ("_days", "days"),
            ("_ms", "milliseconds"),
            ("_kib", "KiB"),
            ("_chars", "characters"),
        ];
        UNITS.iter().find(|(end, _)| self.name.ends_with(end)).map(|(_, unit)| *unit)
    }

    /// Returns what a value must be, for instance `a whole number from 1 to 64`.
    pub fn expects(&self) -> String {
        let expects = (self.expects)();
        match self.unit() {
            Some(unit) => format!("{expects}, in {unit}"),
            None => expects,
        }
    }
}

/// Puts what `value` says into `place`, if it is acceptable.
pub(super) fn put<T>(place: &mut T, kind: &impl Kind<T>, value: &Value) -> bool {
    match kind.read(value) {
        Some(read) => {
            *place = read;
            true
        }
        None => false,
    }
}

/// Makes the [`Key`] of one field of [`Config`].
macro_rules! key {
    ($section:expr, $name:expr, [$($doc:expr),+], $kind:expr, $($place:tt)+) => {
        $crate::config::key::Key {
            section: $section,
            name: $name,
            doc: &[$($doc),+],
            expects: || $crate::config::kind::expects(&$kind, |config| &config.$($place)+),
            lift: |text| $crate::config::kind::lift(&$kind, |config| &config.$($place)+, text),
            put: |config, value| $crate::config::key::put(&mut config.$($place)+, &$kind, value),
            show: |config| $crate::config::kind::Kind::write(&$kind, &config.$($place)+),
        }
    };
}

/// Defines the sections' structs with their defaults, and the table of their keys.
///
/// Each field reads `pub name: Type = default, kind;`, where the kind says what is accepted.
macro_rules! settings {
    ($(
        $(#[doc = $about:literal])+
        #[derive($($derive:ident),+)]
        pub struct $Section:ident in $section:ident {
            $( $(#[doc = $doc:literal])+ pub $field:ident: $Type:ty = $default:expr, $kind:expr; )+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive($($derive),+)]
            pub struct $Section { $( $(#[doc = $doc])+ pub $field: $Type, )+ }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $( $field: $default, )+ }
                }
            }
        )+

        /// Every section with its documentation.
        static SECTIONS: &[(&str, &[&str])] = &[$( (stringify!($section), &[$($about),+]), )+];

        /// Every key that stands in a section.
        static SECTION_KEYS: &[Key] = &[$($(
            key!(stringify!($section), stringify!($field), [$($doc),+], $kind, $section.$field),
        )+)+];
    };
}

pub(super) use {key, settings};
