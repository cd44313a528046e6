//! Outside a component there is nobody to send requests: a test answers them itself.

use std::cell::RefCell;

use super::{Error, Request, Response};

type Partner = Box<dyn Fn(&Request) -> Result<Response, Error>>;

thread_local! {
    static PARTNER: RefCell<Option<Partner>> = const { RefCell::new(None) };
}

/// Answers the requests of this thread for as long as it lives.
#[derive(Debug)]
#[must_use = "it answers until it is dropped"]
pub struct Fake(());

/// Answers in the partner's place, in a test: on this thread, until what is given back is dropped.
pub fn fake(answer: impl Fn(&Request) -> Result<Response, Error> + 'static) -> Fake {
    PARTNER.set(Some(Box::new(answer)));
    Fake(())
}

impl Drop for Fake {
    fn drop(&mut self) {
        PARTNER.set(None);
    }
}

pub(super) fn send(request: &Request) -> Result<Response, Error> {
    let none = "requests leave from a component; in a test, answer them with `wasaga::http::fake`";
    PARTNER.with_borrow(|partner| match partner {
        Some(answer) => answer(request),
        None => Err(Error::NotSent(none.into())),
    })
}
