use wasaga::tcc;

#[tcc]
pub mod transfer {
    #[participant]
    pub fn debit(account: String) -> String {
        account
    }

    #[confirm(of = debit)]
    pub fn take() {}

    #[participant]
    pub fn credit(account: String) -> String {
        account
    }
}

#[tcc]
pub mod empty {
    pub fn debit() {}
}

#[wasaga::confirm(of = debit)]
pub fn outside() {}

fn main() {}
