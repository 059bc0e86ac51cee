//! Text that stays on its line.

/// `text` as one line: line breaks and other control characters become single spaces.
///
/// A name or a title with a line break in it would otherwise forge header fields of a message, or lines of its text.
pub fn one_line(text: &str) -> String {
    let spaced = text.replace(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'), " ");
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_break_survives() {
        assert_eq!(one_line("Ann\r\nBcc: eve@example.org\u{2028}\u{0}x "), "Ann Bcc: eve@example.org x");
        assert_eq!(one_line("Élodie  d'Arc"), "Élodie d'Arc");
    }
}
