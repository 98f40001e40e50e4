//! What the policy says, in the language of who reads.

use broker_portal::Catalogues;
use policy_engine::{Engine, TitleKind};

use crate::applications::{answers, applied};
use crate::browser::Browser;
use crate::house::{ENGINEER, FOUNDER, Ground, House, REVIEWER};
use crate::organisations::{contains_all, registered};
use crate::reviews::checked;

const NEW: &str = "/applications/new";
const ASKED: &str = "/routes?ask=1&organisation=&country=fr&kind=company&size=small&startup=yes\
    &need.gpu_hours=5000&need.months=3&project.civilian=yes";
const SOCIAL_SCORING: &str = "project.ai_act.prohibited.social_scoring";

/// A founder whose organisation may apply, and the address of their form.
async fn applicant(house: &House) -> (Browser, String, String) {
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    checked(house, &mut founder, &organisation).await;
    let id = organisation.rsplit('/').next().unwrap();
    let form = format!("{NEW}?organisation={id}&mode=aif_playground&system=meluxina/meluxina");
    (founder, organisation, form)
}

fn lacks_all(page: &crate::browser::Shown, unexpected: &[&str]) {
    for words in unexpected {
        assert!(!page.text.contains(words), "{words}: {}", page.text);
    }
}

#[tokio::test]
async fn routes_are_said_in_french_rule_by_rule() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    browser.language = "fr";
    let page = browser.get(ASKED).await;
    let expected = [
        "Accès Playground aux fabriques",
        "<span class=\"badge good\">ouvert",
        "Plan d&#39;usage civil et de conformité",
        "Rapport final, 3 mois après la fin",
        "paiement à l&#39;usage",
        "une preuve vérifiée par un évaluateur : Label d&#39;excellence",
        "<th scope=\"row\" lang=\"fr\">",
    ];
    contains_all(&page, &expected);
    lacks_all(&page, &["<th scope=\"row\" lang=\"en\">", "Final report"]);
}

#[tokio::test]
async fn a_language_of_the_operators_is_a_file_and_browsers_ask_for_it_as_for_ours() {
    let german = "[nav]\nhome = \"Projekte\"\nsign_in = \"Anmelden\"\n\
                  [error.not_found]\ntitle = \"Keine solche Seite\"";
    let ground = Ground {
        texts: Some(Catalogues::with_files(&[("de.toml", german)]).unwrap()),
        ..Ground::default()
    };
    let house = House::build_on(ground).await;
    let mut browser = house.browser();
    browser.language = "de-LU, fr;q=0.8";
    let page = browser.get("/").await;
    contains_all(
        &page,
        &["<html lang=\"de\">", "Anmelden", "Skip to the content"],
    );
    assert_eq!(page.headers["content-language"], "de");
    let page = browser.get("/nowhere").await;
    assert_eq!(page.status, 404);
    contains_all(&page, &["<html lang=\"de\">", "Keine solche Seite"]);
    let mut engineer = house.signed_in(ENGINEER).await;
    engineer.language = "de";
    contains_all(&engineer.get("/").await, &[">Projekte</a>"]);
    engineer.language = "fr, de;q=0.5";
    contains_all(
        &engineer.get("/").await,
        &["<html lang=\"fr\">", ">Projets</a>"],
    );
}

#[tokio::test]
async fn a_prohibited_practice_shows_in_the_routes() {
    let house = House::build().await;
    let mut browser = house.signed_in(ENGINEER).await;
    browser.language = "fr";
    let page = browser.get(&format!("{ASKED}&{SOCIAL_SCORING}=yes")).await;
    let ticked = format!("name=\"{SOCIAL_SCORING}\" value=\"yes\" checked");
    contains_all(&page, &["Pratique interdite déclarée", &ticked]);
    lacks_all(&page, &["badge good\">Oui"]);
    let bad = format!("{ASKED}&project.ai_act.training_exaflop=much");
    let page = browser.get(&bad).await;
    assert_eq!(page.status, 400, "{}", page.text);
    contains_all(&page, &["id=\"wrong-project.ai_act.training_exaflop\""]);
}

#[tokio::test]
async fn an_application_with_a_prohibited_practice_is_refused_in_french() {
    let house = House::build().await;
    let (mut founder, _, form) = applicant(&house).await;
    founder.language = "fr";
    let form = founder.get(&form).await;
    contains_all(&form, &["Notation sociale", "Biométrie"]);
    let mut fields = answers();
    fields.push((SOCIAL_SCORING, "yes"));
    let refused = founder.submit(&form, NEW, &fields).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let expected = [
        "<th scope=\"row\" lang=\"fr\">Pratique interdite déclarée",
        "une pratique interdite par le règlement sur l&#39;IA : Notation sociale",
        "Retirez cette pratique du projet",
    ];
    contains_all(&refused, &expected);
    lacks_all(&refused, &["<th scope=\"row\" lang=\"en\">"]);
}

#[tokio::test]
async fn what_the_act_does_not_know_is_told_at_its_list() {
    let house = House::build().await;
    let (mut founder, _, form) = applicant(&house).await;
    let form = founder.get(&form).await;
    let mut fields = answers();
    fields.push(("project.ai_act.prohibited.mind_reading", "yes"));
    fields.push(("project.ai_act.high_risk.moon", "yes"));
    let wrong = founder.submit(&form, NEW, &fields).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    for field in ["prohibited", "high_risk"] {
        let at = format!("id=\"wrong-project.ai_act.{field}\"");
        contains_all(&wrong, &[&at]);
    }
}

#[tokio::test]
async fn reviewers_read_the_self_assessment_and_the_rules_in_their_language() {
    let house = House::build().await;
    let (mut founder, _, form) = applicant(&house).await;
    let form = founder.get(&form).await;
    let mut fields = answers();
    fields.extend([
        ("project.ai_act.assessed", "yes"),
        ("project.ai_act.exclusions.research_only", "yes"),
        ("project.ai_act.gpai", "no"),
        ("project.ai_act.training_exaflop", "12000"),
    ]);
    let sent = founder.submit(&form, NEW, &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let path = sent.location().unwrap().path().to_owned();
    let mut reviewer = house.signed_in(REVIEWER).await;
    reviewer.language = "fr";
    let review = path.replace("/applications/", "/reviews/applications/");
    let page = reviewer.get(&review).await;
    let expected = [
        "Développé uniquement à des fins de recherche scientifique",
        "aucun, selon la déclaration",
        "12\u{202f}000 × 10^18 opérations",
        "Autoévaluation au regard du règlement",
        "France (FR)",
        "<th scope=\"row\" lang=\"fr\">",
    ];
    contains_all(&page, &expected);
    lacks_all(&page, &["<th scope=\"row\" lang=\"en\">"]);
}

#[tokio::test]
async fn not_assessed_yet_stays_possible() {
    let house = House::build().await;
    let (mut founder, organisation, _) = applicant(&house).await;
    let path = applied(&mut founder, &organisation).await;
    contains_all(&founder.get(&path).await, &["not assessed yet"]);
}

#[tokio::test]
async fn every_kind_of_evidence_can_be_handed_in_by_its_title() {
    let house = House::build().await;
    let mut founder = house.signed_in(FOUNDER).await;
    let organisation = registered(&mut founder).await;
    founder.language = "fr";
    let page = founder.get(&organisation).await;
    let engine = Engine::shipped().unwrap();
    assert!(engine.evidence_kinds().len() >= 11);
    // Reviewers record those.
    let is_handed_in = |shows: &[String]| !shows.iter().any(|it| it == "screening");
    let kinds = engine.evidence_kinds().iter();
    for kind in kinds.filter(|it| is_handed_in(&it.shows)) {
        let title = engine.title(TitleKind::EvidenceKind, &kind.id, "fr");
        let title = title.replace('\'', "&#39;");
        let option = format!("<option value=\"{}\">{title}</option>", kind.id);
        contains_all(&page, &[&option]);
    }
}

#[tokio::test]
async fn a_job_shows_the_rules_it_was_accepted_under_in_the_language_of_who_looks() {
    let house = House::build().await;
    let mut engineer = house.signed_in(ENGINEER).await;
    let job = house.hand_in(&mut engineer).await;
    engineer.language = "fr";
    let page = engineer.get(&job).await;
    contains_all(&page, &["<th scope=\"row\" lang=\"fr\">"]);
}
