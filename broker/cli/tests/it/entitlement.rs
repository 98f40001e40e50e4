//! From an organisation that nobody knows to a project with hours.

use serde_json::Value;

use crate::stage::Stage;

pub(crate) const FOUNDER: &str = "stranger";
pub(crate) const REVIEWER: &str = "lena";

pub(crate) const ORGANISATION: &str = r#"name = "Pleione Labs"
country = "FR"
kind = "company"
startup = true
founded_on = 2024-02-29
size = "small"

[identifiers]
vat = "FR 40 303 265 045"
"#;

pub(crate) const APPLICATION: &str = r#"[project]
name = "Folding"
purpose = "Structures of proteins for vaccines."
sectors = ["health"]
civilian = true

[need]
gpu_hours = 5000
months = 3

[answers]
data_and_licence_statement = "See page 3."
civilian_and_ai_act_plan = "See page 4."
"#;

pub(crate) const EVIDENCE: [&str; 10] = [
    "evidence",
    "add",
    "--kind",
    "ai_act_self_assessment",
    "--issued-on",
    "2026-10-01",
    "--expires-on",
    "2031-09-30",
    "--source",
    "form of 1 October",
];

/// A founder and a reviewer, both signed in.
pub(crate) async fn stage() -> Stage {
    let stage = Stage::open().await;
    let issuer = stage.world.issuer.issuer();
    let grant = format!(
        "[[grants]]\nissuer = \"{issuer}\"\nsubject = \"{REVIEWER}\"\nrole = \"reviewer\"\n"
    );
    let setup = toml::from_str(&grant).unwrap();
    stage.world.broker.import(&setup).await.unwrap();
    stage.sign_in(FOUNDER).await;
    stage.sign_in(REVIEWER).await;
    stage
}

pub(crate) fn id(document: &Value) -> String {
    document["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn registered(stage: &Stage) -> String {
    let file = stage.file("pleione.toml", ORGANISATION);
    id(&stage
        .json(FOUNDER, &["organisation", "register", &file])
        .await)
}

/// Says what it prints of a verb that must succeed.
pub(crate) async fn said(stage: &Stage, person: &str, words: &[&str]) -> String {
    let ran = stage.run(person, words).await;
    assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
    ran.out
}

fn pdf(stage: &Stage, name: &str) -> String {
    stage.file(name, &format!("%PDF-1.7\n{name}\n"))
}

#[tokio::test]
async fn an_organisation_comes_from_its_registration_to_a_project_with_hours() {
    let stage = stage().await;
    let org = registered(&stage).await;
    let routes = stage.run(FOUNDER, &["routes", "--civilian"]).await;
    assert!(routes.out.contains("needs evidence"), "{routes:?}");

    let file = pdf(&stage, "self assessment.pdf");
    let handed_in = [&EVIDENCE[..], &["--file", &file]].concat();
    let handed_in = stage.json(FOUNDER, &handed_in).await;
    let evidence = id(&handed_in);
    let digest = handed_in["files"][0]["sha256"].as_str().unwrap();
    let queue = said(&stage, REVIEWER, &["review"]).await;
    assert!(
        queue.contains(&evidence)
            && queue.contains("1 file ")
            && queue.contains(&format!("Pleione Labs ({org})")),
        "{queue}"
    );
    let got = stage.world.folder.path().join("got.pdf");
    let get = ["evidence", "file", "get", &evidence, "self assessment.pdf"];
    let output = ["--organisation", &org, "-o", got.to_str().unwrap()];
    said(&stage, REVIEWER, &[&get[..], &output].concat()).await;
    assert_eq!(std::fs::read(&got).unwrap(), std::fs::read(&file).unwrap());
    judged(&stage, (&org, &evidence), digest).await;
    let listed = said(&stage, FOUNDER, &["evidence"]).await;
    assert!(
        listed.contains("checked") && listed.contains("self assessment.pdf"),
        "{listed}"
    );

    let file = stage.file("folding.toml", APPLICATION);
    let apply = ["apply", "aif_playground", "meluxina/meluxina", &file];
    let application = id(&stage.json(FOUNDER, &apply).await);
    let shown = said(&stage, FOUNDER, &["applications"]).await;
    assert!(
        shown.contains("submitted") && shown.contains("2026-11-24"),
        "{shown}"
    );
    let show = ["application", "show", &application];
    let shown = said(&stage, REVIEWER, &show).await;
    assert!(shown.contains("AI Act"), "{shown}");
    let queue = said(&stage, REVIEWER, &["review"]).await;
    assert!(
        queue.contains(&application) && !queue.contains(&evidence),
        "{queue}"
    );

    let accept = [
        "review",
        "application",
        &application,
        "--accept",
        "--hours",
        "1250",
        "--from",
        "2026-11-20",
        "--to",
        "2027-02-19",
        "--call-reference",
        "EHPC-AIF-2026PG01-1147",
        "--local-account",
        "meluxina=p200981",
        "--reasons",
        "A sound plan.",
    ];
    let decided = stage.json(REVIEWER, &accept).await;
    assert_eq!(decided["state"]["state"], "accepted");
    let shown = said(&stage, FOUNDER, &["application", "show", &application]).await;
    let project = decided["state"]["project"].as_str().unwrap();
    assert!(
        shown.contains("A sound plan.") && shown.contains(project),
        "{shown}"
    );
    let me = said(&stage, FOUNDER, &["whoami"]).await;
    for part in [
        project,
        "Folding",
        "1250.0000 node-hours",
        "lead of",
        &format!("speaks for {org}"),
    ] {
        assert!(me.contains(part), "{part}: {me}");
    }
}

/// With the file that was looked at, after another was named that is not there.
async fn judged(stage: &Stage, (org, evidence): (&str, &str), digest: &str) {
    let check = [
        "review", "evidence", org, evidence, "--accept", "--words", "signed", "--file",
    ];
    let another = "0".repeat(64);
    let wrong = [&check[..], &[&another]].concat();
    let wrong = stage.run(REVIEWER, &wrong).await;
    assert!(wrong.error.contains(digest), "{wrong:?}");
    let checked = said(stage, REVIEWER, &[&check[..], &[digest]].concat()).await;
    assert!(
        checked.ends_with("ai_act_self_assessment is checked\n"),
        "{checked}"
    );
}

/// An application with checked evidence, by its id and that of what the rules found.
async fn applied(stage: &Stage) -> (String, String) {
    let org = registered(stage).await;
    let evidence = id(&stage.json(FOUNDER, &EVIDENCE).await);
    let check = [
        "review", "evidence", &org, &evidence, "--accept", "--words", "signed",
    ];
    said(stage, REVIEWER, &check).await;
    let file = stage.file("folding.toml", APPLICATION);
    let apply = ["apply", "aif_playground", "meluxina/meluxina", &file];
    let made = stage.json(FOUNDER, &apply).await;
    (id(&made), made["found"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_decision_is_shown_in_words_and_made_again_by_those_it_concerns() {
    let stage = stage().await;
    let (application, found) = applied(&stage).await;
    let shown = said(&stage, FOUNDER, &["application", "show", &application]).await;
    let rule = "effective 2";
    for part in [
        &found[..],
        "[satisfied]",
        "source: ",
        rule,
        "decision replay",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    for person in [FOUNDER, REVIEWER] {
        let shown = said(&stage, person, &["decision", "show", &found]).await;
        for part in [": eligible\n", "policy       sha256:", "[satisfied]", rule] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let again = said(&stage, person, &["decision", "replay", &found]).await;
        assert!(again.contains("the same, byte for byte"), "{again}");
    }
    let again = stage.json(FOUNDER, &["decision", "replay", &found]).await;
    assert_eq!(again["same"], true);
    assert_eq!(
        again["said"]["result"],
        again["document"]["decision"]["result"]
    );
    let french = ["decision", "show", &found, "--language", "fr"];
    let french = said(&stage, FOUNDER, &french).await;
    let english = said(&stage, FOUNDER, &["decision", "show", &found]).await;
    assert_ne!(french, english);
    stage.sign_in("ada").await;
    let foreign = stage.run("ada", &["decision", "show", &found]).await;
    assert_eq!(foreign.code, 1, "{foreign:?}");
    assert!(
        foreign.error.contains("there is no such decision"),
        "{foreign:?}"
    );
}

#[tokio::test]
async fn a_decision_whose_policy_is_not_kept_is_told_by_exit_code_5() {
    let stage = stage().await;
    let (_, found) = applied(&stage).await;
    // Nobody kept the first set, as of a broker that did not do so yet.
    let broker = &stage.world.broker;
    let shipped = broker.policy();
    let other = shipped
        .document()
        .replace("// General-purpose AI", "// General purpose AI");
    let other = policy_engine::Engine::from_document(&other).unwrap();
    assert_ne!(other.digest(), shipped.digest());
    broker.put_policy(other).await.unwrap();
    let again = ["decision", "replay", &found];
    let ran = stage.run(FOUNDER, &again).await;
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.out.contains("its policy is not kept here"), "{ran:?}");
    let shown = said(&stage, FOUNDER, &["decision", "show", &found]).await;
    assert!(shown.contains(": eligible\n"), "{shown}");
}

#[tokio::test]
async fn a_reviewer_records_a_screening_and_gives_hours_that_are_good_anywhere() {
    let stage = stage().await;
    let org = registered(&stage).await;
    let evidence = id(&stage.json(FOUNDER, &EVIDENCE).await);
    let check = [
        "review", "evidence", &org, &evidence, "--accept", "--words", "signed",
    ];
    said(&stage, REVIEWER, &check).await;
    let screening = [
        "review",
        "screening",
        &org,
        "--kind",
        "sanctions_screening",
        "--list",
        "EU list of 19 November 2026",
        "--on",
        "2026-11-20",
        "--clear",
        "--words",
        "nothing found",
        "--key",
        "k1",
    ];
    let recorded = said(&stage, REVIEWER, &screening).await;
    let expected = format!("sanctions_screening of {org} is clear\n");
    assert!(recorded.ends_with(&expected), "{recorded}");
    let again = said(&stage, REVIEWER, &screening).await;
    assert_eq!(again, recorded, "the same key");
    let refused = stage.run(FOUNDER, &screening).await;
    assert_ne!(refused.code, 0, "{refused:?}");
    let file = stage.file("folding.toml", APPLICATION);
    let apply = ["apply", "aif_playground", "meluxina/meluxina", &file];
    let application = id(&stage.json(FOUNDER, &apply).await);
    let accept = |hours: &'static str| {
        let grant = ["--accept", "--federation", "--hours", hours];
        let term = ["--from", "2026-11-20", "--to", "2027-02-19"];
        [&grant[..], &term, &["--reasons", "sound"]].concat()
    };
    let review = ["review", "application", &application];
    let refused = stage
        .run(REVIEWER, &[&review[..], &accept("5001")].concat())
        .await;
    assert!(refused.error.contains("grant.hours"), "{refused:?}");
    let given = stage
        .json(REVIEWER, &[&review[..], &accept("5000")].concat())
        .await;
    assert_eq!(given["state"]["state"], "accepted");
    let me = said(&stage, FOUNDER, &["whoami"]).await;
    assert!(me.contains("5000.0000 GPU-hours"), "{me}");
    let aid = said(&stage, FOUNDER, &["organisation", "aid"]).await;
    assert!(aid.contains("no national hours"), "{aid}");
}

#[tokio::test]
async fn an_organisation_is_registered_by_words_described_anew_and_has_a_size() {
    let stage = stage().await;
    let register = [
        "organisation",
        "register",
        "--name",
        "Pleione",
        "--country",
        "FR",
        "--kind",
        "company",
        "--founded-on",
        "2024-02-29",
        "--key",
        "k1",
    ];
    let org = id(&stage.json(FOUNDER, &register).await);
    assert_eq!(
        id(&stage.json(FOUNDER, &register).await),
        org,
        "the same key"
    );
    let listed = said(&stage, FOUNDER, &["organisations"]).await;
    assert!(
        listed.contains("Pleione") && listed.contains("unclear"),
        "{listed}"
    );
    let file = said(&stage, FOUNDER, &["organisation", "show", "--toml"]).await;
    let file = stage.file("pleione.toml", &format!("size = \"micro\"\n{file}"));
    let after = said(&stage, FOUNDER, &["organisation", "describe", &file]).await;
    assert!(after.starts_with("Pleione is described anew\n"), "{after}");
    let again = said(&stage, FOUNDER, &["organisation", "describe", &org, &file]).await;
    assert!(
        again.starts_with("Pleione is described like this already\n"),
        "{again}"
    );
    let size = said(&stage, FOUNDER, &["organisation", "size"]).await;
    assert!(
        size.starts_with("micro on 2026-11-20\n  declared by the organisation"),
        "{size}"
    );
    let seen = stage.json(REVIEWER, &["organisation", "size", &org]).await;
    assert_eq!(seen["size"], "micro");
}

#[tokio::test]
async fn a_size_is_shown_with_its_reasons_and_figures() {
    let stage = stage().await;
    let facts = "[[size_facts.periods]]\nfirst_day = 2025-01-01\nlast_day = 2025-12-31\n\
                 awu_hundredths = 1250\nturnover_eur = 900000\nbalance_eur = 400000\n";
    let file = ORGANISATION.replace("size = \"small\"\n", "") + facts;
    let file = stage.file("accounts.toml", &file);
    let ran = stage
        .run(FOUNDER, &["organisation", "register", &file])
        .await;
    assert_eq!(ran.code, 0, "{ran:?}");
    let size = said(&stage, FOUNDER, &["organisation", "size"]).await;
    assert!(size.contains("12.50") && size.contains("900000"), "{size}");
}

#[tokio::test]
async fn a_form_is_printed_filled_in_and_handed_in() {
    let stage = stage().await;
    registered(&stage).await;
    let to = ["apply", "aif_playground", "meluxina/meluxina"];
    let form = said(&stage, FOUNDER, &[&to[..], &["--form"]].concat()).await;
    assert!(
        form.contains("# known: organisation.country = FR ("),
        "{form}"
    );
    assert!(!form.contains("CLOSED"), "{form}");
    let closed = ["apply", "aif_fast_lane", "bsc/marenostrum5", "--form"];
    let closed = said(&stage, FOUNDER, &closed).await;
    let told = closed.lines().nth(2).unwrap();
    assert!(
        told.contains("CLOSED") && told.contains("closed for demand"),
        "{closed}"
    );
    let blank = stage.file("blank.toml", &form);
    let ran = stage.run(FOUNDER, &[&to[..], &[&blank]].concat()).await;
    assert_eq!(ran.code, 2, "{ran:?}");
    let line = 1 + form
        .lines()
        .position(|it| it == "gpu_hours = 0 # physical GPU-hours")
        .unwrap();
    let words = format!("line {line}: need.gpu_hours: asks for nothing");
    assert!(ran.error.contains(&words), "{}", ran.error);
    let filled = form
        .replace("= \"\"", "= \"words\"")
        .replace("= 0", "= 3")
        .replace("# civilian = true or false", "civilian = true");
    let filled = stage.file("filled.toml", &filled);
    let ran = stage.run(FOUNDER, &[&to[..], &[&filled]].concat()).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.out.contains("this organisation: needs evidence"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("remedy:"), "{}", ran.out);
}

/// What is left as it was printed declares nothing.
#[tokio::test]
async fn the_form_for_hours_of_a_state_asks_a_company_what_aid_it_had() {
    let stage = stage().await;
    let finnish = ORGANISATION.replace("\"FR\"", "\"FI\"");
    let (finnish, _) = finnish.split_once("[identifiers]").unwrap();
    let file = stage.file("suo.toml", finnish);
    said(&stage, FOUNDER, &["organisation", "register", &file]).await;
    let to = ["apply", "national_lumi", "lumi/lumi"];
    let form = said(&stage, FOUNDER, &[&to[..], &["--form"]].concat()).await;
    let filled = form
        .replace("= \"\"", "= \"words\"")
        .replace("\ngpu_hours = 0", "\ngpu_hours = 3")
        .replace("\nmonths = 0", "\nmonths = 3")
        .replace("# civilian = true or false", "civilian = true");
    let told = async |name: &str, form: &str| {
        let file = stage.file(name, form);
        stage.run(FOUNDER, &[&to[..], &[&file]].concat()).await
    };
    let silent = told("silent.toml", &filled).await;
    assert!(silent.out.contains("(de_minimis.unknown)"), "{silent:?}");
    let received = filled.replace("# received_eur = 0", "received_eur = 0");
    let received = told("received.toml", &received).await;
    assert!(
        received.out.contains("(de_minimis.worth_unknown)"),
        "{received:?}"
    );
    let worth = filled.replace("# worth_eur = 0", "worth_eur = 9");
    let worth = told("worth.toml", &worth).await;
    assert_eq!(worth.code, 2, "{worth:?}");
    assert!(
        worth.error.contains("aid.received_eur is missing"),
        "{}",
        worth.error
    );
}

#[tokio::test]
async fn what_is_refused_or_withdrawn_says_so_to_its_organisation() {
    let stage = stage().await;
    let org = registered(&stage).await;
    let first = id(&stage.json(FOUNDER, &EVIDENCE).await);
    let refuse = [
        "review",
        "evidence",
        &org,
        &first,
        "--refuse",
        "--words",
        "not signed",
    ];
    said(&stage, REVIEWER, &refuse).await;
    let second = id(&stage.json(FOUNDER, &EVIDENCE).await);
    let gone = said(&stage, FOUNDER, &["evidence", "withdraw", &second]).await;
    assert!(gone.ends_with("without a file; withdrawn\n"), "{gone}");
    let listed = said(&stage, FOUNDER, &["evidence", &org]).await;
    assert!(listed.contains("refused: not signed"), "{listed}");
    let third = id(&stage.json(FOUNDER, &EVIDENCE).await);
    let accept = [
        "review", "evidence", &org, &third, "--accept", "--words", "signed",
    ];
    said(&stage, REVIEWER, &accept).await;

    let file = stage.file("folding.toml", APPLICATION);
    let apply = ["apply", "aif_playground", "meluxina/meluxina", &file];
    let first = id(&stage.json(FOUNDER, &apply).await);
    let twice = stage.run(FOUNDER, &apply).await;
    assert!(twice.code == 1 && twice.error.contains(&first), "{twice:?}");
    let gone = said(&stage, FOUNDER, &["application", "withdraw", &first]).await;
    assert!(gone.starts_with(&format!("{first}: withdrawn\n")), "{gone}");
    let second = id(&stage.json(FOUNDER, &apply).await);
    let reject = [
        "review",
        "application",
        &second,
        "--reject",
        "--reasons",
        "No checkpoints.",
    ];
    said(&stage, REVIEWER, &reject).await;
    let shown = said(&stage, FOUNDER, &["application", "show", &second]).await;
    assert!(
        shown.contains("rejected") && shown.contains("No checkpoints."),
        "{shown}"
    );
    let late = stage.run(REVIEWER, &reject).await;
    assert!(
        late.code == 1 && late.error.contains("it was rejected at"),
        "{late:?}"
    );
    let empty = said(&stage, REVIEWER, &["review"]).await;
    assert_eq!(empty.lines().count(), 1, "{empty}");
}
