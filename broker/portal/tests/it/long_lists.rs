//! Lists that are longer than a page.

use std::collections::BTreeSet;
use std::sync::Arc;

use broker_app::MOST_AT_ONCE;
use broker_model::{Assurance, IdentityAssurance, JobSpec, Principal};

use crate::browser::Shown;
use crate::by_people::{CARRIED, LIST, job_at};
use crate::house::{ADMIN, ENGINEER, House, OPERATOR, job_file};

impl House {
    /// Jobs that the engineer handed in otherwise than by the pages.
    async fn hand_in_many(&self, file: &str, jobs: u32) {
        let principal = Arc::new(Principal {
            issuer: self.issuer.issuer().to_owned(),
            subject: ENGINEER.to_owned(),
            name: None,
            email: None,
            email_verified: false,
            home_organisation: None,
            assurance: Assurance {
                identity: IdentityAssurance::High,
                multi_factor: true,
            },
            entitlements: BTreeSet::new(),
        });
        let engineer = self.broker.caller(principal).await.unwrap();
        let spec: JobSpec = toml::from_str(file).unwrap();
        for _ in 0..jobs {
            let sent = self.broker.submit(&engineer, spec.clone(), None).await;
            sent.unwrap();
        }
    }
}

/// How many cards the page has, and where the link to the next one leads.
fn cards(page: &Shown) -> (u32, Option<String>) {
    let count = page.text.matches("<section class=\"card\"").count();
    let link = page
        .text
        .split("<a href=\"")
        .find(|it| it.contains("rel=\"next\""));
    let link = link.map(|it| it.split('"').next().unwrap().to_owned());
    (u32::try_from(count).unwrap(), link)
}

#[tokio::test]
async fn what_waits_beyond_a_page_is_on_the_next_one() {
    let house = House::build().await;
    house.hlrs_is_there().await;
    for (site, list) in [("hammerhai", LIST), ("lumi", CARRIED)] {
        house.hand_in_many(&job_at(site), MOST_AT_ONCE + 1).await;
        let mut admin = house.signed_in(ADMIN).await;
        let (shown, next) = cards(&admin.get(list).await);
        assert_eq!(shown, MOST_AT_ONCE, "{list}");
        let rest = admin.get(&next.expect("a link to the next page")).await;
        assert_eq!(cards(&rest), (1, None), "{}", rest.text);
        let back = format!("href=\"{list}\"");
        assert!(rest.text.contains(&back), "{}", rest.text);
        let odd = admin.get(&format!("{list}?after=it")).await;
        assert_eq!(odd.status, 404);
    }
}

#[tokio::test]
async fn older_jobs_of_a_site_are_on_the_next_page() {
    let house = House::build().await;
    house.hand_in_many(&job_file(), 201).await;
    let mut operator = house.signed_in(OPERATOR).await;
    let page = operator.get("/sites/meluxina/admin").await;
    let (_, next) = cards(&page);
    let next = operator.get(&next.expect("a link to older jobs")).await;
    let jobs = |page: &Shown| {
        let table = page.text.split("<h2 id=\"jobs\">").nth(1).unwrap();
        table.matches(">job_").count()
    };
    assert_eq!((jobs(&page), jobs(&next)), (200, 1));
    assert_eq!(cards(&next).1, None);
}
