wasaga::module! { name = "shop", calls_per_instance = 256 }

wasaga::module! { name = "shop", instances(calls = 0) }

wasaga::module! { name = "shop", instance = 3 }

fn main() {}
