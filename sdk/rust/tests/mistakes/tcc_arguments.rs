use wasaga::tcc;

#[tcc]
pub mod transfer {
    #[participant(order = 1)]
    pub fn debit(account: String, output: String, credit: String) -> String {
        account + &output + &credit
    }

    #[confirm(of = debit)]
    pub fn take() {}

    #[cancel(of = debit)]
    pub fn release() {}

    #[participant(order = 1)]
    pub fn credit(account: String, debit: String) -> String {
        account + &debit
    }

    #[confirm(of = credit)]
    pub fn book(#[from(header = "account")] account: String) -> String {
        account
    }

    #[cancel(of = credit)]
    pub fn unbook() {}
}

#[tcc]
pub mod outputs {
    #[participant]
    pub fn debit(known: wasaga::Forward) {}

    #[confirm(of = debit)]
    pub fn take(cause: String, output: String) {}

    #[cancel(of = debit)]
    pub fn release(debit: String) {}
}

fn main() {}
