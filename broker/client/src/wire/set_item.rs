use std::str::FromStr;

use broker_model::ControlId;

/// What is set at a site, as people name it; a text that is none is told every kind that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetItem(pub ControlId);

impl FromStr for SetItem {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| {
            let text: String = text.chars().take(80).collect();
            format!(
                "`{text}` is no id of what is set at a site: expected the one of a capacity window \
                 (`win_…`), a drain (`drn_…`), an incident (`inc_…`) or a veto (`vet_…`), or for a limit \
                 its organisation's (`org_…`), each with 32 hexadecimal digits"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_names_nothing_set_is_told_every_kind_of_id() {
        let error = "drn_1".parse::<SetItem>().unwrap_err();
        for kind in [
            "`drn_1`",
            "`win_…`",
            "`drn_…`",
            "`inc_…`",
            "`vet_…`",
            "`org_…`",
        ] {
            assert!(error.contains(kind), "{error}");
        }
    }
}
