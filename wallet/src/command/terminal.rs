//! The person at the other end: words, questions, secrets, progress, and the clock on the wall.

use std::cell::RefCell;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};
use zeroize::Zeroizing;

/// How a command talks with whoever started it. Data does not go through here: it is returned and goes to stdout.
pub trait Terminal {
    /// Prints a line on stderr.
    fn say(&self, line: &str);
    /// Shows what is being waited for, in the place of the line before if that is possible.
    fn progress(&self, line: &str);
    /// Takes the progress line away.
    fn progress_end(&self);
    /// Whether questions can be asked.
    fn is_interactive(&self) -> bool;
    /// Whether what goes to stdout is read from a screen.
    fn stdout_is_screen(&self) -> bool;
    /// Asks a question that `yes` or `y` agrees to.
    ///
    /// # Errors
    /// Of stdin.
    fn agree(&self, question: &str) -> io::Result<bool>;
    /// Asks for a secret without showing it.
    ///
    /// # Errors
    /// Of the terminal.
    fn secret(&self, prompt: &str) -> io::Result<Zeroizing<String>>;
    /// Everything on stdin, at most `limit` bytes.
    ///
    /// # Errors
    /// Of stdin, and if there is more.
    fn stdin(&self, limit: u64) -> io::Result<Zeroizing<Vec<u8>>>;
    /// Seconds since 1970.
    fn now(&self) -> u64;
}

/// The terminal of this process.
#[derive(Debug, Default)]
pub struct Console {
    bar: RefCell<Option<ProgressBar>>,
    last: RefCell<String>,
}

impl Terminal for Console {
    fn say(&self, line: &str) {
        match &*self.bar.borrow() {
            Some(bar) => bar.suspend(|| to_stderr(line)),
            None => to_stderr(line),
        }
    }

    fn progress(&self, line: &str) {
        if !io::stderr().is_terminal() {
            // In a log, a line that repeats says nothing.
            if *self.last.borrow() != line {
                to_stderr(line);
                line.clone_into(&mut self.last.borrow_mut());
            }
            return;
        }
        let mut bar = self.bar.borrow_mut();
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner().with_style(
                ProgressStyle::with_template("{spinner} {msg} [{elapsed}]")
                    .expect("a valid template"),
            );
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        bar.set_message(line.to_owned());
    }

    fn progress_end(&self) {
        if let Some(bar) = self.bar.borrow_mut().take() {
            bar.finish_and_clear();
        }
    }

    fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    fn stdout_is_screen(&self) -> bool {
        io::stdout().is_terminal()
    }

    fn agree(&self, question: &str) -> io::Result<bool> {
        let mut stderr = io::stderr();
        write!(stderr, "{question} [y/N] ")?;
        stderr.flush()?;
        let mut answer = String::new();
        io::stdin().lock().take(64).read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
    }

    fn secret(&self, prompt: &str) -> io::Result<Zeroizing<String>> {
        super::echo::restored(|| rpassword::prompt_password(prompt).map(Zeroizing::new))
    }

    fn stdin(&self, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        read_secret(io::stdin().lock(), limit)
    }

    fn now(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    }
}

/// Reads what is no secret to the end, at most `limit` bytes.
pub(crate) fn read_plain(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    within(&bytes, limit)?;
    Ok(bytes)
}

/// Reads a secret to the end, at most `limit` bytes, without leaving copies in a growing vector.
pub(crate) fn read_secret(reader: impl Read, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let room = usize::try_from(limit + 1).unwrap_or(usize::MAX);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    within(&bytes, limit)?;
    Ok(bytes)
}

fn within(bytes: &[u8], limit: u64) -> io::Result<()> {
    if bytes.len() as u64 > limit {
        let message = format!("more than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    Ok(())
}

/// A closed stderr is no reason to stop: the words are lost, the work is not.
fn to_stderr(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
