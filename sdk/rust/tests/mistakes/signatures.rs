use wasaga::saga;

#[saga]
pub mod order {
    #[step]
    pub async fn charge(card: String) -> String {
        card
    }

    #[step]
    pub fn ship<T>(card: T) -> T {
        card
    }
}

#[wasaga::step]
fn outside() {}

fn main() {}
