//! Why a request was not sent, for the operator.

/// Why a request was not sent, with what would allow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);
