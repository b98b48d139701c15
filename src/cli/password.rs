//! Reads a new password: from the environment, from the terminal without showing it, or from standard input.

use std::io::{BufRead, IsTerminal, Write, stderr, stdin};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

use super::Failure;

const VARIABLE: &str = "EVERHALL_PASSWORD";

/// What Ctrl-C types.
const INTERRUPT: u8 = 3;

/// Reads the new password of an account.
///
/// # Errors
///
/// Nothing was typed, the two did not match, or it was interrupted.
pub(super) fn read(name: &str) -> Result<String, Failure> {
    if let Ok(password) = std::env::var(VARIABLE) {
        return Ok(password);
    }
    if !stdin().is_terminal() {
        let mut line = Vec::new();
        stdin().lock().read_until(b'\n', &mut line).map_err(Failure::new)?;
        return typed(line);
    }
    let first = ask(&format!("New password for {name}: "))?;
    if ask("Again: ")? != first {
        return Err(Failure::new("the two passwords differ"));
    }
    Ok(first)
}

fn ask(prompt: &str) -> Result<String, Failure> {
    let mut terminal = stderr();
    let _ = write!(terminal, "{prompt}").and_then(|()| terminal.flush());
    let _hidden = Hidden::begin().map_err(Failure::new)?;
    let mut line = Vec::new();
    let mut keys = stdin().lock();
    // Ctrl-C ends the line too, see `Hidden`; a line end that comes later is not waited for.
    while let Some(&key) = keys.fill_buf().map_err(Failure::new)?.first() {
        keys.consume(1);
        line.push(key);
        if key == b'\n' || key == INTERRUPT {
            break;
        }
    }
    let _ = writeln!(terminal);
    typed(line)
}

fn typed(mut line: Vec<u8>) -> Result<String, Failure> {
    while line.last().is_some_and(|end| matches!(end, b'\n' | b'\r')) {
        line.pop();
    }
    match String::from_utf8(line) {
        Ok(text) if text.contains(char::from(INTERRUPT)) => Err(Failure::new("interrupted")),
        Ok(text) if text.is_empty() => Err(Failure::new("no password was given")),
        Ok(text) => Ok(text),
        Err(_) => Err(Failure::new("the password is not valid UTF-8")),
    }
}

/// The terminal does not show what is typed as long as this lives.
///
/// Ctrl-C is an ordinary key meanwhile, one that ends the line: as a signal it would leave the terminal hidden.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> rustix::io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes &= !(LocalModes::ECHO | LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        tcsetattr(stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_end_is_no_part_of_a_password_and_spaces_are() {
        assert_eq!(typed(b" two words \r\n".to_vec()).unwrap(), " two words ");
        assert_eq!(typed(b"\n".to_vec()).unwrap_err().message, "no password was given");
        assert_eq!(typed(vec![b'a', INTERRUPT]).unwrap_err().message, "interrupted");
        assert!(typed(vec![0xff, b'\n']).is_err());
    }
}
