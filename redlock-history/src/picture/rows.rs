use std::collections::BTreeMap;

use crate::drawing::Row;

/// The rows of a process: at least one for each name, in the order of the names.
#[derive(Debug, Default)]
pub(super) struct Rows(BTreeMap<String, Vec<Place>>);

/// A row, and until when there is something in it.
#[derive(Debug)]
struct Place {
    row: Row,
    busy_until: u64,
}

impl Rows {
    /// Returns a row of this name in which there is room between two moments, and takes the room. To be asked in the order of
    /// the beginnings.
    pub(super) fn free(&mut self, name: &str, begins_at: u64, ends_at: u64) -> &mut Row {
        let places = self.0.entry(name.to_owned()).or_default();
        let found = places.iter().position(|place| place.busy_until <= begins_at);
        let number = found.unwrap_or(places.len());
        if found.is_none() {
            let name = if number == 0 { name } else { "" };
            places.push(Place { row: Row::new(name), busy_until: 0 });
        }
        let place = &mut places[number];
        place.busy_until = ends_at;
        &mut place.row
    }

    pub(super) fn into_rows(self) -> Vec<Row> {
        self.0.into_values().flatten().map(|place| place.row).collect()
    }
}
