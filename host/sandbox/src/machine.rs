//! How much memory this machine has, or as much of it as this process may have.

/// Where it cannot be found out: enough for some hundred Python guests, and little for a machine of today.
const UNKNOWN_BYTES: u64 = 4 << 30;

/// The machine's memory, or the limit of the control group that the process is in, if that is lower.
pub(crate) fn memory_bytes() -> u64 {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text)).unwrap_or(UNKNOWN_BYTES);
    control_group().map_or(machine, |group| machine.min(group))
}

/// The second version of control groups, as containers have it: their own is mounted at the root.
fn control_group() -> Option<u64> {
    std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?.trim().parse().ok()
}

fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_read() {
        assert_eq!(total("MemTotal:       16314012 kB\nMemFree: 1 kB\n"), Some(16_314_012 << 10));
        assert_eq!(total("nothing of the kind"), None);
        assert!(memory_bytes() > 64 << 20);
    }
}
