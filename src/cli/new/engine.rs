//! Where a game gets the engine from: a folder, a git address, a version.

use std::path::{Path, PathBuf};

/// Where this program's own sources were when it was built.
const OWN_SOURCES: &str = env!("CARGO_MANIFEST_DIR");

/// This program's version.
const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

/// An engine to depend on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// Its sources, an absolute path.
    Path(PathBuf),
    /// A git repository.
    Git(String),
    /// A release.
    Version(String),
}

impl Engine {
    /// Reads what was typed; without anything, finds the engine that this program was built from. `Err` says in one line
    /// what is wrong.
    pub(super) fn choose(typed: Option<&str>) -> Result<Self, String> {
        let Some(typed) = typed else { return Ok(Self::own(Path::new(OWN_SOURCES))) };
        if typed.contains("://") || typed.starts_with("git@") {
            return Ok(Self::Git(typed.to_owned()));
        }
        if is_version(typed) {
            return Ok(Self::Version(typed.to_owned()));
        }
        let path = std::path::absolute(typed).map_err(|error| format!("{typed}: {error}"))?;
        let path = path.canonicalize().map_err(|error| format!("no engine in {}: {error}", path.display()))?;
        if !is_engine(&path) {
            return Err(format!("no engine in {}: its Cargo.toml is not everhall's", path.display()));
        }
        Ok(Self::Path(path))
    }

    /// Returns the sources if they are still there. Those of a release are Cargo's own business: the release then.
    fn own(sources: &Path) -> Self {
        let is_release = sources.components().any(|part| part.as_os_str() == "registry");
        if !is_release && is_engine(sources) {
            return Self::Path(sources.to_owned());
        }
        Self::Version(OWN_VERSION.to_owned())
    }

    /// Returns what stands behind `everhall = ` in a manifest.
    pub(super) fn dependency(&self) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        match self {
            Self::Path(path) => format!("{{ path = {} }}", quoted(&path.to_string_lossy())),
            Self::Git(address) => format!("{{ git = {} }}", quoted(address)),
            Self::Version(version) => quoted(version),
        }
    }

    /// Returns where the engine was compiled, so that a game need not compile it again; `None` if it was not.
    pub(super) fn target(&self) -> Option<PathBuf> {
        let Self::Path(path) = self else { return None };
        Some(path.join("target")).filter(|target| target.is_dir())
    }

    /// Tells whether a game finds the engine's dependencies compiled as `cargo run` needs them.
    pub(super) fn is_compiled(&self) -> bool {
        self.target().is_some_and(|target| target.join("debug/deps").is_dir())
    }
}

/// Tells whether it is a version as Cargo knows them: `0.1`, `=0.1.2`, `1.0.0-rc.1`.
fn is_version(typed: &str) -> bool {
    let rest = typed.trim_start_matches(['=', '^', '~']);
    rest.starts_with(|c: char| c.is_ascii_digit()) && !rest.contains(['/', '\\'])
}

fn is_engine(folder: &Path) -> bool {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let name = manifest.parse::<toml::Table>().ok().and_then(|table| Some(table.get("package")?.get("name")?.clone()));
    name.is_some_and(|name| name.as_str() == Some("everhall"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_a_folder_an_address_or_a_version() {
        let check = |typed: &str, dependency: &str| {
            assert_eq!(Engine::choose(Some(typed)).unwrap().dependency(), dependency);
        };
        check("https://example.org/everhall.git", "{ git = \"https://example.org/everhall.git\" }");
        check("git@example.org:everhall", "{ git = \"git@example.org:everhall\" }");
        check("0.1", "\"0.1\"");
        check("=0.1.2", "\"=0.1.2\"");
        check(OWN_SOURCES, &format!("{{ path = \"{OWN_SOURCES}\" }}"));
        assert_eq!(Engine::choose(None).unwrap(), Engine::Path(OWN_SOURCES.into()));
    }

    #[test]
    fn a_folder_without_an_engine_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Engine::choose(folder.path().to_str()).unwrap_err().starts_with("no engine in "));
        assert!(Engine::choose(Some("/nowhere/at/all")).unwrap_err().starts_with("no engine in "));
        assert_eq!(Engine::own(folder.path()), Engine::Version(OWN_VERSION.into()));
    }
}
