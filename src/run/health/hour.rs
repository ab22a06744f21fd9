//! How often something happened in the last hour, in a few bytes.

const MINUTES: usize = 60;

/// How many in the last hour, counted by the minute: what is older than 60 minutes is gone, what is younger than 59 is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct HourCount {
    minutes: [u32; MINUTES],
    /// The last minute that was counted in.
    last: u64,
}

impl Default for HourCount {
    fn default() -> Self {
        Self { minutes: [0; MINUTES], last: 0 }
    }
}

impl HourCount {
    pub(super) fn add(&mut self, minute: u64) {
        self.forget(minute);
        let count = &mut self.minutes[slot(self.last)];
        *count = count.saturating_add(1);
    }

    pub(super) fn sum(mut self, minute: u64) -> u32 {
        self.forget(minute);
        self.minutes.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    fn forget(&mut self, minute: u64) {
        let passed = minute.saturating_sub(self.last).min(MINUTES as u64);
        (1..=passed).for_each(|ahead| self.minutes[slot(self.last + ahead)] = 0);
        self.last = self.last.max(minute);
    }
}

fn slot(minute: u64) -> usize {
    (minute % MINUTES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_hour_counts_what_a_list_of_all_errors_would(steps in prop::collection::vec(0_u64..90, 1..200)) {
            let (mut count, mut all, mut minute) = (HourCount::default(), vec![], 0);
            for step in steps {
                minute += step;
                count.add(minute);
                all.push(minute);
                for later in [0, 1, 30, 59, 60, 500] {
                    let recent = all.iter().filter(|at| **at + 60 > minute + later).count();
                    prop_assert_eq!(count.sum(minute + later) as usize, recent);
                }
            }
        }
    }
}
