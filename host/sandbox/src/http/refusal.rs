//! Why a request was not sent, for the operator.

/// Why a request was not sent, with what would allow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) text: String,
    /// Whether the module asks for it, and the operator has not granted it. Then nothing is wrong with the module, and what
    /// it does waits for the grant.
    pub(crate) is_operators: bool,
}

impl Refusal {
    /// The module, or its request, is wrong.
    pub(super) fn guests(text: String) -> Self {
        Self { text, is_operators: false }
    }

    /// A grant is missing.
    pub(super) fn operators(text: String) -> Self {
        Self { text, is_operators: true }
    }
}
