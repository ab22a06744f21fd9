//! Text as it fits a terminal: columns that stand below each other, and lines that go on below their words where they are too long.

/// To which side the cells of a column go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Names.
    Left,
    /// Numbers.
    Right,
}

/// Rows with their cells below each other, two blanks apart.
#[must_use]
pub fn columns<const N: usize>(to: [To; N], rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| columns_of(&row[column])).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(to).zip(widths).map(|((cell, to), width)| padded(cell, to, width));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn padded(cell: &str, to: To, width: usize) -> String {
    let blanks = " ".repeat(width.saturating_sub(columns_of(cell)));
    match to {
        To::Left => format!("{cell}{blanks}"),
        To::Right => format!("{blanks}{cell}"),
    }
}

/// The text behind `first`, broken between words where it would be wider than `width`; it goes on below itself, `hang` columns from the left.
///
/// Line ends in the text count as blanks, and what could move a terminal's cursor is shown as an escape.
#[must_use]
pub fn wrapped(first: &str, hang: usize, text: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line, mut used) = (Vec::new(), first.to_owned(), columns_of(first));
    let mut is_bare = true;
    for word in text.split_whitespace() {
        let word = visible(word);
        let blank = usize::from(!is_bare);
        if !is_bare && used + blank + columns_of(&word) > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(hang)));
            (used, is_bare) = (hang, true);
        }
        let blank = if is_bare { "" } else { " " };
        used += blank.len() + columns_of(&word);
        line.extend([blank, word.as_str()]);
        is_bare = false;
    }
    lines.push(line.trim_end().to_owned());
    lines
}

fn visible(word: &str) -> String {
    let each = |char: char| if char.is_control() { char.escape_default().to_string() } else { char.to_string() };
    word.chars().map(each).collect()
}

/// How many columns of a terminal the text takes: two for a picture.
fn columns_of(text: &str) -> usize {
    text.chars().map(|char| if char >= '\u{1f000}' { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_below_each_other() {
        let rows = [["day", "USDT", ""], ["7 days", "+3.20", "44 %"], ["✓", "-100.00", ""]];
        let rows = rows.map(|row| row.map(str::to_owned));
        let want = ["day        USDT", "7 days    +3.20  44 %", "✓       -100.00"];
        assert_eq!(columns([To::Left, To::Right, To::Right], &rows), want);
        assert!(columns([To::Left], &[]).is_empty());
    }

    #[test]
    fn what_is_too_long_goes_on_below_its_words() {
        for (width, want) in [
            (80, &["Errors  the disk is full: all of it"][..]),
            (24, &["Errors  the disk is", "        full: all of it"]),
            (
                1,
                &[
                    "Errors  the",
                    "        disk",
                    "        is",
                    "        full:",
                    "        all",
                    "        of",
                    "        it",
                ],
            ),
        ] {
            assert_eq!(wrapped("Errors  ", 8, "the disk is\nfull:  all of it", width), want, "{width}");
        }
        assert_eq!(wrapped("Errors  ", 8, "", 80), ["Errors"]);
        assert_eq!(wrapped("", 2, "\u{1b}[2J gone", 80), ["\\u{1b}[2J gone"]);
        assert_eq!(wrapped("", 2, "📈 ab", 5), ["📈 ab"]);
        assert_eq!(wrapped("", 2, "📈 ab", 4), ["📈", "  ab"]);
    }
}
