use std::fmt::Write;

use anstyle::{AnsiColor, Style};

/// One thing that was found out about a server.
pub(super) struct Finding {
    pub(super) level: Level,
    text: String,
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// It works.
    Ok,
    /// It works, and could work better.
    Note,
    /// It works, and can cost locks.
    Warning,
    /// It does not work.
    Failed,
}

impl Finding {
    pub(super) const fn new(level: Level, text: String) -> Self {
        Self { level, text }
    }
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Ok => AnsiColor::Green.on_default(),
            Self::Note => Style::new().dimmed(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Failed => AnsiColor::Red.on_default(),
        }
    }
}

/// Returns the server with its findings, one a line, the worst last.
pub(super) fn render(heading: &str, findings: &[Finding]) -> String {
    let bold = Style::new().bold();
    let mut sorted: Vec<_> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.level);
    let mut text = format!("{bold}{heading}{bold:#}\n");
    for Finding { level, text: finding } in sorted {
        let (word, style) = (level.word(), level.style());
        let _ = writeln!(text, "  {style}{word:7}{style:#}  {finding}");
    }
    text
}
