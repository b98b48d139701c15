//! `backup` and `restore`: a world in one file, and back.

use std::path::Path;

use super::run::take_data_dir;
use super::{Context, Failure, out};
use crate::db::{self, Kept, shown_size};
use crate::portal::ring_file;

/// Copies the world to `file`. Reads the database itself: a running world is not asked, and does not wait.
pub(super) fn back_up(context: &Context, file: &Path, force: bool) -> Result<(), Failure> {
    let bytes = db::open_existing(context.config())?.back_up(file, force)?;
    out::line(format_args!("The world is copied to {} ({}).", file.display(), shown_size(bytes)));
    Ok(())
}

/// Puts a backup in the place of the present world.
pub(super) fn restore(context: &Context, file: &Path) -> Result<(), Failure> {
    let _lock = take_data_dir(context)?;
    let restored = db::place(context.config())?.restore(file)?;
    // Pages that wait to carry on knew another world.
    ring_file::forget(&context.config().data_dir).map_err(Failure::new)?;
    out::line(format_args!(
        "The world of {} is back: {} rooms, things and people, {} accounts.",
        file.display(),
        restored.entities,
        restored.accounts
    ));
    match restored.kept {
        Some(Kept::File(kept)) => out::line(format_args!("The one before is kept in {}.", kept.display())),
        Some(Kept::Schema(kept)) => {
            out::line(format_args!("The one before is kept in the same database, in the schema {kept}."));
        }
        None => {}
    }
    Ok(())
}
