//! A bank that is not what `guests/shop` asks for: for seeing what is told of modules that do not fit.

wasaga::module! { name = "bank" }

/// Takes money from cards.
#[wasaga::saga]
pub mod cards {
    /// Takes the money, and cannot give it back.
    #[step]
    pub fn charge(card: String, cents: String, currency: String) -> usize {
        card.len() + cents.len() + currency.len()
    }
}
