//! A compensation that is stuck until it gets the right key: to see retry, patch and skip.

use wasaga::{Error, saga};

/// Opens, fails, and closes only with the right key.
#[saga]
pub mod stubborn {
    use super::*;

    /// Opens something that has to be closed.
    #[step]
    pub fn open() -> String {
        "open".into()
    }

    /// Closes it; the key is `right`.
    #[compensation(of = open)]
    pub fn close(key: Option<String>) -> Result<String, Error> {
        match key.as_deref() {
            Some("right") => Ok("closed".into()),
            _ => Err(Error::rejected("wrong-key", "this key does not fit")),
        }
    }

    /// Does something that is done with it.
    #[step(depends_on = [open])]
    pub fn mark() -> String {
        "marked".into()
    }

    /// Undoes it.
    #[compensation(of = mark)]
    pub fn unmark() {}

    /// Refuses.
    #[step(depends_on = [mark])]
    pub fn refuse() -> Result<(), Error> {
        Err(Error::rejected("no", "it never works"))
    }
}

#[cfg(test)]
mod tests {
    use super::stubborn;

    #[test]
    fn only_the_right_key_closes() {
        assert_eq!(stubborn::close(None).unwrap_err().code(), "wrong-key");
        assert_eq!(stubborn::close(Some("right".into())).unwrap(), "closed");
    }
}
