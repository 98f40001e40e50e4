use broker_model::{AllocationScope, EntryKind, FundingShare, UnitMillis};

use super::{import, imported, line, table};
use crate::books::Books;
use crate::world::World;

#[tokio::test]
async fn a_line_makes_organisation_project_and_allocation_and_a_second_joins_them() {
    for world in World::each().await {
        let broker = world.broker().await;
        let text = table(&[
            &line("A-1", "1500.25", "2027-05-31", "lumi=project_1"),
            &line("A-2", "10", "2027-05-31", ""),
        ]);
        let report = import(&world, &text).await;
        assert_eq!(report.changes.len(), 4, "{report:?}");
        assert!(report.changes[0].starts_with("organisation Pleione Oy (FI) is org_"));
        assert!(report.changes[1].starts_with("project Folding is prj_"));
        assert!(
            report.changes[2].ends_with(": 1500.2500 hours"),
            "{report:?}"
        );
        assert!(report.remarks.is_empty());

        let first = imported(&broker, "A-1").await.unwrap();
        let second = imported(&broker, "A-2").await.unwrap();
        assert_eq!(first.project, second.project);
        assert_eq!(first.balance.granted, UnitMillis(5_400_900_000));
        assert_eq!(first.share, FundingShare::Union);
        assert_eq!(first.local_accounts[&"lumi".parse().unwrap()], "project_1");
        let lumi = AllocationScope::System {
            site: "lumi".parse().unwrap(),
            system: "lumi".parse().unwrap(),
        };
        assert_eq!(first.scope, lumi);
        // In Brussels: the day after the last begins at 22:00 UTC in summer.
        assert_eq!(first.valid_until.to_string(), "2027-05-31T22:00:00Z");
        assert_eq!(first.valid_from.to_string(), "2026-10-31T23:00:00Z");
        let project = broker
            .store()
            .find_project(first.project)
            .await
            .unwrap()
            .unwrap();
        let organisation = broker.store().find_organisation(project.organisation).await;
        assert_eq!(organisation.unwrap().unwrap().country, "FI");
    }
}

#[tokio::test]
async fn the_ledger_has_each_new_thing_with_its_source_and_no_names() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let before = broker.store().ledger_size().await.unwrap();
    let before = usize::try_from(before).unwrap();
    import(
        &world,
        &table(&[&line("A-1", "5", "2027-05-31", "lumi=project_1")]),
    )
    .await;
    let entries = Books::read(&broker).await.entries;
    let kinds: Vec<EntryKind> = entries[before..].iter().map(|it| it.kind).collect();
    let made = [
        EntryKind::OrganisationRegistered,
        EntryKind::ProjectCreated,
        EntryKind::AllocationGranted,
        EntryKind::FollowUpOpened,
    ];
    assert_eq!(kinds, made);
    for entry in &entries[before..] {
        assert_eq!(entry.data["source"], "csv");
        let text = serde_json::to_string(entry).unwrap();
        for name in ["Pleione", "Folding", "project_1", "A-1"] {
            assert!(!text.contains(name), "{text}");
        }
    }
    assert_eq!(entries[before + 2].data["granted_unit_ms"], 18_000_000);
}

#[tokio::test]
async fn importing_again_changes_nothing() {
    for world in World::each().await {
        let broker = world.broker().await;
        let text = table(&[
            &line("A-1", "1500.25", "2027-05-31", "lumi=project_1"),
            "A-2,Acme,FR,vat:FR40303265045,Other,EHPC-AIF-2026PG01-907,federation,union,GPU-hour,7,2026-11-01T00:00:00Z,2027-01-01T00:00:00Z,,no",
        ]);
        import(&world, &text).await;
        let size = broker.store().ledger_size().await.unwrap();
        for _ in 0..2 {
            let again = import(&world, &text).await;
            assert_eq!(again, broker_app::imports::ImportReport::default());
        }
        assert_eq!(broker.store().ledger_size().await.unwrap(), size);
    }
}

#[tokio::test]
async fn a_project_and_an_organisation_that_are_here_are_found_and_not_made_again() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let project = broker_app::setup::project_id("sample");
    let ours = broker_app::setup::organisation_id("startup");
    let text = table(&[
        &format!("B-1,,,{ours},Sample,,federation,union,GPU-hour,5,2026-11-01,2027-01-01,,"),
        &format!("B-2,,,{ours},{project},,federation,union,GPU-hour,5,2026-11-01,2027-01-01,,"),
    ]);
    let report = import(&world, &text).await;
    assert_eq!(report.changes.len(), 2, "{report:?}");
    for reference in ["B-1", "B-2"] {
        assert_eq!(imported(&broker, reference).await.unwrap().project, project);
    }
}

#[tokio::test]
async fn hundreds_of_lines_are_one_change() {
    let world = World::sqlite().await;
    let lines: Vec<String> = (0..400)
        .map(|n| line(&format!("A-{n}"), "1", "2027-05-31", ""))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(import(&world, &table(&lines)).await.changes.len(), 402);
    let fewer = import(&world, &table(&lines[..390])).await;
    assert_eq!((fewer.changes.len(), fewer.remarks.len()), (0, 10));
}

#[tokio::test]
async fn a_line_whose_term_was_over_before_it_was_ever_imported_is_taken_and_owes_what_is_to_come()
{
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let of = |reference: &str, from: &str, to: &str, call: &str| {
        format!(
            "{reference},Pleione Oy,FI,ext:pleione,Folding {reference},{call},federation,union,GPU-hour,5,{from},{to},,"
        )
    };
    let called = |n: u32| format!("EHPC-AIF-2025PG01-{n}");
    let text = table(&[
        &of("A-1", "2025-01-01", "2025-12-31", ""),
        &of("A-2", "2026-05-01", "2026-10-31", ""),
        &of("A-3", "2025-01-01", "2025-12-31", &called(801)),
        &of("A-4", "2026-05-01", "2026-10-31", &called(802)),
    ]);
    let report = import(&world, &text).await;
    assert!(report.remarks[0].starts_with("line 2 (A-1): its term ended at 2025-12-31T23:00:00Z"));
    let entries = Books::read(&broker).await.entries;
    for (reference, owes) in [("A-1", false), ("A-2", true), ("A-3", false), ("A-4", true)] {
        let one = imported(&broker, reference).await.unwrap();
        assert!(one.valid_until < world.now() && !one.suspended);
        let is_report = |it: &&broker_model::EntryBody| {
            it.kind == EntryKind::FollowUpOpened
                && it.allocation == Some(one.id)
                && it.data["follow_up_kind"] == "final_report"
        };
        let days: Vec<_> = entries
            .iter()
            .filter(is_report)
            .map(|it| &it.data["due_on"])
            .collect();
        // What fell due before the platform knew of the hours would stand in the way of the next application.
        let expected = if owes { vec!["2027-01-31"] } else { vec![] };
        assert_eq!(days, expected, "{reference}");
    }
    let again = import(&world, &text).await;
    assert_eq!(again, broker_app::imports::ImportReport::default());
}

/// What each follow-up that was opened for it is, and its last day.
async fn opened_for(broker: &broker_app::Broker, reference: &str) -> Vec<(String, String)> {
    let of = imported(broker, reference).await.unwrap().id;
    let is_it = |it: &broker_model::EntryBody| {
        it.kind == EntryKind::FollowUpOpened && it.allocation == Some(of)
    };
    let text = |it: &broker_model::EntryBody, field: &str| {
        it.data
            .get(field)
            .map_or("", |it| it.as_str().unwrap())
            .to_owned()
    };
    let entries = Books::read(broker).await.entries;
    { entries.iter().filter(|it| is_it(it)) }
        .map(|it| (text(it, "follow_up_kind"), text(it, "due_on")))
        .collect()
}

#[tokio::test]
async fn a_term_that_was_over_and_goes_on_again_owes_its_report_and_holds_its_account() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let of = |reference: &str, who: &str, to: &str| {
        format!(
            "{reference},{who},FI,ext:{who},Folding,,lumi/lumi,union,GPU-hour,5,2025-01-01,{to},lumi=project_1,"
        )
    };
    import(&world, &table(&[&of("A-1", "Pleione", "2025-12-31")])).await;
    assert_eq!(opened_for(&broker, "A-1").await, []);
    let extended = of("A-1", "Pleione", "2027-12-31");
    for _ in 0..2 {
        import(&world, &table(&[&extended])).await;
        let report = ("final_report".to_owned(), "2028-03-31".to_owned());
        assert_eq!(opened_for(&broker, "A-1").await, [report]);
    }
    // Another's allocation of before had the same account, and would run beside the first now.
    import(&world, &table(&[&of("A-2", "Merope", "2025-12-31")])).await;
    let told = super::refused(&world, &table(&[&of("A-2", "Merope", "2027-12-31")])).await;
    assert!(told[0].starts_with("line 2, local_accounts"), "{told:?}");
}

#[tokio::test]
async fn a_mode_that_is_known_later_is_asked_for_what_is_not_owed_yet() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    import(&world, &of_modes(&[by_mode("A-1", "")])).await;
    let before = opened_for(&broker, "A-1").await;
    assert_eq!(before.len(), 1, "{before:?}");
    for _ in 0..2 {
        import(&world, &of_modes(&[by_mode("A-1", "aif_large_scale")])).await;
        let after = opened_for(&broker, "A-1").await;
        let kinds: Vec<&str> = after.iter().map(|(kind, _)| kind.as_str()).collect();
        let expected = [
            "final_report",
            "acknowledgement",
            "outcome_survey",
            "outcome_survey",
            "data_retrieval",
        ];
        assert_eq!(kinds, expected);
    }
}

#[tokio::test]
async fn a_line_that_names_its_project_is_that_projects_whatever_another_line_says() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    import(&world, &table(&[&line("A-1", "5", "2027-05-31", "")])).await;
    let first = imported(&broker, "A-1").await.unwrap().project;
    let called = |reference: &str, project: &str| {
        line(reference, "5", "2027-05-31", "").replace("Folding,,", &format!("{project},EHPC-1,"))
    };
    let lines = [called("A-2", "Weather"), called("A-3", &first.to_string())];
    import(&world, &table(&[&lines[0], &lines[1]])).await;
    let other = imported(&broker, "A-2").await.unwrap().project;
    assert_ne!(other, first);
    assert_eq!(imported(&broker, "A-3").await.unwrap().project, first);
}

#[tokio::test]
async fn an_allocation_of_a_known_call_owes_what_its_mode_asks_for() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let of_call = |reference: &str, call: &str| {
        line(reference, "10", "2027-02-22", "lumi=project_1")
            .replace(",Folding,,", &format!(",Folding {reference},{call},"))
    };
    let text = table(&[
        &of_call("A-1", "EHPC-AIF-2026PG01-907"),
        &of_call("A-2", "LOCAL-7"),
    ]);
    let dry = super::import_of(&broker, &text, true).await.unwrap();
    let report = import(&world, &text).await;
    assert_eq!(dry.changes, report.changes);
    let known = imported(&broker, "A-1").await.unwrap();
    assert_eq!(known.mode.as_deref(), Some("aif_playground"));
    assert!(known.account_named_at.is_some());
    assert_eq!(imported(&broker, "A-2").await.unwrap().mode, None);
    let opened = Books::read(&broker).await.entries;
    let opened: Vec<_> = { opened.into_iter() }
        .filter(|it| it.kind == EntryKind::FollowUpOpened)
        .collect();
    let (opened, others): (Vec<_>, Vec<_>) =
        { opened.into_iter() }.partition(|it| it.allocation == Some(known.id));
    assert_eq!(
        opened.len(),
        5,
        "LUMI keeps data for a time, too: {opened:?}"
    );
    let was_imported = |it: &&broker_model::EntryBody| it.data.contains_key("source");
    let others: Vec<_> = others.iter().filter(was_imported).collect();
    let [unknown] = &others[..] else {
        panic!("by a mode that nobody knows a report is owed, and no more: {others:?}");
    };
    assert_eq!(unknown.data["follow_up_kind"], "final_report");
    assert_eq!(unknown.data["due_on"], "2027-05-22");
    let days: Vec<_> = opened
        .iter()
        .filter_map(|it| it.data.get("due_on"))
        .collect();
    assert!(days.contains(&&serde_json::json!("2027-05-22")), "{days:?}");
    let again = import(&world, &text).await;
    assert!(again.changes.is_empty(), "{again:?}");
}

/// The table with a column for the mode, of lines that say it between share and unit.
fn of_modes(lines: &[String]) -> String {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    table(&lines).replacen("share,unit", "share,mode,unit", 1)
}

fn by_mode(reference: &str, mode: &str) -> String {
    line(reference, "10", "2027-05-31", "").replace(",union,", &format!(",union,{mode},"))
}

#[tokio::test]
async fn a_mode_that_the_line_says_is_kept_entered_and_asked_for_what_it_asks_for() {
    for world in World::each().await {
        let broker = world.broker().await;
        let text = of_modes(&[by_mode("A-1", "aif_large_scale"), by_mode("A-2", "")]);
        import(&world, &text).await;
        let first = imported(&broker, "A-1").await.unwrap();
        assert_eq!(first.mode.as_deref(), Some("aif_large_scale"));
        let second = imported(&broker, "A-2").await.unwrap();
        assert_eq!(second.mode, None);
        let entries = Books::read(&broker).await.entries;
        let granted = |of| {
            let is_it = |it: &&broker_model::EntryBody| {
                it.kind == EntryKind::AllocationGranted && it.allocation == Some(of)
            };
            entries.iter().find(is_it).unwrap().data.clone()
        };
        assert_eq!(granted(first.id)["mode"], "aif_large_scale");
        assert_eq!(granted(first.id)["share"], "union");
        assert_eq!(granted(second.id).get("mode"), None);
        let again = import(&world, &text).await;
        assert_eq!(again, broker_app::imports::ImportReport::default());

        let text = of_modes(&[by_mode("A-1", ""), by_mode("A-2", "aif_fast_lane")]);
        let told = import(&world, &text).await.changes;
        assert_eq!(told, ["allocation A-2: mode unknown became aif_fast_lane"]);
        let second = imported(&broker, "A-2").await.unwrap();
        assert_eq!(second.mode.as_deref(), Some("aif_fast_lane"));
        let first = imported(&broker, "A-1").await.unwrap();
        assert_eq!(first.mode.as_deref(), Some("aif_large_scale"));
    }
}

#[tokio::test]
async fn what_hours_of_a_state_are_worth_is_in_the_register_once_and_what_nobody_says_is_told() {
    for world in World::each().await {
        let broker = world.broker().await;
        let head = |lines: &[&str]| table(lines).replacen("unit,hours", "unit,hours,worth_eur", 1);
        let of = |reference: &str, worth: &str| {
            line(reference, "10", "2027-05-31", "").replace(
                ",union,GPU-hour,10,",
                &format!(",national:FI,GPU-hour,10,{worth},"),
            )
        };
        let text = head(&[&of("A-1", "12000"), &of("A-2", "")]);
        let dry = super::import_of(&broker, &text, true).await.unwrap();
        let report = import(&world, &text).await;
        assert_eq!(dry, report);
        let told = "allocation A-1: 12000 EUR of de minimis aid of FI".to_owned();
        assert!(report.changes.contains(&told), "{report:?}");
        assert_eq!(report.remarks.len(), 1, "{report:?}");
        assert!(
            report.remarks[0].contains("(A-2)") && report.remarks[0].contains("no `worth_eur`")
        );
        let first = imported(&broker, "A-1").await.unwrap();
        let project = broker.store().find_project(first.project).await;
        let of_whom = project.unwrap().unwrap().organisation;
        let register = async || {
            let found = broker.store().dossiers_of(of_whom, "aid").await.unwrap();
            let all = found
                .iter()
                .map(|it| serde_json::from_str(&it.document).unwrap());
            all.collect::<Vec<broker_model::AidRecord>>()
        };
        let all = register().await;
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].worth_eur, &*all[0].state), (12000, "FI"));
        assert_eq!((all[0].allocation, all[0].application), (first.id, None));
        assert_eq!(all[0].granted_on.to_string(), "2026-11-01");
        let again = import(&world, &text).await;
        assert_eq!(again, broker_app::imports::ImportReport::default());
        let late = import(&world, &head(&[&of("A-1", "12000"), &of("A-2", "500")])).await;
        assert_eq!(
            late.changes,
            ["allocation A-2: 500 EUR of de minimis aid of FI"]
        );
        assert_eq!(register().await.len(), 2);
        let entries = Books::read(&broker).await;
        assert_eq!(entries.count(EntryKind::AidRecorded), 2);
    }
}
