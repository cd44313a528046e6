use wasaga::saga;

#[saga]
pub mod order {
    #[step(id = "pay")]
    pub fn charge(card: String) -> String {
        card
    }

    #[step]
    pub fn pay(card: String) -> String {
        card
    }
}

fn main() {}
