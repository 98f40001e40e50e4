//! Group membership as the European research identities write it (AARC-G069, before it AARC-G002):
//! `<namespace>:group:<group>[:<subgroup>…][:role=<role>]#<authority>`, parts percent-encoded.

use broker_model::Entitlement;
use percent_encoding::percent_decode_str;

/// A value that names no group. Other kinds of entitlements are common and no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the entitlement names no group: expected `urn:…:group:<group>[:<subgroup>][:role=<role>][#<authority>]`"
)]
pub struct NotAGroup;

/// Reads one entitlement. The authority may be missing, as AARC-G002 allowed.
pub fn parse_entitlement(text: &str) -> Result<Entitlement, NotAGroup> {
    let (name, authority) = match text.split_once('#') {
        Some((name, authority)) => (name, Some(decode(authority)?)),
        None => (text, None),
    };
    let (namespace, path) = split_at_group(name).ok_or(NotAGroup)?;
    let mut group = path.split(':').collect::<Vec<_>>();
    let role = match group.last().and_then(|last| strip_role(last)) {
        Some(role) => {
            group.pop();
            Some(decode(role)?)
        }
        None => None,
    };
    let group = group
        .into_iter()
        .map(decode)
        .collect::<Result<Vec<_>, _>>()?;
    if group.is_empty() {
        return Err(NotAGroup);
    }
    Ok(Entitlement {
        namespace: namespace.to_ascii_lowercase(),
        group,
        role,
        authority,
    })
}

/// The namespace ends at the first `:group:`; a group may itself be called `group`.
fn split_at_group(name: &str) -> Option<(&str, &str)> {
    let at = name.to_ascii_lowercase().find(":group:")?;
    let (namespace, rest) = (name.get(..at)?, name.get(at + ":group:".len()..)?);
    let mut parts = namespace.split(':');
    let is_urn = parts
        .next()
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("urn"));
    let named = namespace.split(':').count() >= 2 && parts.all(|part| !part.is_empty());
    (is_urn && named).then_some((namespace, rest))
}

fn strip_role(part: &str) -> Option<&str> {
    let (key, role) = part.split_once('=')?;
    key.eq_ignore_ascii_case("role").then_some(role)
}

/// Control characters are refused: names of groups reach logs and pages.
fn decode(part: &str) -> Result<String, NotAGroup> {
    let text = percent_decode_str(part)
        .decode_utf8()
        .map_err(|_| NotAGroup)?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(NotAGroup);
    }
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> (String, Vec<String>, Option<String>, Option<String>) {
        let parsed = parse_entitlement(text).unwrap();
        (
            parsed.namespace,
            parsed.group,
            parsed.role,
            parsed.authority,
        )
    }

    #[test]
    fn group_subgroup_role_and_authority_are_told_apart() {
        let (namespace, group, role, authority) =
            parts("urn:mace:example.org:group:vo.example.eu:team:role=associate#rciam.example.org");
        assert_eq!(namespace, "urn:mace:example.org");
        assert_eq!(group, ["vo.example.eu", "team"]);
        assert_eq!(role.as_deref(), Some("associate"));
        assert_eq!(authority.as_deref(), Some("rciam.example.org"));
    }

    #[test]
    fn the_namespace_compares_without_case_and_the_group_with() {
        let upper = parts("URN:Geant:DFN.de:nfdi.de:GROUP:Example#authority.host.de");
        assert_eq!(upper.0, "urn:geant:dfn.de:nfdi.de");
        assert_eq!(upper.1, ["Example"]);
    }

    #[test]
    fn percent_encoding_is_undone_after_splitting() {
        let (_, group, role, authority) = parts("urn:geant:x:group:a%3Ab%20c:role=%C3%A9#d");
        assert_eq!(group, ["a:b c"]);
        assert_eq!(role.as_deref(), Some("é"));
        assert_eq!(authority.as_deref(), Some("d"));
    }

    #[test]
    fn a_quoted_role_marker_stays_part_of_a_group_name() {
        let (_, group, role, _) = parts("urn:geant:x:group:a:role%3Dadmin");
        assert_eq!(group, ["a", "role=admin"]);
        assert_eq!(role, None);
    }

    #[test]
    fn what_names_no_group_is_refused() {
        for bad in [
            "",
            "urn:geant:x:res:gpu:act:submit#a",
            "urn:geant:x:group:",
            "urn:geant:x:group::a",
            "urn:geant:x:group:role=admin",
            "urn:geant:x:group:a#",
            "group:a",
            "http://x:group:a",
            "urn::group:a",
            "urn:geant:x:group:a%0Ab",
            "urn:geant:x:group:%FF",
        ] {
            assert_eq!(parse_entitlement(bad), Err(NotAGroup), "{bad:?}");
        }
    }

    fn any_name() -> impl Strategy<Value = String> {
        "\\PC{1,12}".prop_filter("control", |text| !text.chars().any(char::is_control))
    }

    fn any_entitlement() -> impl Strategy<Value = Entitlement> {
        (
            "urn(:[a-z0-9.-]{1,8}){1,3}",
            prop::collection::vec(any_name(), 1..4),
            prop::option::of(any_name()),
            prop::option::of(any_name()),
        )
            .prop_map(|(namespace, group, role, authority)| Entitlement {
                namespace,
                group,
                role,
                authority,
            })
            .prop_filter("`:group` belongs to no namespace", |e| {
                !e.namespace.contains(":group")
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(entitlement in any_entitlement()) {
            prop_assert_eq!(parse_entitlement(&entitlement.to_string()), Ok(entitlement));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "(urn:[a-z:]{0,10}:group:)?\\PC{0,60}") {
            if let Ok(parsed) = parse_entitlement(&text) {
                prop_assert!(!parsed.group.is_empty());
                prop_assert_eq!(parse_entitlement(&parsed.to_string()), Ok(parsed));
            }
        }
    }
}
