use std::time::Duration;

/// Reads a duration as a person writes it: `10s`, `1h 30m`, `500ms`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text).map_err(|error| format!("{error}; write 500ms, 10s or 1h30m for instance"))
}

/// Shows a duration as [`parse`] reads it, to the millisecond.
pub(crate) fn show(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_millis(millis)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_read() {
        for millis in [0, 1, 500, 2_500, 10_000, 5_400_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse(&show(duration)).unwrap(), duration);
        }
    }

    #[test]
    fn a_number_without_a_unit_is_refused_with_an_example() {
        assert!(parse("10").unwrap_err().contains("10s"));
    }
}
