//! Random numbers that are the same on every platform, from a seed that is passed in.

use super::Fnv;

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014): one word of state, about a
/// nanosecond a number.
#[derive(Debug, Clone, Copy)]
pub struct Random(u64);

/// The mean of a sum of four 16-bit numbers, and one over its deviation, 65,536 ÷ √3.
const LANES_MEAN: f64 = 131_070.0;
const LANES_SCALE: f64 = 1.0 / 37_837.227;

/// The largest |normal|: a sum of four uniform numbers ends at 2·√3.
pub const LARGEST_NORMAL: f64 = 3.4642;

impl Random {
    /// The numbers that belong to `seed` and `name`; another name gives others.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        let mut hash = Fnv::default();
        hash.add_bytes(&seed.to_le_bytes());
        hash.add_bytes(name.as_bytes());
        Self(hash.value())
    }

    /// The numbers that follow from a state, for who has a seed of its own and needs no name.
    #[must_use]
    pub const fn of_state(state: u64) -> Self {
        Self(state)
    }

    /// 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Three uniform numbers in 0..1 from one draw, each in steps of 2⁻²¹.
    pub fn units(&mut self) -> [f64; 3] {
        const STEPS: f64 = 2_097_152.0;
        let bits = self.bits();
        [bits >> 43, (bits >> 22) & 0x1f_ffff, (bits >> 1) & 0x1f_ffff].map(|part| part as f64 / STEPS)
    }

    /// Nearly normal with mean 0 and deviation 1: the sum of the four 16-bit parts of one draw.
    ///
    /// Kurtosis 2.7, never beyond [`LARGEST_NORMAL`]; sums of a few of them are normal to the eye.
    pub fn normal(&mut self) -> f64 {
        const EVEN: u64 = 0x0000_ffff_0000_ffff;
        let bits = self.bits();
        let pairs = (bits & EVEN) + ((bits >> 16) & EVEN);
        let sum = (pairs >> 32) + (pairs & 0xffff_ffff);
        (sum as f64 - LANES_MEAN) * LANES_SCALE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_published_vectors() {
        // The first numbers of Vigna's splitmix64.c from state 1234567.
        let mut random = Random(1_234_567);
        let got: Vec<u64> = (0..3).map(|_| random.bits()).collect();
        assert_eq!(got, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn names_and_seeds_have_numbers_of_their_own() {
        let first = |seed, name| Random::new(seed, name).bits();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(2, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
    }

    #[test]
    fn normals_have_mean_0_and_deviation_1() {
        let mut random = Random::new(1, "normals");
        let draws: Vec<f64> = (0..100_000).map(|_| random.normal()).collect();
        let mean = |power: i32| draws.iter().map(|z| z.powi(power)).sum::<f64>() / draws.len() as f64;
        assert!(mean(1).abs() < 0.01, "{}", mean(1));
        assert!((mean(2) - 1.0).abs() < 0.02, "{}", mean(2));
        assert!((mean(4) - 2.7).abs() < 0.1, "{}", mean(4));
        assert!(draws.iter().all(|z| z.abs() < LARGEST_NORMAL));
    }

    #[test]
    fn units_fill_0_to_1() {
        let mut random = Random::new(1, "units");
        let draws: Vec<f64> = (0..30_000).flat_map(|_| random.units()).collect();
        assert!(draws.iter().all(|unit| (0.0..1.0).contains(unit)));
        for tenth in 0..10 {
            let share = draws.iter().filter(|unit| (**unit * 10.0) as usize == tenth).count() as f64 / 90_000.0;
            assert!((share - 0.1).abs() < 0.005, "{tenth}: {share}");
        }
    }
}
