use core::fmt;
use core::time::Duration;

/// A duration as a person reads it: `20 ms`, `4.5 s`, `2 min 10 s`, `24 h`, `365 days`.
///
/// It is rounded down: below a second to a microsecond, below two minutes to a millisecond, above to a second. A precision makes
/// it rougher, for what was measured: `{:.1}` leaves one digit behind the point, and the two largest units. The first digit that is
/// not zero is always there.
///
/// ```
/// use core::time::Duration;
/// use redlock_core::HumanDuration;
///
/// let shown = |millis| HumanDuration(Duration::from_millis(millis)).to_string();
/// assert_eq!(shown(4_500), "4.5 s");
/// assert_eq!(shown(24 * 60 * 60 * 1_000), "24 h");
/// assert_eq!(format!("{:.1}", HumanDuration(Duration::from_micros(8_299_990))), "8.2 s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "it is a duration and nothing else")]
pub struct HumanDuration(pub Duration);

/// The units above the second in seconds, the largest first. Each is used from two of it on, so that a minute and a half are 90 s.
const UNITS: [(u64, &str); 4] = [(24 * 60 * 60, "days"), (60 * 60, "h"), (60, "min"), (1, "s")];

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(duration) = self;
        match duration.as_secs() {
            0 => {
                let micros = duration.subsec_micros();
                decimal(f, (micros / 1_000).into(), micros % 1_000, "ms")
            }
            seconds @ 1..120 => decimal(f, seconds, duration.subsec_millis(), "s"),
            seconds => in_units(f, seconds),
        }
    }
}

/// Writes a number with as many of three digits behind the point as were asked for, without zeros at the end.
fn decimal(f: &mut fmt::Formatter<'_>, whole: u64, thousandths: u32, unit: &str) -> fmt::Result {
    write!(f, "{whole}")?;
    let digits = [thousandths / 100, thousandths / 10 % 10, thousandths % 10];
    let first = if whole == 0 { digits.iter().position(|digit| *digit != 0) } else { None };
    let wanted = f.precision().unwrap_or(digits.len()).max(first.map_or(0, |first| first.saturating_add(1)));
    let shown = digits.get(..wanted).unwrap_or(&digits);
    if let Some(last) = shown.iter().rposition(|digit| *digit != 0) {
        f.write_str(".")?;
        shown.iter().take(last.saturating_add(1)).try_for_each(|digit| write!(f, "{digit}"))?;
    }
    write!(f, " {unit}")
}

/// Writes how many of each unit there are: the first two, or all.
fn in_units(f: &mut fmt::Formatter<'_>, seconds: u64) -> fmt::Result {
    let mut left = seconds;
    let units = UNITS.iter().skip_while(|(unit, _)| seconds < unit.saturating_mul(2));
    let count = if f.precision().is_some() { 2 } else { UNITS.len() };
    let mut separator = "";
    for (unit, name) in units.take(count) {
        let number = left.checked_div(*unit).unwrap_or_default();
        left = left.saturating_sub(number.saturating_mul(*unit));
        if number > 0 {
            write!(f, "{separator}{number} {name}")?;
            separator = " ";
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const MICROSECOND: u128 = 1_000;
    const MILLISECOND: u128 = 1_000 * MICROSECOND;
    const SECOND: u128 = 1_000 * MILLISECOND;

    fn of(nanos: u128) -> HumanDuration {
        let second = |nanos: u128| u64::try_from(nanos / SECOND).unwrap();
        HumanDuration(Duration::new(second(nanos), u32::try_from(nanos % SECOND).unwrap()))
    }

    #[test]
    fn what_was_set_is_shown_as_it_is() {
        let rows = [
            (0, "0 ms"),
            (999, "0 ms"),
            (50 * MICROSECOND, "0.05 ms"),
            (999_999, "0.999 ms"),
            (MILLISECOND, "1 ms"),
            (20_333_333, "20.333 ms"),
            (500 * MILLISECOND, "500 ms"),
            (SECOND, "1 s"),
            (1_010 * MILLISECOND, "1.01 s"),
            (4_500 * MILLISECOND, "4.5 s"),
            (90 * SECOND, "90 s"),
            (120 * SECOND - 1, "119.999 s"),
            (120 * SECOND, "2 min"),
            (130 * SECOND, "2 min 10 s"),
            (7_199 * SECOND, "119 min 59 s"),
            (7_200 * SECOND, "2 h"),
            (86_400 * SECOND, "24 h"),
            (86_401 * SECOND, "24 h 1 s"),
            (2 * 86_400 * SECOND, "2 days"),
            ((2 * 86_400 + 3_600 + 61) * SECOND, "2 days 1 h 1 min 1 s"),
            (365 * 86_400 * SECOND, "365 days"),
        ];
        for (nanos, expected) in rows {
            assert_eq!(of(nanos).to_string(), expected, "{nanos} ns");
        }
        assert!(HumanDuration(Duration::MAX).to_string().starts_with("213503982334601 days "));
    }

    #[test]
    fn what_was_measured_is_shown_as_exactly_as_is_asked_for() {
        let rows = [
            (412 * MICROSECOND, "0.4 ms"),
            (52 * MICROSECOND, "0.05 ms"),
            (999, "0 ms"),
            (8_299 * MILLISECOND, "8.2 s"),
            (10_040 * MILLISECOND, "10 s"),
            (200 * SECOND, "3 min 20 s"),
            ((2 * 86_400 + 61) * SECOND, "2 days"),
        ];
        for (nanos, expected) in rows {
            assert_eq!(alloc::format!("{:.1}", of(nanos)), expected, "{nanos} ns");
        }
        assert_eq!(alloc::format!("{:.0}", of(8_299 * MILLISECOND)), "8 s");
        assert_eq!(alloc::format!("{:.9}", of(8_299 * MILLISECOND)), "8.299 s");
    }
}
