use wasaga::tcc;

#[tcc]
pub mod transfer {
    #[participant]
    pub fn debit(account: String) -> String {
        account
    }

    #[confirm(of = debbit)]
    pub fn take() {}

    #[cancel(of = debit)]
    pub fn release() {}

    #[cancel(of = debit)]
    pub fn release_again() {}

    #[confirm]
    pub fn of_nothing() {}

    #[cancel(of = debit, order = 3)]
    pub fn in_order() {}
}

#[tcc]
pub mod doubled {
    #[participant]
    pub fn debit() {}

    #[participant(id = "debit")]
    pub fn credit() {}
}

fn main() {}
