/// What stands in the places of a text, `{name}`, where `said` is that text filled in; none where it is not.
pub(super) fn read<'t>(text: &'t str, said: &'t str) -> Option<Vec<(&'t str, &'t str)>> {
    let (before, rest) = text.split_once('{').unwrap_or((text, ""));
    let mut said = said.strip_prefix(before)?;
    let mut values = Vec::new();
    let mut rest = rest;
    while let Some((name, after)) = rest.split_once('}') {
        let (until, next) = after.split_once('{').unwrap_or((after, ""));
        // The last place takes all that the end of the text leaves.
        let at = if next.is_empty() {
            said.len().checked_sub(until.len())?
        } else {
            said.find(until)?
        };
        let (value, left) = said.split_at_checked(at)?;
        values.push((name, value));
        (said, rest) = (left.strip_prefix(until)?, next);
    }
    (said.is_empty() && values.iter().all(|(_, it)| !it.is_empty())).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn places_are_read_back_from_what_they_were_filled_with() {
        assert_eq!(read("is missing", "is missing"), Some(Vec::new()));
        assert_eq!(read("is missing", "is missing, too"), None);
        assert_eq!(read("1 to {most}", "1 to 60"), Some(vec![("most", "60")]));
        let two = read("`{word}` of {list}, or none", "`a` of b, c, or none");
        assert_eq!(two, Some(vec![("word", "a"), ("list", "b, c")]));
        for said in ["", "1 to ", "`a` of é", "1 tö 60"] {
            assert_eq!(read("1 to {most}", said), None, "{said}");
        }
    }
}
