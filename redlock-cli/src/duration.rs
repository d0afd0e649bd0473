use std::time::Duration;

/// Reads a duration as a person writes it: `10s`, `1h 30m`, `500ms`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.starts_with('-') {
        return Err(format!("a duration is needed that is not negative; {EXAMPLES}"));
    }
    humantime::parse_duration(text).map_err(|error| format!("{error}; {EXAMPLES}"))
}

const EXAMPLES: &str = "write 500ms, 10s or 1h30m for instance";

#[cfg(test)]
mod tests {
    use redlock_tokio::HumanDuration;

    use super::*;

    #[test]
    fn what_is_shown_can_be_read() {
        for millis in [0, 1, 500, 2_500, 10_000, 130_000, 5_400_000, 31_536_000_000] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse(&HumanDuration(duration).to_string()).unwrap(), duration);
        }
    }

    #[test]
    fn a_number_without_a_unit_is_refused_with_an_example() {
        assert!(parse("10").unwrap_err().contains("10s"));
    }

    #[test]
    fn a_negative_one_is_refused_as_such() {
        for text in ["-5s", "-1", "--wait"] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("not negative") && error.contains("10s"), "{text}: {error}");
        }
    }
}
