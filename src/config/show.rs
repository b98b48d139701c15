//! Prints the settings as a settings file, each key with its documentation and its source.

use std::fmt::Write;

use super::{Loaded, SECTIONS, keys};

impl Loaded {
    /// Returns every key with its value, its source and its documentation. The text is itself a valid settings file.
    pub fn to_toml(&self) -> String {
        let mut out =
            String::from("# Every setting with its value and where that came from. This is a valid settings file.\n");
        let mut section = "";
        for key in keys() {
            if key.section != section {
                section = key.section;
                out.push('\n');
                let about = SECTIONS.iter().filter(|(name, _)| *name == section).flat_map(|(_, about)| *about);
                for line in about {
                    // Writing to a String cannot fail.
                    let _ = writeln!(out, "# {}", line.trim());
                }
                let _ = write!(out, "[{section}]");
            }
            out.push('\n');
            for line in key.doc() {
                let _ = writeln!(out, "# {line}");
            }
            let _ = writeln!(out, "# Accepts {}.", key.expects());
            let source = self.source(key);
            let _ = match (key.show)(&self.config) {
                Some(value) => writeln!(out, "{} = {value} # {source}", key.name),
                None => writeln!(out, "# {} is not set # {source}", key.name),
            };
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Layers};

    fn read(text: &str) -> Loaded {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Loaded::load(Layers { file: Some(file.path().to_owned()), ..Layers::default() }).unwrap()
    }

    #[test]
    fn what_is_printed_reads_back_as_the_same_settings() {
        assert_eq!(read(&read("").to_toml()).config, Config::default());
        let mut loaded = read("");
        loaded.config.world.message_of_the_day = "Line \"one\".\nLine # two.".to_owned();
        loaded.config.world.welcome_file = Some("welcome.txt".into());
        loaded.config.world.time_factor = 1.0;
        loaded.config.storage.durability = crate::config::Durability::Process;
        assert_eq!(read(&loaded.to_toml()).config, loaded.config);
    }

    #[test]
    fn every_default_that_is_accepted_is_the_documented_one() {
        let config = Config::default();
        let mut documented = 0;
        for key in keys() {
            let doc = key.doc().collect::<Vec<_>>().join(" ");
            let Some((_, said)) = doc.split_once("Default ") else { continue };
            let said: String = said.split([';', ' ']).next().unwrap().split(". ").next().unwrap().to_owned();
            let said = said.trim_end_matches(['.', ':', ',']).trim_matches('`');
            let real = match (key.show)(&config) {
                Some(toml::Value::String(text)) => text,
                Some(value) => value.to_string(),
                None => "none".to_owned(),
            };
            let real = if real.is_empty() { "empty".to_owned() } else { real };
            assert_eq!(said, real, "documented default of {}", key.path());
            documented += 1;
        }
        assert!(documented >= keys().count() - 1, "only {documented} of {} say their default", keys().count());
    }

    #[test]
    fn every_default_is_within_its_own_range() {
        let mut config = Config::default();
        for key in keys() {
            if let Some(value) = (key.show)(&config.clone()) {
                assert!((key.put)(&mut config, &value), "default of {}", key.path());
            }
        }
        assert_eq!(config, Config::default());
    }

    #[test]
    fn every_field_of_the_settings_is_a_key() {
        // The sections' structs are made from the table; this counts what Debug shows, section by section.
        let shown = format!("{:#?}", Config::default());
        let fields = shown.lines().filter(|line| line.contains(": ")).count();
        let sections = keys().map(|key| key.section).filter(|section| !section.is_empty());
        let sections: std::collections::HashSet<_> = sections.collect();
        assert_eq!(fields, keys().count() + sections.len());
    }
}
