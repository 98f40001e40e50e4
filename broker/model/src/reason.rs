use crate::InvalidSpec;

/// Most characters of the reason that somebody gives a user: words, not an essay.
pub const LONGEST_REASON: usize = 1000;

/// Whether it has no look of its own and turns the direction of what is written beside it: in a name it lets a text
/// read as another one.
#[must_use]
pub const fn turns_writing(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Why somebody at a site declines a job or revokes an agent, without the blanks around it.
///
/// It is shown on terminals and pages, so it has no control characters but line ends.
pub fn checked_reason(reason: &str) -> Result<&str, InvalidSpec> {
    let reason = reason.trim();
    let is_odd = |c: char| (c.is_control() && c != '\n') || turns_writing(c);
    let wrong = if reason.is_empty() {
        "no reason is given, and those whom it concerns are owed one"
    } else if reason.chars().count() > LONGEST_REASON {
        "it is too long"
    } else if reason.contains(is_odd) {
        "it has control characters"
    } else {
        return Ok(reason);
    };
    Err(InvalidSpec {
        field: "reason".to_owned(),
        reason: wrong.to_owned(),
        allowed: format!("1 to {LONGEST_REASON} characters of text"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_plain_text_of_some_length() {
        assert_eq!(
            checked_reason(" too many\nnodes ").unwrap(),
            "too many\nnodes"
        );
        for wrong in ["", " \n", "\u{1b}[2J", "no\u{202e}ysae", &"x".repeat(1001)] {
            let told = checked_reason(wrong).unwrap_err();
            assert_eq!(told.field, "reason", "{told}");
        }
        checked_reason(&"é".repeat(LONGEST_REASON)).unwrap();
    }
}
