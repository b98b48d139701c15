//! `new`: a game of one's own, from the template that is built into this program.
//!
//! It needs neither the network nor a world, and writes nothing outside the new folder.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, out};

mod engine;
mod name;
mod template;

use engine::Engine;
use name::GameName;

/// Options of `new`.
#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// Its name, or the folder to make, whose last part is its name
    #[arg(value_name = "NAME")]
    path: PathBuf,
    /// The engine it builds on: a folder, a git address, or a version [default: what this program was built from]
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,
}

/// Makes the game and says what to type next.
pub(super) fn run(args: &NewArgs) -> Result<(), Failure> {
    let name = args.path.file_name().unwrap_or_default().to_string_lossy();
    let name = GameName::parse(&name).map_err(Failure::usage)?;
    let engine = Engine::choose(args.engine.as_deref()).map_err(Failure::usage)?;
    make(&args.path, &template::files(&name, &engine))?;
    let folder = args.path.display();
    out::line(format_args!("{} is in {folder}. What to type next:\n", name.title()));
    out::line(format_args!("  cd {folder}"));
    out::line("  cargo run                  # starts the world, and shows the keeper's password");
    out::line("  telnet 127.0.0.1 4000      # in another terminal: walk in\n");
    if !engine.is_compiled() {
        out::line("The first time it compiles the engine too, which takes a few minutes.");
    }
    out::line("README.md says what to change first.");
    Ok(())
}

/// Writes the files into a folder that does not exist yet. If that fails, nothing stays.
fn make(folder: &Path, files: &[(&str, String)]) -> Result<(), Failure> {
    fs::create_dir(folder).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::new(format_args!("{} exists already", folder.display())),
        _ => Failure::new(format_args!("cannot make {}: {error}", folder.display())),
    })?;
    write(folder, files).map_err(|error| {
        // It is ours, made a moment ago; a rest of it would only be in the way of the next try.
        let _ = fs::remove_dir_all(folder);
        Failure::new(format_args!("cannot write into {}: {error}", folder.display()))
    })
}

fn write(folder: &Path, files: &[(&str, String)]) -> std::io::Result<()> {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(path: &Path, engine: Option<&str>) -> Result<(), Failure> {
        run(&NewArgs { path: path.to_owned(), engine: engine.map(str::to_owned) })
    }

    #[test]
    fn a_folder_that_exists_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let game = folder.path().join("game");
        fs::create_dir(&game).unwrap();
        fs::write(game.join("README.md"), "mine").unwrap();
        assert!(new(&game, None).unwrap_err().message.ends_with("exists already"));
        assert_eq!(fs::read_dir(&game).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(game.join("README.md")).unwrap(), "mine");
    }

    #[test]
    fn nothing_is_made_for_a_wrong_name_or_engine() {
        let folder = tempfile::tempdir().unwrap();
        for (name, engine) in [("My Game", None), ("fn", None), ("..", None), ("game", Some("/nowhere/at/all"))] {
            let failure = new(&folder.path().join(name), engine).unwrap_err();
            assert!(!failure.message.contains('\n') && !failure.message.is_empty());
        }
        assert!(new(&folder.path().join("no/such/folder"), None).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
