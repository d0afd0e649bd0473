/// Returns a moment in microseconds since 1970 as `2026-11-29 08:00:00.123 UTC`.
pub(super) fn date(micros: u64) -> String {
    let (seconds, millis) = (micros / 1_000_000, micros / 1_000 % 1_000);
    let (year, month, day) = calendar(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{millis:03} UTC")
}

/// Returns the year, the month and the day of the month of a day since 1970.
fn calendar(mut day: u64) -> (u64, u64, u64) {
    let mut year = 1_970;
    for next in 1_970_u64.. {
        year = next;
        let days = if is_leap(next) { 366 } else { 365 };
        if day < days {
            break;
        }
        day = day.saturating_sub(days);
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1_u64;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < days {
            break;
        }
        day = day.saturating_sub(days);
        month = month.saturating_add(1);
    }
    (year, month, day.saturating_add(1))
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let rows = [
            (0, "1970-01-01 00:00:00.000 UTC"),
            (951_782_400_000_000, "2000-02-29 00:00:00.000 UTC"),
            (1_709_251_199_999_999, "2024-02-29 23:59:59.999 UTC"),
            (1_798_761_600_120_000, "2027-01-01 00:00:00.120 UTC"),
        ];
        for (micros, text) in rows {
            assert_eq!(date(micros), text);
        }
    }
}
