//! The access modes and the clocks that they run by: what is shipped, and what is refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod folder;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use policy_engine::{AccessMode, ApplicantKind, Confidence, Engine, OfferState};

use crate::folder::Folder;

const LANE: &str = "modes/aif_fast_lane.toml";
const LARGE: &str = "modes/aif_large_scale.toml";
const HOLIDAYS: &str = "tables/holidays.toml";

fn mode<'e>(engine: &'e Engine, id: &str) -> &'e AccessMode {
    engine.modes().iter().find(|mode| mode.id == id).unwrap()
}

#[test]
fn the_four_modes_of_the_factories_and_the_older_ones_of_eurohpc_are_shipped() {
    let engine = Engine::shipped().unwrap();
    let of = |family: &str| {
        let modes = engine.modes().iter().filter(|mode| mode.family == family);
        modes.map(|mode| mode.id.as_str()).collect::<Vec<_>>()
    };
    let factories = [
        "aif_ai_for_science",
        "aif_fast_lane",
        "aif_large_scale",
        "aif_playground",
    ];
    assert_eq!(of("ai_factory"), factories);
    let older = [
        "ehpc_ai_data_intensive",
        "ehpc_benchmark",
        "ehpc_development",
        "ehpc_extreme_scale",
        "ehpc_fast_track_academia",
        "ehpc_fast_track_industry",
        "ehpc_regular",
        "ehpc_strategic",
        "ehpc_urgent",
    ];
    assert_eq!(of("eurohpc"), older);
    assert_eq!(
        of("local"),
        ["it4lia_packages", "lxp_cashback80", "lxp_initiate"]
    );
    let national = of("national");
    for system in [
        "marenostrum5",
        "leonardo",
        "lumi",
        "meluxina",
        "arrhenius",
        "hunter",
        "daedalus",
    ] {
        let mode = format!("national_{system}");
        assert!(national.contains(&mode.as_str()), "{mode} of {national:?}");
    }
    let commercial = [
        "pay_per_use_bsc",
        "pay_per_use_cineca",
        "pay_per_use_lumi",
        "pay_per_use_meluxina",
    ];
    assert_eq!(of("commercial"), commercial);
}

#[test]
fn a_national_share_is_for_its_states_and_a_commercial_one_is_free_for_nobody() {
    let engine = Engine::shipped().unwrap();
    for mode in engine.modes() {
        let share = mode.share.as_ref().map(|it| it.value.as_str());
        assert_eq!(
            share == Some("national"),
            mode.countries.is_some(),
            "{}",
            mode.id
        );
        assert_eq!(
            share == Some("national"),
            mode.family == "national",
            "{}",
            mode.id
        );
        if mode.family == "commercial" {
            assert_eq!(share, Some("commercial"), "{}", mode.id);
            assert!(mode.free_for.value.is_empty(), "{}", mode.id);
        }
    }
}

/// The names of systems are those of `config/sites`: a mode of a system that nobody runs is a slip of the pen.
#[test]
fn every_system_that_a_mode_names_is_one_of_a_site() {
    #[derive(serde::Deserialize)]
    struct Named {
        id: String,
        #[serde(default)]
        system: Vec<Named>,
    }
    let sites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/sites");
    let mut systems = BTreeSet::new();
    for file in fs::read_dir(sites).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let site: Named = toml::from_str(&text).unwrap();
        systems.extend(
            site.system
                .iter()
                .map(|it| format!("{}/{}", site.id, it.id)),
        );
    }
    let engine = Engine::shipped().unwrap();
    for mode in engine.modes() {
        assert!(!mode.offers.is_empty(), "{}", mode.id);
        for offer in &mode.offers {
            let system = &offer.value.system;
            assert!(systems.contains(system), "{}: {system}", mode.id);
            let site = mode.site.as_ref();
            let is_there = site.is_none_or(|site| system.starts_with(&format!("{site}/")));
            assert!(is_there, "{}: {system}", mode.id);
        }
    }
}

#[test]
fn every_value_says_where_it_comes_from_and_every_title_is_there_in_both_languages() {
    let engine = Engine::shipped().unwrap();
    for mode in engine.modes() {
        let id = &mode.id;
        assert!(
            ["en", "fr"].iter().all(|it| mode.title.contains_key(*it)),
            "{id}"
        );
        let json = serde_json::to_value(mode).unwrap();
        let all = json.as_object().unwrap().values();
        let lists = all.clone().filter_map(|it| it.as_array()).flatten();
        let marked = all.filter(|it| it.get("value").is_some()).chain(lists);
        let marks: Vec<_> = marked
            .map(|it| it["source"].as_str().unwrap_or_default())
            .collect();
        assert!(
            marks.len() >= 5 && marks.iter().all(|it| !it.is_empty()),
            "{id}: {marks:?}"
        );
    }
}

/// Nobody has read on the JU's pages that a system is open for a mode today.
#[test]
fn what_was_not_read_is_not_called_certain() {
    let engine = Engine::shipped().unwrap();
    for mode in engine.modes() {
        let mut offers = mode.offers.iter();
        assert!(
            offers.all(|it| it.confidence == Confidence::Uncertain),
            "{}",
            mode.id
        );
    }
}

#[test]
fn a_mode_is_closed_at_one_system_and_open_at_another() {
    let engine = Engine::shipped().unwrap();
    let lane = mode(&engine, "aif_fast_lane");
    let on = "2026-11-22".parse().unwrap();
    let offers = lane.offers_on(on);
    let states: Vec<_> = { offers.iter() }
        .map(|it| (it.value.system.as_str(), it.value.state))
        .collect();
    assert!(
        states.contains(&("bsc/marenostrum5", OfferState::Closed)),
        "{states:?}"
    );
    assert!(
        states.contains(&("cineca/leonardo", OfferState::Open)),
        "{states:?}"
    );
    assert!(lane.free_for.value.contains(&ApplicantKind::Startup));
    assert!(!lane.free_for.value.contains(&ApplicantKind::Industry));
}

#[test]
fn a_row_that_begins_later_takes_over_on_its_day() {
    let reopened = "\n[[offer]]\nvalue = { system = \"bsc/marenostrum5\", state = \"open\", since = \"2026-12-01\" }\n\
                    source = \"x\"\nconfidence = \"certain\"\nchecked_on = \"2026-11-22\"\n\n[[document]]";
    let engine = Folder::new()
        .edit(LANE, "\n[[document]]", reopened)
        .load()
        .unwrap();
    let lane = mode(&engine, "aif_fast_lane");
    let state = |on: &str| {
        let offers = lane.offers_on(on.parse().unwrap());
        let mut found = offers
            .iter()
            .filter(|it| it.value.system == "bsc/marenostrum5");
        let state = found.next().unwrap().value.state;
        assert!(found.next().is_none(), "a system stands once");
        state
    };
    assert_eq!(state("2026-11-30"), OfferState::Closed);
    assert_eq!(state("2026-12-01"), OfferState::Open);
}

#[test]
fn an_application_to_the_playground_is_decided_within_two_working_days() {
    let engine = Engine::shipped().unwrap();
    let clock = mode(&engine, "aif_playground")
        .decision
        .as_ref()
        .unwrap()
        .value;
    let due = engine.due(clock, "2026-11-20".parse().unwrap()).unwrap();
    assert_eq!(due.on.to_string(), "2026-11-24");
    let science = mode(&engine, "aif_ai_for_science")
        .decision
        .as_ref()
        .unwrap()
        .value;
    let due = engine.due(science, "2026-12-11".parse().unwrap()).unwrap();
    assert_eq!(due.on.to_string(), "2027-01-11");
}

#[test]
fn a_mode_that_contradicts_itself_is_refused_with_its_file() {
    let complaint = |from: &str, to: &str| Folder::new().edit(LANE, from, to).complaint();
    let words = complaint("id = \"aif_fast_lane\"", "id = \"fast\"");
    assert!(
        words.starts_with("modes/aif_fast_lane.toml: its id is `fast`"),
        "{words}"
    );
    let words = complaint("value = [\"startup\", \"sme\"]", "value = [\"research\"]");
    assert!(words.contains("it is free for Research"), "{words}");
    let words = complaint("most = 50000", "least = 2, most = 1");
    assert!(words.contains("GPU-hours"), "{words}");
    let words = complaint("most = 50000", "mots = 50000");
    assert!(
        words.contains("modes/aif_fast_lane.toml:") && words.contains("mots"),
        "{words}"
    );
    let words = complaint("working_days = 4", "working_days = 4, calendar_days = 4");
    assert!(
        words.contains("either `working_days` or `calendar_days`"),
        "{words}"
    );
    let words = complaint("\"lumi/lumi\"", "\"lumi\"");
    assert!(words.contains("`lumi` is no system"), "{words}");
    let limited = |codes: &str| {
        let row = format!(
            "[countries]\nvalue = {codes}\nsource = \"x\"\nconfidence = \"certain\"\nchecked_on = \"2026-11-22\"\n\n[applicants]"
        );
        complaint("[applicants]", &row)
    };
    let words = limited("[\"FR\", \"EL\"]");
    assert!(
        words.contains("`EL` is no code of tables/countries.toml"),
        "{words}"
    );
    assert!(limited("[]").contains("for no country at all"));
    let words = complaint("en = \"AI", "de = \"AI");
    assert!(words.contains("English"), "{words}");
    let twice = Folder::new().edit(
        LARGE,
        "\"2026-01-30\", \"2026-02-16\"",
        "\"2026-02-16\", \"2026-01-30\"",
    );
    assert!(twice.complaint().contains("cut-offs"));
    let elsewhere = complaint("system = \"lumi/lumi\" }", "system = \"lumi/lumi-g\" }");
    assert!(elsewhere.contains("where it gives no hours"), "{elsewhere}");
    let both = complaint(
        "days_after_end = 90",
        "days_after_end = 90, months_after_end = 3",
    );
    assert!(both.contains("takes either `months_after_end`"), "{both}");
}

#[test]
fn a_mode_whose_numbers_leave_nothing_or_everything_open_is_refused() {
    let complaint = |was: &str, is: &str| {
        let folder = Folder::new().edit("modes/aif_fast_lane.toml", was, is);
        folder.complaint()
    };
    for months in ["[]", "[0]", "[1, 2, 2]", "[3, 2]", "[121]"] {
        let said = complaint("value = [1, 2, 3]", &format!("value = {months}"));
        assert!(
            said.contains("its `durations_months` are from 1 to 120"),
            "{said}"
        );
    }
    let said = complaint("most = 50000", "most = 0");
    assert!(said.contains("its GPU-hours are none"), "{said}");
    for days in [0, 367] {
        let said = complaint("working_days = 4", &format!("working_days = {days}"));
        assert!(
            said.contains("its decision takes from 1 to 366 days"),
            "{said}"
        );
    }
}

#[test]
fn a_holiday_that_is_none_is_refused_with_its_line() {
    let complaint = |to: &str| {
        Folder::new()
            .edit(HOLIDAYS, "\"2026-11-11\"", to)
            .complaint()
    };
    assert!(complaint("\"2026-11-15\"").contains("Saturday or a Sunday"));
    assert!(complaint("\"2026-11-02\"").contains("stands twice"));
    assert!(complaint("\"2028-11-14\"").contains("outside"));
    let words = complaint("\"2026-11-15\"");
    assert!(words.starts_with("tables/holidays.toml:"), "{words}");
}
