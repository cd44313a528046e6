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
        // Seeded by the system, and again now and then; a call to the system for each decision would be a twentieth of its cost.
        rand::random()
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

    /// C7: each of the low 64 bits, which jitter is drawn from, is one in half of the cases; the 80 of an id as well.
    #[test]
    fn every_bit_of_chance_is_chance() {
        const DRAWS: u32 = 4_096;
        let mut ones = [0_u32; 128];
        for _ in 0..DRAWS {
            let drawn = Machine.random();
            for (place, count) in ones.iter_mut().enumerate() {
                *count += u32::from(drawn >> place & 1 == 1);
            }
        }
        // Eight standard deviations on either side: a fair bit is out of it once in 10^15 runs.
        let (half, far) = (DRAWS / 2, 256);
        for (place, count) in ones.into_iter().enumerate() {
            assert!((half - far..=half + far).contains(&count), "bit {place} was one {count} times of {DRAWS}");
        }
    }
}
