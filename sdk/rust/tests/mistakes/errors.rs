use wasaga::saga;

#[derive(Debug)]
pub enum Declined {
    Card,
}

fn card() -> Result<u32, Declined> {
    Err(Declined::Card)
}

pub type Alias = Result<u32, Declined>;

#[saga]
pub mod charge {
    use super::*;

    #[step]
    pub fn by_question_mark() -> wasaga::Result<u32> {
        Ok(card()?)
    }

    #[step]
    pub fn by_type() -> Result<u32, Declined> {
        card()
    }

    #[step]
    pub fn by_alias() -> Alias {
        card()
    }
}

fn main() {}
