use wasaga::saga;

#[saga(deadline = "2 minutes")]
pub mod order {
    #[step(timeot = "2s")]
    pub fn charge(card: String) -> String {
        card
    }

    #[step(retry(attempts = "three"))]
    pub fn ship(card: String) -> String {
        card
    }

    #[compensation]
    pub fn recall() {}
}

#[saga]
pub mod empty {}

fn main() {}
