//! Forms are pictures and no regular expressions: whoever mends the table sees the number.

use crate::tables::FormRow;

/// In capitals, without what people put between groups.
pub(super) fn compact(value: &str) -> String {
    let kept = value
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '.' | '-'));
    kept.map(|c| c.to_ascii_uppercase()).collect()
}

pub(crate) fn is_form(form: &str) -> bool {
    let is_sign = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() || "#@?+*".contains(c);
    !form.is_empty() && form.chars().all(is_sign)
}

pub(super) fn fitting<'a>(forms: &'a [FormRow], text: &str) -> Option<&'a FormRow> {
    forms.iter().find(|row| fits(&row.form, text))
}

fn fits(form: &str, text: &str) -> bool {
    form.chars().count() == text.chars().count()
        && form
            .chars()
            .zip(text.chars())
            .all(|(wanted, found)| match wanted {
                '#' => found.is_ascii_digit(),
                '@' => found.is_ascii_uppercase(),
                '?' => found.is_ascii_digit() || found.is_ascii_uppercase(),
                literal => found == literal,
            })
}

/// As a person is told.
pub(super) fn allowed(prefix: &str, forms: &[FormRow]) -> String {
    let all: Vec<_> = forms
        .iter()
        .map(|row| format!("{prefix}{}", row.form))
        .collect();
    let key = [
        ('#', "a digit"),
        ('@', "a letter"),
        ('?', "a letter or a digit"),
    ];
    let used = key
        .iter()
        .filter(|(sign, _)| all.iter().any(|form| form.contains(*sign)));
    let used: Vec<_> = used
        .map(|(sign, words)| format!("{sign} is {words}"))
        .collect();
    format!("{}, where {}", all.join(" or "), used.join(", "))
}

/// Enough of it to know it again.
pub(super) fn shortened(value: &str) -> String {
    match value.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}
