//! Time and chance, as ports: the core takes them as arguments, and a test brings its own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wasaga_core::Timestamp;

/// Time and chance.
pub trait World: Send + Sync + std::fmt::Debug + 'static {
    /// The time.
    fn now(&self) -> Timestamp;
    /// 128 random bits.
    fn random(&self) -> u128;
}

/// The machine's clock and its randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl World for Machine {
    fn now(&self) -> Timestamp {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_us(now.as_micros() as u64)
    }

    fn random(&self) -> u128 {
        // Six bits of a UUID are fixed. Where one has them the other has random ones.
        uuid::Uuid::new_v4().as_u128() ^ uuid::Uuid::new_v4().as_u128().rotate_left(32)
    }
}

/// Tokio's clock, which tests pause, and numbers that follow from a seed.
#[derive(Debug)]
pub struct Virtual {
    began: tokio::time::Instant,
    state: parking_lot::Mutex<u64>,
}

/// Where virtual time begins: a day in 2025, so that times look like times.
const EPOCH: Duration = Duration::from_secs(1_750_000_000);

impl Virtual {
    /// A world that begins now.
    pub fn new(seed: u64) -> Self {
        Self { began: tokio::time::Instant::now(), state: parking_lot::Mutex::new(seed) }
    }
}

impl World for Virtual {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_us((EPOCH + self.began.elapsed()).as_micros() as u64)
    }

    fn random(&self) -> u128 {
        // SplitMix64, twice.
        let mut state = self.state.lock();
        let mut next = || {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        (u128::from(next()) << 64) | u128::from(next())
    }
}

#[cfg(test)]
mod tests {
    use super::{Machine, World as _};

    /// C7: the version of a UUID was among the bits, and jitter only ever lengthened a delay.
    #[test]
    fn every_bit_of_the_machine_is_random() {
        let all: Vec<u128> = (0..256).map(|_| Machine.random()).collect();
        let set = all.iter().fold(0, |bits, random| bits | random);
        let unset = all.iter().fold(0, |bits, random| bits | !random);
        assert_eq!((set, unset), (u128::MAX, u128::MAX), "each bit is 1 in some and 0 in some");
    }
}
