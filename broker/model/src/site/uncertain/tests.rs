use std::collections::BTreeSet;
use std::path::Path;

use super::*;

const SITE: &str = r#"
    id = "x"
    name = "A site"
    hosting_entity = "A host"
    city = "Kajaani"
    country = "FI"
    languages = ["fi"]
    uncertain = ["languages"]
    source = { checked_on = "2026-11-20", from = ["made for a test"] }
    contact = { support = "help@x.example", uncertain = ["support"] }
    [[system]]
    id = "m"
    status = "operational"
    uncertain = ["status"]
    funding = { budget_eur = 1, uncertain = ["budget_eur"] }
    [[system.storage.area]]
    name = "home"
    quota_gb = 20
    uncertain = ["quota_gb"]
    [[system.partition]]
    id = "p"
    nodes = 10
    gpus_per_node = 4
    container_target = "x86_64+cuda"
    uncertain = ["nodes"]
    rules = { gpu_jobs_only = true, uncertain = ["gpu_jobs_only"] }
    [system.partition.billing]
    unit = "GPU-hour"
    terms = [{ of = "scheduler_gpus", milliunits = 1000 }]
    uncertain = ["unit"]
"#;

fn site(text: &str) -> Site {
    toml::from_str(text).unwrap()
}

fn faults(from: &str, to: &str) -> Vec<(String, String)> {
    assert_eq!(SITE.matches(from).count(), 1, "{from}");
    let wrong = site(&SITE.replace(from, to)).validate().unwrap_err();
    wrong.into_iter().map(|it| (it.field, it.reason)).collect()
}

#[test]
fn what_is_uncertain_is_told_part_by_part() {
    let site = site(SITE);
    assert_eq!(site.validate(), Ok(()));
    let told: Vec<String> = { site.uncertainties().into_iter() }
        .map(|it| format!("{}: {}", it.part, it.fields.join(" ")))
        .collect();
    assert_eq!(
        told,
        [
            ": languages contact.support",
            "m: status funding.budget_eur storage.area[home].quota_gb",
            "m/p: nodes rules.gpu_jobs_only billing.unit",
        ]
    );
}

#[test]
fn a_name_that_is_no_field_or_not_given_or_a_table_or_there_twice_is_a_fault_with_its_place() {
    let at = "system[0].partition[0]";
    for (names, place, reason) in [
        (r#"["node"]"#, 0, "`node` is no field of this table"),
        (
            r#"["nodes", "gpu_memory_gib"]"#,
            1,
            "`gpu_memory_gib` is not given here: what is not known is no uncertain figure",
        ),
        (r#"["nodes", "nodes"]"#, 1, "`nodes` stands there twice"),
        (
            r#"["billing"]"#,
            0,
            "`billing` is a table: what is uncertain in it is named by its own `uncertain`",
        ),
    ] {
        let said = faults(r#"["nodes"]"#, names);
        let field = format!("{at}.uncertain[{place}]");
        assert_eq!(said, [(field, reason.to_owned())], "{names}");
    }
}

#[test]
fn every_table_that_has_such_a_list_has_its_names_checked() {
    for (from, field) in [
        (r#"["languages"]"#, "uncertain[0]"),
        (r#"["support"]"#, "contact.uncertain[0]"),
        (r#"["status"]"#, "system[0].uncertain[0]"),
        (r#"["budget_eur"]"#, "system[0].funding.uncertain[0]"),
        (r#"["quota_gb"]"#, "system[0].storage.area[0].uncertain[0]"),
        (
            r#"["gpu_jobs_only"]"#,
            "system[0].partition[0].rules.uncertain[0]",
        ),
        (r#"["unit"]"#, "system[0].partition[0].billing.uncertain[0]"),
    ] {
        let said = faults(from, r#"["colour"]"#);
        let reason = "`colour` is no field of this table".to_owned();
        assert_eq!(said, [(field.to_owned(), reason)]);
    }
    let three = "factory = { origin = 'new', uncertain = ['x'] }\n[[system]]\nid = 'n'\nstatus = 'planned'\n\
                 access = { uncertain = ['x'] }\nstorage = { uncertain = ['x'] }\n[[system]]";
    let fields: BTreeSet<_> = { faults("[[system]]", three).into_iter() }
        .map(|it| it.0)
        .collect();
    assert_eq!(
        fields.into_iter().collect::<Vec<_>>(),
        [
            "factory.uncertain[0]",
            "system[0].access.uncertain[0]",
            "system[0].storage.uncertain[0]",
        ]
    );
}

#[test]
fn the_remedy_names_what_can_be_marked() {
    let text = SITE.replace(r#"["nodes"]"#, r#"["node"]"#);
    let wrong = site(&text).validate().unwrap_err();
    let allowed = &wrong[0].allowed;
    for name in ["nodes", "gpus_per_node", "container_target"] {
        assert!(allowed.contains(name), "{allowed}");
    }
    for name in ["uncertain", "rules", "gpu_model"] {
        assert!(!allowed.contains(name), "{allowed}");
    }
}

#[test]
fn the_list_survives_both_forms_and_a_document_without_one_is_as_it_was() {
    let site = site(SITE);
    let json = serde_json::to_string(&site).unwrap();
    assert_eq!(serde_json::from_str::<Site>(&json).unwrap(), site);
    let text = toml::to_string(&site).unwrap();
    assert_eq!(toml::from_str::<Site>(&text).unwrap(), site);
    let mut plain = SITE.to_owned();
    for name in ["support", "budget_eur", "gpu_jobs_only"] {
        plain = plain.replace(&format!(", uncertain = [\"{name}\"]"), "");
    }
    let plain: Vec<&str> = { plain.lines() }
        .filter(|it| !it.contains("uncertain"))
        .collect();
    let json = serde_json::to_string(&self::site(&plain.join("\n"))).unwrap();
    assert!(!json.contains("uncertain"), "{json}");
}

/// What a comment says of a value that nobody has read at its source.
const MARKS: [&str; 9] = [
    "recalled",
    " 2h",
    "second-hand",
    "second hand",
    "uncertain",
    "not sure",
    "not confirmed",
    "not read",
    "(2h)",
];

/// The lines of each table of a file, its header first; the site's own keys have none.
fn tables(text: &str) -> Vec<Vec<&str>> {
    let mut tables = vec![Vec::new()];
    for line in text.lines() {
        if line.starts_with('[') {
            tables.push(Vec::new());
        }
        tables.last_mut().unwrap().push(line);
    }
    tables
}

/// What is said on a line, and what is remarked about it.
fn parts(line: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return line.split_at(at),
            _ => {}
        }
    }
    (line, "")
}

fn is_doubted(line: &str) -> bool {
    let remark = parts(line).1;
    MARKS.iter().any(|it| remark.contains(it))
}

/// Fields that a comment calls uncertain, on one of their lines or on the header of their table.
fn doubted<'a>(lines: &[&'a str]) -> BTreeSet<&'a str> {
    let header = lines.first().filter(|it| it.starts_with('['));
    let whole = header.is_some_and(|it| is_doubted(it));
    let (mut doubted, mut key) = (BTreeSet::new(), None);
    for line in lines.iter().filter(|it| !it.starts_with(['#', '['])) {
        if let Some((name, _)) = parts(line).0.split_once(" = ")
            && !line.starts_with([' ', ']'])
        {
            key = Some(name);
        }
        doubted.extend(key.filter(|it| *it != "uncertain" && (whole || is_doubted(line))));
    }
    doubted
}

/// Fields of a file that a comment doubts and `uncertain` does not name, by their table.
fn unmarked(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for lines in tables(text) {
        let header = lines.first().filter(|it| it.starts_with('['));
        let header = header.map_or("", |it| parts(it).0.trim());
        if header == "[source]" {
            continue;
        }
        let body: Vec<&str> = { lines.iter() }
            .copied()
            .filter(|it| !it.starts_with('['))
            .collect();
        let body: toml::Table = toml::from_str(&body.join("\n")).unwrap();
        let marked = body.get("uncertain").and_then(|it| it.as_array());
        let is_marked = |name: &str| {
            let mut marked = marked.into_iter().flatten();
            marked.any(|it| it.as_str() == Some(name))
        };
        let fields = doubted(&lines).into_iter().filter(|it| !is_marked(it));
        let id = body.get("id").and_then(|it| it.as_str()).unwrap_or("");
        found.extend(fields.map(|it| format!("{header} {id} {it}")));
    }
    found
}

#[test]
fn what_a_comment_of_a_shipped_file_doubts_is_marked_as_data() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/sites");
    let mut fields = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let unmarked = unmarked(&text);
        assert!(unmarked.is_empty(), "{}: {unmarked:#?}", path.display());
        fields += tables(&text)
            .iter()
            .map(|it| doubted(it).len())
            .sum::<usize>();
        let site = site(&text);
        assert_eq!(site.validate(), Ok(()), "{}", path.display());
        assert!(!site.uncertainties().is_empty(), "{}", path.display());
    }
    assert!(fields > 100, "only {fields} comments were found");
}

#[test]
fn a_comment_that_doubts_what_is_not_marked_would_be_found() {
    let text = "id = 'x' # found: a page\n[[system]]\nid = 'm'\nnodes = 1 # recalled, low\n\
                cpus = 2 # found: a page\nnote = \"of # 2h\"\nlist = [ # found: a page\n  1, # gh 1 2h\n]\n\
                uncertain = [\"nodes\"]\n[contact] # found: gh 2 2h\nform = 'y'\n";
    assert_eq!(unmarked(text), ["[[system]] m list", "[contact]  form"]);
}
