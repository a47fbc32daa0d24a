//! Chance: ChaCha12, its seed its only state. Tags, branches, nonces, keys and strategies draw from it and from nothing else.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

/// Seeded by the operating system in production and by the run's seed in the simulator.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha12Rng);

impl Rng {
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// For simulations and tests.
    pub fn from_number(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Even over `0..bound`; the bias is below 2^-32 for the bounds used here. `bound` must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a choice among none");
        ((u128::from(self.u64()) * u128::from(bound)) >> 64) as u64
    }

    /// True once in `1 / probability` draws.
    pub fn chance(&mut self, probability: f64) -> bool {
        (self.u32() as f64) < probability * 4_294_967_296.0
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.0.fill_bytes(&mut out);
        out
    }

    /// `length` characters of lower-case letters and digits, for tags, branches and Call-IDs: 5 bits each.
    pub fn token(&mut self, length: usize) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        (0..length).map(|_| ALPHABET[(self.u32() >> 27) as usize] as char).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_1_is_pinned_so_stored_seeds_replay_after_an_upgrade() {
        let mut rng = Rng::from_number(1);
        let drawn: Vec<u64> = (0..4).map(|_| rng.u64()).collect();
        assert_eq!(drawn, PINNED);
    }

    #[test]
    fn below_stays_below_and_reaches_every_value() {
        let mut rng = Rng::from_number(7);
        let mut seen = [0; 6];
        for _ in 0..600 {
            seen[rng.below(6) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| n > 50), "{seen:?}");
    }

    const PINNED: [u64; 4] =
        [17_971_643_333_364_160_609, 12_751_046_405_260_142_922, 7_894_741_264_938_617_306, 3_238_990_930_839_348_691];
}
