use wasaga::saga;

#[saga]
pub mod order {
    #[step]
    pub fn reserve(sku: String) -> String {
        sku
    }

    #[step(depends_on = [reserv])]
    pub fn charge(card: String) -> String {
        card
    }

    #[compensation(of = chargge)]
    pub fn refund() {}

    #[step]
    pub fn ship(#[from(step = "charg")] receipt: String) -> String {
        receipt
    }
}

fn main() {}
