use super::{imported, line, refused, table};
use crate::world::World;

#[tokio::test]
async fn every_fault_of_every_line_is_told_at_once_and_nothing_is_imported() {
    let world = World::sqlite().await;
    let text = table(&[
        &line("A-1", "100", "2027-05-31", ""),
        "A-1,,QQ,pic:12,,,lumi/nowhere,state,GPU-hour,\"1,5\",tomorrow,2026-13-01,mars=x;lumi=a b,perhaps",
        "A-2,B",
    ]);
    let said = refused(&world, &text).await;
    for expected in [
        "line 4: it has 2 values",
        "line 3, reference: `A-1` stands in line 2, too",
        "line 3, organisation: says nothing",
        "line 3, country: `QQ` is no country",
        "line 3, identifier: ",
        "line 3, project: neither it nor `call_reference` says anything",
        "line 3, system: the federation has no system `lumi/nowhere`",
        "line 3, share: `state` is no funding share",
        "line 3, hours: `1,5` is no number of hours",
        "line 3, valid_from: `tomorrow` is no day",
        "line 3, valid_to: `2026-13-01` is no day",
        "line 3, local_accounts: `mars=x` names no site",
        "line 3, local_accounts: `lumi=a b` names no account",
        "line 3, suspended: `perhaps` is neither",
    ] {
        let named: Vec<&String> = said.iter().filter(|it| it.starts_with(expected)).collect();
        assert_eq!(named.len(), 1, "{expected}: {said:#?}");
        assert!(named[0].contains("; allowed: "), "{named:?}");
    }
    assert_eq!(said.len(), 14, "{said:#?}");
    assert_eq!(imported(&world.broker().await, "A-1").await, None);
}

#[tokio::test]
async fn hours_that_cannot_be_kept_exactly_are_refused() {
    let world = World::sqlite().await;
    let said = refused(
        &world,
        &table(&[&line("A-1", "0.0000001", "2027-05-31", "")]),
    )
    .await;
    assert_eq!(
        said,
        [
            "line 2, hours: 0.0000001 hours are no whole number of milliseconds; allowed: 3 decimals at most, or a \
          number that is exact"
        ]
    );
}

#[tokio::test]
async fn a_unit_that_the_system_does_not_charge_in_is_refused_with_those_that_it_does() {
    let world = World::sqlite().await;
    let of = |system: &str| {
        format!(
            "A-1,Pleione Oy,FI,ext:p,Folding,,{system},union,node-hour,5,2026-11-01,2027-05-31,,"
        )
    };
    let said = refused(&world, &table(&[&of("lumi/lumi")])).await;
    assert!(
        said[0].starts_with("line 2, unit: `node-hour` is not what is charged there; allowed: ")
    );
    assert!(said[0].contains("GPU-hour"), "{said:?}");
    let said = refused(&world, &table(&[&of("federation")])).await;
    assert!(said[0].ends_with("allowed: GPU-hour"), "{said:?}");
}

#[tokio::test]
async fn an_organisation_or_project_that_is_not_there_or_is_anothers_is_refused() {
    let world = World::sqlite().await;
    let stranger = format!("org_{:032x}", 1);
    let project = broker_app::setup::project_id("sample");
    let ours = broker_app::setup::organisation_id("startup");
    let missing = format!("prj_{:032x}", 1);
    let rest = "federation,union,GPU-hour,5,2026-11-01,2027-05-31,,";
    let text = table(&[
        &format!("A-1,,,{stranger},Folding,,{rest}"),
        &format!("A-2,Pleione Oy,FI,ext:p,{project},,{rest}"),
        &format!("A-3,,,{ours},{missing},,{rest}"),
    ]);
    let said = refused(&world, &text).await;
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[0].contains(&format!("there is no organisation {stranger}")));
    assert!(said[1].contains(&format!("has no project {project}")));
    assert!(said[2].contains(&format!("{ours} has no project {missing}")));
}

#[tokio::test]
async fn an_organisation_of_another_country_than_the_line_says_is_refused() {
    let world = World::sqlite().await;
    super::import(&world, &table(&[&line("A-1", "5", "2027-05-31", "")])).await;
    let other = line("A-2", "5", "2027-05-31", "").replace(",FI,", ",SE,");
    let said = refused(&world, &table(&[&other])).await;
    assert!(
        said[0].contains("is established in FI, and the line says SE"),
        "{said:?}"
    );
}

#[tokio::test]
async fn a_source_whose_name_would_reach_into_anothers_is_refused() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    for source in ["", "a:b", "CSV"] {
        let batch = broker_app::imports::read_table(table(&[]).as_bytes(), source);
        let refused = broker.import_allocations(&batch, true).await;
        assert!(
            matches!(refused, Err(broker_app::Error::Invalid(..))),
            "{source}"
        );
    }
}

#[tokio::test]
async fn an_account_of_two_organisations_at_one_site_is_refused_and_one_may_have_it_for_several() {
    let world = World::sqlite().await;
    let other = |account: &str| {
        line("B-1", "5", "2027-05-31", &format!("lumi={account}"))
            .replace("Pleione Oy", "Merope Oy")
            .replace("ext:pleione", "ext:merope")
    };
    let first = line("A-1", "5", "2027-05-31", "lumi=project_9");
    let again = line("A-2", "5", "2027-05-31", "lumi=PROJECT_9");
    let said = refused(&world, &table(&[&first, &other("PROJECT_9")])).await;
    assert_eq!(said.len(), 1, "{said:#?}");
    let expected =
        "line 3, local_accounts: `PROJECT_9` at lumi stands in line 2, for another organisation";
    assert!(said[0].starts_with(expected), "{said:#?}");
    super::import(&world, &table(&[&first, &again])).await;
    let said = refused(&world, &table(&[&other("Project_9")])).await;
    assert!(
        said[0].contains("`Project_9` at lumi is the account of alc_"),
        "{said:#?}"
    );
    super::import(&world, &table(&[&other("project_10")])).await;
    let said = refused(&world, &table(&[&other("project_9")])).await;
    assert!(
        said[0].contains("which another organisation has"),
        "{said:#?}"
    );
}

#[tokio::test]
async fn an_id_of_a_call_is_one_projects_and_one_of_no_call_is_taken_with_a_word() {
    let world = World::sqlite().await;
    let of_call = |reference: &str, who: &str, call: &str| {
        line(reference, "5", "2027-05-31", "")
            .replace("ext:pleione", &format!("ext:{who}"))
            .replace("Folding,,", &format!("Folding {reference},{call},"))
    };
    let broken = of_call("A-1", "pleione", "EHPC-AIF-2026PG01-907-gpu");
    let said = refused(&world, &table(&[&broken])).await;
    assert!(
        said[0].starts_with("line 2, call_reference: `-GPU` stands behind"),
        "{said:#?}"
    );
    let first = of_call("A-1", "pleione", "EHPC-AIF-2026PG01-907");
    let second = of_call("B-1", "merope", "ehpc-aif-2026pg01-907");
    let said = refused(&world, &table(&[&first, &second])).await;
    assert!(
        said[0].contains("`EHPC-AIF-2026PG01-907` is the id of prj_"),
        "{said:#?}"
    );
    let report = super::import(&world, &table(&[&first])).await;
    assert_eq!(report.remarks, Vec::<String>::new());
    let said = refused(&world, &table(&[&first, &second])).await;
    assert_eq!(said.len(), 1, "{said:#?}");
    let local = of_call("A-2", "pleione", "2004711");
    let report = super::import(&world, &table(&[&first, &local])).await;
    assert_eq!(
        report.remarks,
        ["line 3 (A-2): `2004711` is of no call whose ids are known here: taken as it is"]
    );
    let again = super::import(&world, &table(&[&first, &local]))
        .await
        .changes;
    assert_eq!(again, Vec::<String>::new());
}

#[tokio::test]
async fn hours_of_a_state_that_there_is_not_are_refused() {
    let world = World::sqlite().await;
    let of =
        |state: &str| line("A-1", "5", "2027-05-31", "").replace(",union,", &format!(",{state},"));
    let said = refused(&world, &table(&[&of("national:ZZ")])).await;
    let expected = "line 2, share: `national:ZZ` is of no state that the policy knows";
    assert!(said[0].starts_with(expected), "{said:#?}");
}

#[tokio::test]
async fn a_mode_that_nobody_knows_or_that_the_call_or_the_allocation_speaks_against_is_refused() {
    let world = World::sqlite().await;
    let head = |text: String| text.replacen("share,unit", "share,mode,unit", 1);
    let by = |reference: &str, mode: &str| {
        line(reference, "5", "2027-05-31", "").replace(",union,", &format!(",union,{mode},"))
    };
    let called = |reference: &str, mode: &str| {
        by(reference, mode).replace("Folding,,", "Other,EHPC-AIF-2026PG01-907,")
    };
    let text = table(&[
        &by("A-1", "playground"),
        &called("A-2", "aif_fast_lane"),
        &by("A-3", "aif_large_scale"),
    ]);
    let said = refused(&world, &head(text)).await;
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("line 2, mode: `playground` is no access mode; allowed: "));
    assert!(said[0].contains("aif_playground"), "{said:?}");
    assert!(said[1].starts_with("line 3, mode: "), "{said:?}");
    assert!(
        said[1].ends_with("allowed: nothing, or `aif_playground`"),
        "{said:?}"
    );
    let right = table(&[
        &called("A-2", "aif_playground"),
        &by("A-3", "aif_large_scale"),
    ]);
    super::import(&world, &head(right)).await;
    let other = table(&[&by("A-3", "aif_fast_lane")]);
    let said = refused(&world, &head(other)).await;
    assert!(
        said[0].contains("by `aif_large_scale`, and the line says `aif_fast_lane`"),
        "{said:?}"
    );
}

#[tokio::test]
async fn hours_of_a_state_that_has_none_there_are_refused_as_an_acceptance_refuses_them() {
    let world = World::sqlite().await;
    let of = |reference: &str, system: &str, share: &str| {
        line(reference, "5", "2027-05-31", "")
            .replace("lumi/lumi,union", &format!("{system},{share}"))
    };
    let text = table(&[
        &of("A-1", "lumi/lumi", "national:LU"),
        &of("A-2", "lumi/lumi", "national:FR"),
        // Sweden paid for LUMI, and Finland is where it is established.
        &of("A-3", "lumi/lumi", "national:SE"),
        &of("A-4", "lumi/lumi", "national:FI"),
        &of("A-5", "federation", "national:FI"),
    ]);
    let said = refused(&world, &text).await;
    assert_eq!(said.len(), 3, "{said:#?}");
    assert!(
        said[0].starts_with(
            "line 2, share: `national:LU` has no hours at lumi/lumi; allowed: union, "
        )
    );
    assert!(said[0].contains("national:SE"), "{said:?}");
    assert!(said[1].starts_with("line 3, share: `national:FR` has no hours at lumi/lumi"));
    assert!(
        said[2].starts_with("line 6, system: is `federation`"),
        "{said:?}"
    );
}

#[tokio::test]
async fn hours_that_are_none_are_refused_or_left_out_and_the_least_that_shows_is_taken() {
    let world = World::sqlite().await;
    let of = |hours: &str| table(&[&line("A-1", hours, "2027-05-31", "")]);
    let said = refused(&world, &of("0.00001")).await;
    assert_eq!(
        said,
        ["line 2, hours: 0.00001 GPU-hours are 0.0000 of them; allowed: 0.0001 and more"]
    );
    let none = super::import(&world, &of("0")).await;
    assert!(
        none.remarks[0].ends_with("it grants no hours: left out"),
        "{none:?}"
    );
    assert_eq!(imported(&world.broker().await, "A-1").await, None);
    super::import(&world, &of("0.0001")).await;
    assert!(imported(&world.broker().await, "A-1").await.is_some());
}

#[tokio::test]
async fn a_worth_that_is_no_number_or_of_no_state_or_another_than_was_entered_is_refused() {
    let world = World::sqlite().await;
    let of = |reference: &str, share: &str, worth: &str| {
        line(reference, "5", "2027-05-31", "")
            .replace("union,GPU-hour,5", &format!("{share},GPU-hour,5,{worth}"))
    };
    let head = |lines: &[&str]| table(lines).replacen("unit,hours", "unit,hours,worth_eur", 1);
    let (odd, whose) = (of("A-1", "national:FI", "1.5"), of("A-2", "union", "100"));
    let said = refused(&world, &head(&[&odd, &whose])).await;
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("line 2, worth_eur: `1.5` is no number of EUR"));
    assert!(said[1].starts_with("line 3, worth_eur: says what aid it is, and the hours are no"));
    super::import(&world, &head(&[&of("A-1", "national:FI", "100")])).await;
    let said = refused(&world, &head(&[&of("A-1", "national:FI", "200")])).await;
    assert!(
        said[0].contains("is 100 EUR, and the line says 200"),
        "{said:?}"
    );
}
