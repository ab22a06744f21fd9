//! What the kernel says about this process, from `/proc/self/status`.

use std::fs;

/// Resident memory in MB of 1,048,576 bytes; `None` where `/proc` is missing.
#[must_use]
pub fn resident_mb() -> Option<f64> {
    status("VmRSS").as_deref().and_then(kilobytes).map(|kb| kb as f64 / 1024.0)
}

/// Resident memory in kilobytes; `None` where `/proc` is missing.
#[must_use]
pub fn resident_kb() -> Option<u64> {
    status("VmRSS").as_deref().and_then(kilobytes)
}

/// The most that ever was resident, in kilobytes; `None` where `/proc` is missing.
#[must_use]
pub fn peak_kb() -> Option<u64> {
    status("VmHWM").as_deref().and_then(kilobytes)
}

/// Whether the process was started with the signal of this number ignored, and has not changed that since.
#[must_use]
pub fn ignores_signal(number: u32) -> bool {
    status("SigIgn").is_some_and(|mask| in_mask(&mask, number))
}

fn status(name: &str) -> Option<String> {
    field(&fs::read_to_string("/proc/self/status").ok()?, name).map(str::to_owned)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

fn kilobytes(text: &str) -> Option<u64> {
    text.strip_suffix("kB")?.trim().parse().ok()
}

/// Bit 0 of the hexadecimal mask stands for signal 1.
fn in_mask(mask: &str, number: u32) -> bool {
    u64::from_str_radix(mask, 16).is_ok_and(|bits| bits >> (number - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_their_whole_name() {
        let text = "VmRSSX:\t 9 kB\nVmRSS:\t    4224 kB\nSigIgn:\t0000000000001001\n";
        assert_eq!(field(text, "VmRSS").and_then(kilobytes), Some(4224));
        assert_eq!(field(text, "VmHWM"), None);
        let mask = field(text, "SigIgn").unwrap();
        assert_eq!([1, 2, 13, 15].map(|signal| in_mask(mask, signal)), [true, false, true, false]);
    }

    #[test]
    fn memory_grows_with_what_is_touched() {
        let before = resident_mb().unwrap();
        let block = std::hint::black_box(vec![1_u8; 32 << 20]);
        let after = resident_mb().unwrap();
        assert!(after - before > 24.0, "{before} MB, then {after} MB");
        drop(block);
    }
}
