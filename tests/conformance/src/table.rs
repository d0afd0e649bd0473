use std::fmt;

use crate::Suite;
use crate::suite::Case;

/// What came of each case in each suite. Displayed as Markdown, with a footnote for each reason.
pub(crate) struct Table {
    suites: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    topic: String,
    case: String,
    cells: Vec<Cell>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Passed,
    Failed(String),
    NotRun(String),
    /// The caller did not want it to be run.
    FilteredOut,
    /// The suite has no such case.
    Absent,
}

impl Table {
    pub(crate) fn new(suites: &[Suite], cell: impl Fn(&Suite, &Case) -> Cell) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        for (column, suite) in suites.iter().enumerate() {
            for case in &suite.cases {
                let position = rows.iter().position(|row| row.topic == case.topic && row.case == case.name);
                let position = position.unwrap_or_else(|| insert_row(&mut rows, case, suites.len()));
                rows[position].cells[column] = cell(suite, case);
            }
        }
        Self { suites: suites.iter().map(|suite| suite.name.clone()).collect(), rows }
    }

    /// The reasons for which cases are not run, each once.
    fn reasons(&self) -> Vec<&str> {
        let mut reasons = Vec::new();
        for cell in self.rows.iter().flat_map(|row| &row.cells) {
            if let Some(reason) = cell.reason()
                && !reasons.contains(&reason)
            {
                reasons.push(reason);
            }
        }
        reasons
    }

    fn failures(&self) -> impl Iterator<Item = (&str, &Row, &str)> {
        let cells = self.rows.iter().flat_map(|row| self.suites.iter().zip(&row.cells).map(move |cell| (row, cell)));
        cells.filter_map(|(row, (suite, cell))| match cell {
            Cell::Failed(message) => Some((suite.as_str(), row, message.as_str())),
            _ => None,
        })
    }
}

/// Puts a new row behind the others of its topic.
fn insert_row(rows: &mut Vec<Row>, case: &Case, columns: usize) -> usize {
    let behind = rows.iter().rposition(|row| row.topic == case.topic).map_or(rows.len(), |last| last + 1);
    let cells = vec![Cell::Absent; columns];
    rows.insert(behind, Row { topic: case.topic.clone(), case: case.name.clone(), cells });
    behind
}

impl Cell {
    fn reason(&self) -> Option<&str> {
        match self {
            Self::NotRun(reason) => Some(reason),
            Self::Absent => Some("this suite has no such case"),
            Self::Passed | Self::Failed(_) | Self::FilteredOut => None,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons = self.reasons();
        writeln!(f, "| topic | case | {} |", self.suites.join(" | "))?;
        writeln!(f, "| --- | --- |{}", " --- |".repeat(self.suites.len()))?;
        for row in &self.rows {
            write!(f, "| {} | {} |", row.topic, row.case.replace('_', " "))?;
            for cell in &row.cells {
                let number = reasons.iter().position(|reason| cell.reason() == Some(reason)).map(|index| index + 1);
                match (cell, number) {
                    (Cell::Passed, _) => write!(f, " ✓ |")?,
                    (Cell::Failed(_), _) => write!(f, " **failed** |")?,
                    (_, Some(number)) => write!(f, " — ({number}) |")?,
                    (_, None) => write!(f, "  |")?,
                }
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        for (index, reason) in reasons.iter().enumerate() {
            writeln!(f, "({}) {reason}  ", index + 1)?;
        }
        for (suite, row, message) in self.failures() {
            writeln!(f, "failed: {suite}::{}::{}: {message}  ", row.topic, row.case)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_of_every_suite_has_a_cell_and_what_is_not_run_has_a_reason() {
        let one =
            Suite::empty("one").case("life", "a_b", || ()).case("life", "c", || ()).not_run("time", "e", "no clock");
        let two = Suite::empty("two").case("life", "d", || ()).case("life", "c", || ());
        let table = Table::new(&[one, two], |suite, case| match (&*suite.name, &*case.name) {
            (_, "e") => Cell::NotRun("no clock".into()),
            ("two", "c") => Cell::Failed("it does not hold".into()),
            _ => Cell::Passed,
        });
        let expected = "\
| topic | case | one | two |
| --- | --- | --- | --- |
| life | a b | ✓ | — (1) |
| life | c | ✓ | **failed** |
| life | d | — (1) | ✓ |
| time | e | — (2) | — (1) |

(1) this suite has no such case\x20\x20
(2) no clock\x20\x20
failed: two::life::c: it does not hold\x20\x20
";
        assert_eq!(table.to_string(), expected);
    }
}
