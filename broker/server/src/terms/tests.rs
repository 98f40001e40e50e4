use std::sync::Arc;

use super::*;
use crate::testing;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/terms");

fn config(dir: Option<&Path>) -> Config {
    let mut config = testing::config();
    config.terms.dir = dir.map(Path::to_owned);
    config
}

#[test]
fn the_example_set_can_be_read_says_that_it_is_one_and_is_of_sites_that_there_are() {
    let terms = load(&config(Some(Path::new(EXAMPLES)))).unwrap();
    assert_eq!(terms.documents().len(), 2);
    for document in terms.documents() {
        assert!(document.source.contains("example"));
        assert_eq!(document.text.len(), 2, "{}", document.id);
        let titles = document.text.values().map(|it| it.title.to_lowercase());
        assert!(titles.into_iter().all(|it| it.contains("ex")));
    }
    let sites = crate::shipped::sites().unwrap();
    let is_known = |id: &SiteId| sites.iter().any(|it| it.id == *id);
    assert_eq!(unknown_sites(&terms, is_known), Vec::<String>::new());
    let words = unknown_sites(&terms, |_| false);
    assert_eq!(words.len(), 1);
    assert!(words[0].contains("`site-lumi`"), "{words:?}");
}

#[test]
fn without_a_folder_nothing_is_asked_and_an_empty_one_is_refused() {
    assert!(load(&config(None)).unwrap().documents().is_empty());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("README.md"), "nothing").unwrap();
    let error = format!("{:#}", load(&config(Some(folder.path()))).unwrap_err());
    assert!(error.contains("leave `dir` out"), "{error}");
    let missing = folder.path().join("missing");
    let error = format!("{:#}", load(&config(Some(&missing))).unwrap_err());
    assert!(error.starts_with("terms.dir: "), "{error}");
}

#[tokio::test]
async fn a_broken_folder_is_refused_by_file_and_place_and_the_set_before_stays() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("terms");
    std::fs::create_dir(&dir).unwrap();
    let file = dir.join("platform.toml");
    let good = std::fs::read_to_string(Path::new(EXAMPLES).join("platform-2026-01.toml")).unwrap();
    std::fs::write(&file, &good).unwrap();
    let config = config(Some(&dir));
    let broker = testing::bare_broker(folder.path()).await;
    let stranger = broker_model::Principal::stranger("https://id.example", "ada");
    let caller = broker.caller(Arc::new(stranger)).await.unwrap();
    let in_force = async || {
        let terms = broker.terms(&caller).await.unwrap();
        terms
            .iter()
            .map(|it| it.document.version.clone())
            .collect::<Vec<_>>()
    };
    reload(&broker, &config).await.unwrap();
    assert_eq!(in_force().await, ["2026-01"]);
    std::fs::write(&file, good.replace("title =", "heading =")).unwrap();
    let error = format!("{:#}", reload(&broker, &config).await.unwrap_err());
    assert!(error.contains("platform.toml: line "), "{error}");
    assert!(error.contains("unknown field `heading`"), "{error}");
    assert_eq!(in_force().await, ["2026-01"], "the set before");
    let checked = format!("{:#}", crate::compose::check(&config).unwrap_err());
    assert_eq!(checked, error, "`config check` says the same");
    std::fs::write(&file, good.replace("2026-01", "2026-02")).unwrap();
    reload(&broker, &config).await.unwrap();
    assert_eq!(in_force().await, ["2026-02"]);
}
