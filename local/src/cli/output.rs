//! What commands print.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use super::Failure;

/// Writes a text with a line break to standard output. Whoever reads it may have seen enough and closed it (`| head`): then the
/// rest is not shown, and that is no failure.
pub(super) fn print(text: impl Display) -> Result<(), Failure> {
    write(&mut io::stdout().lock(), text)
}

/// Writes a line for people to standard error, as far as somebody reads it.
pub(super) fn tell(text: impl Display) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

fn write(output: &mut impl Write, text: impl Display) -> Result<(), Failure> {
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("the output cannot be written: {error}").into())
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure_and_a_full_disk_is_one() {
        assert!(write(&mut Failing(ErrorKind::BrokenPipe), "text").is_ok());
        assert!(write(&mut Failing(ErrorKind::StorageFull), "text").is_err());
        let mut output = Vec::new();
        write(&mut output, "text").unwrap();
        assert_eq!(output, b"text\n");
    }
}
