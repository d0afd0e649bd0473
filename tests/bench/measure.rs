//! Times, percentiles, and what the operating system knows of processes.

use std::fs;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;
use rustix::time::{ClockId, clock_gettime};

pub(crate) fn micros(duration: Duration) -> f32 {
    duration.as_secs_f32() * 1e6
}

/// The CPU time of this process, with all its threads.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// The CPU time of another process, to 10 ms.
pub(crate) fn cpu_time_of(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may have spaces in it. User and system time are the 14th and 15th field of the line.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11..13)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(from_ticks(ticks))
}

/// The time that all cores together have worked for processes, or were not there for this machine.
pub(crate) fn machine_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields: Vec<u64> =
        stat.lines().next()?.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, _irq, _softirq, steal, ..] = fields[..] else { return None };
    Some(from_ticks(user + nice + system + steal))
}

/// A line of `/proc/self/status` in MiB: `VmHWM` is the most memory that this process ever had, `VmRSS` what it has.
pub(crate) fn memory(line: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':')?.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

/// The value below which `share` of the values are; it moves them about.
pub(crate) fn percentile(values: &mut [f32], share: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let index = (last as f64 * share).round() as usize;
    let (_, value, _) = values.select_nth_unstable_by(index, f32::total_cmp);
    Some(f64::from(*value))
}

fn from_ticks(ticks: u64) -> Duration {
    Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_with_that_share_below_it() {
        let mut values: Vec<_> = (0..=100).rev().map(|value| value as f32).collect();
        assert_eq!(percentile(&mut values, 0.5), Some(50.0));
        assert_eq!(percentile(&mut values, 0.99), Some(99.0));
        assert_eq!(percentile(&mut [], 0.5), None);
    }

    #[test]
    fn the_system_knows_the_times_and_the_memory_of_a_process() {
        while cpu_time() < Duration::from_millis(20) {}
        assert!(cpu_time_of(std::process::id()).unwrap() >= Duration::from_millis(10));
        assert!(machine_time().unwrap() > Duration::ZERO);
        assert!(memory("VmHWM") > 0.0 && memory("VmRSS") > 0.0);
    }
}
