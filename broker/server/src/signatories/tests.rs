use broker_store::Signatories as _;

use super::*;
use crate::allocations::tests::House;

fn options(house: &House, text: &str, dry_run: bool) -> SignatoriesOptions {
    SignatoriesOptions {
        config: house.folder.path().join("broker.toml"),
        file: house.file("list.csv", text),
        as_of: "2026-11-01".parse().unwrap(),
        source: "page of the Commission, by hand".to_owned(),
        dry_run,
    }
}

#[tokio::test]
async fn a_list_is_kept_once_a_dry_run_keeps_nothing_and_a_bad_line_stops_all_of_it() {
    let house = House::new().await;
    let run = async |text: &str, dry_run| {
        import(&house.config, &options(&house, text, dry_run))
            .await
            .unwrap()
    };
    let kept = async || house.store.signatory_lists().await.unwrap();
    let good = "name,country\nMaia GmbH,DE\n";
    let dry = run(good, true).await.unwrap();
    assert_eq!((dry.added.len(), kept().await.len()), (1, 0));
    let faults = run("name,country\nMaia GmbH,DE\nAtlas,Atlantis\n", false).await;
    let faults = faults.unwrap_err();
    assert!(
        faults[0].to_string().starts_with("line 3, country: "),
        "{faults:?}"
    );
    assert_eq!(kept().await, []);
    let done = run(good, false).await.unwrap();
    assert_eq!(kept().await, [done.list]);
    assert!(run(good, false).await.unwrap().is_known);
    assert_eq!(kept().await.len(), 1);
}
