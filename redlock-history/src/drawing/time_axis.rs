use super::Time;

/// The axis has about this many marks.
const MARKS: u64 = 12;

const MICROSECOND: Time = 1_000;
const MILLISECOND: Time = 1_000 * MICROSECOND;
const SECOND: Time = 1_000 * MILLISECOND;
const MINUTE: Time = 60 * SECOND;
const HOUR: Time = 60 * MINUTE;

/// Steps between marks that a person counts in, beside 1, 2 and 5 of any power of ten of a second.
const LONG_STEPS: [Time; 11] = [
    10 * SECOND,
    20 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    20 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
];

/// The marks of an axis of time.
pub(super) struct TimeAxis {
    zero: Time,
    step: Time,
    begins_at: Time,
    ends_at: Time,
}

impl TimeAxis {
    pub(super) fn new(begins_at: Time, ends_at: Time, zero: Time) -> Self {
        let step = round_step(ends_at.saturating_sub(begins_at) / MARKS);
        Self { zero, step, begins_at, ends_at }
    }

    /// Returns the moments and texts of the marks.
    pub(super) fn marks(&self) -> impl Iterator<Item = (Time, String)> {
        let offset = self.begins_at.saturating_sub(self.zero).div_ceil(self.step);
        let moments = (offset..).map_while(|number| self.zero.checked_add(number.checked_mul(self.step)?));
        let moments = moments.take_while(|moment| *moment <= self.ends_at);
        moments.map(|moment| (moment, self.text(moment.saturating_sub(self.zero))))
    }

    fn text(&self, time: Time) -> String {
        let (unit, name) = match self.step {
            ..MILLISECOND => (MICROSECOND, "µs"),
            MILLISECOND..SECOND => (MILLISECOND, "ms"),
            SECOND..MINUTE => (SECOND, "s"),
            MINUTE..HOUR => (MINUTE, "min"),
            _ => (HOUR, "h"),
        };
        // Every step is a multiple of its unit.
        format!("{} {name}", time.checked_div(unit).unwrap_or_default())
    }
}

/// Returns a round time that is not below the step.
fn round_step(step: Time) -> Time {
    let powers = std::iter::successors(Some(MICROSECOND), |power| power.checked_mul(10).filter(|next| *next <= SECOND));
    let short = powers.flat_map(|power| [1, 2, 5].map(|factor: Time| power.saturating_mul(factor)));
    let found = short.chain(LONG_STEPS).find(|round| *round >= step);
    found.unwrap_or_else(|| step.div_ceil(6 * HOUR).saturating_mul(6 * HOUR))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(begins_at: Time, ends_at: Time) -> String {
        let axis = TimeAxis::new(begins_at, ends_at, 0);
        axis.marks().map(|(_, text)| text).take(4).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn marks_are_round_in_a_unit_that_suits_the_length() {
        assert_eq!(texts(0, 50 * MICROSECOND), "0 µs, 5 µs, 10 µs, 15 µs");
        assert_eq!(texts(3, 1_100 * MILLISECOND), "100 ms, 200 ms, 300 ms, 400 ms");
        assert_eq!(texts(0, 100 * SECOND), "0 s, 10 s, 20 s, 30 s");
        assert_eq!(texts(HOUR, 2 * HOUR), "60 min, 65 min, 70 min, 75 min");
        assert_eq!(texts(0, 24 * HOUR), "0 h, 2 h, 4 h, 6 h");
        assert_eq!(texts(0, 1_000 * HOUR), "0 h, 84 h, 168 h, 252 h");
    }

    #[test]
    fn an_axis_has_an_end_also_where_time_has() {
        assert!(TimeAxis::new(0, Time::MAX, 0).marks().count() <= 13);
        assert_eq!(TimeAxis::new(Time::MAX - 1, Time::MAX, 0).marks().count(), 0);
    }

    #[test]
    fn zero_may_be_inside_of_the_picture() {
        let axis = TimeAxis::new(7 * SECOND, 19 * SECOND, 8 * SECOND);
        assert_eq!(axis.marks().next(), Some((8 * SECOND, "0 s".to_owned())));
    }
}
