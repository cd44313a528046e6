use wasaga::saga;

#[saga]
pub mod order {
    #[step]
    pub fn charge(item: u32) -> u32 {
        item
    }

    #[step]
    pub fn ship((a, b): (u32, u32)) -> u32 {
        a + b
    }

    #[step]
    pub fn notify(cause: String) -> String {
        cause
    }
}

fn main() {}
