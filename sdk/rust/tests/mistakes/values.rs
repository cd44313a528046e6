use wasaga::saga;

#[saga]
pub mod literals {
    #[step]
    pub fn charge(#[from(json = "[1, 2")] list: Vec<u32>, #[from(input, at = "lines")] lines: Vec<u32>) {}
}

#[saga(labels(customer = "customer/id"))]
pub mod pointers {
    #[step]
    pub fn charge() {}
}

#[saga(labels(size(integer)))]
pub mod nowhere {
    #[step]
    pub fn charge() {}
}

#[saga(labels(a = "/a", b = "/b", a(at = "/c")))]
pub mod twice {
    #[step]
    pub fn charge() {}
}

#[saga]
pub mod retries {
    #[step(retry(delay = "1m", max_delay = "5s"))]
    pub fn long() {}

    #[step(retry(jitter = 2))]
    pub fn wild() {}

    #[step(retry(attempts = 0))]
    pub fn never() {}
}

#[saga]
pub mod names {
    #[step(id = "get-price")]
    pub fn price() -> u32 {
        7
    }

    #[step]
    pub fn get_price() -> u32 {
        7
    }
}

fn main() {}
