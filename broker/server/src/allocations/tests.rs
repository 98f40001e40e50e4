//! Whole imports into a database: by a table, and from an emulated Waldur.

use broker_model::AllocationId;
use broker_store::{Dossiers as _, Ledger as _, SqlStore, StoreOptions};

use super::*;
use crate::compose::new_ledger_key;
use crate::waldur::emulated::{EmulatedWaldur, Failure, TOKEN, customer, resource};

/// A broker's folder: configuration, migrated database, and files beside them.
pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) config: Config,
    pub(crate) store: SqlStore,
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        new_ledger_key("test.example/ledger", &folder.path().join("ledger.pem")).unwrap();
        let text = format!(
            "[server]\nlisten = '127.0.0.1:0'\npublic_url = 'http://127.0.0.1:8443'\n\
             [database]\nurl = 'sqlite://{path}/broker.db'\n\
             [ledger]\nname = 'test.example/ledger'\nkey_file = '{path}/ledger.pem'\n\
             [[issuers]]\nissuer = 'https://id.example.eu'\naudiences = ['https://broker.example.eu']\n"
        );
        let config: Config = toml::from_str(&text).unwrap();
        let url = config.database.url.clone().unwrap();
        let store = SqlStore::connect(&url, StoreOptions::default()).await;
        let store = store.unwrap();
        store.migrate().await.unwrap();
        Self {
            folder,
            config,
            store,
        }
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> std::path::PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    fn options(&self) -> ImportOptions {
        ImportOptions {
            config: self.folder.path().join("broker.toml"),
            file: None,
            waldur: None,
            token_file: None,
            offering: Vec::new(),
            map: None,
            source: None,
            dry_run: false,
        }
    }

    fn reading(&self, waldur: &EmulatedWaldur) -> ImportOptions {
        let map = "[offerings.0ff1]\nsystem = 'lumi/lumi'\nshare = 'union'\nunit = 'GPU-hour'\n\
                   component = 'gpu_hours'\n";
        ImportOptions {
            waldur: Some(waldur.url.clone()),
            token_file: Some(self.file("token", TOKEN)),
            map: Some(self.file("map.toml", map)),
            source: Some("waldur".to_owned()),
            ..self.options()
        }
    }

    async fn run(&self, options: &ImportOptions) -> anyhow::Result<Imported> {
        let batch = batch(options).await?;
        imported(&self.config, &batch, options.dry_run).await
    }

    async fn ledger(&self) -> u64 {
        self.store.ledger_size().await.unwrap()
    }

    async fn claims(&self) -> usize {
        let claims = self
            .store
            .claims_under("allocation:waldur:", None, 200)
            .await;
        claims.unwrap().len()
    }
}

async fn waldur(count: usize) -> EmulatedWaldur {
    let emulated = EmulatedWaldur::start().await;
    emulated.change(|it| {
        it.resources = (0..count)
            .map(|n| resource(&format!("r{n}"), 1.5))
            .collect();
        it.customers = vec![customer()];
    });
    emulated
}

#[tokio::test]
async fn a_table_is_imported_from_its_file_and_its_faults_are_told() {
    let house = House::new().await;
    let head = "reference,organisation,country,identifier,project,system,share,unit,hours,valid_from,valid_to";
    let rest = "Pleione,FI,ext:p,Folding,lumi/lumi,union,GPU-hour";
    let table = |hours: &str| format!("{head}\nA-1,{rest},{hours},2026-11-01,2099-01-01\n");
    let mut options = house.options();
    options.file = Some(house.file("good.csv", &table("12.5")));
    let report = house.run(&options).await.unwrap().unwrap();
    assert_eq!(report.changes.len(), 3, "{report:?}");
    assert_eq!(
        house.run(&options).await.unwrap().unwrap(),
        ImportReport::default()
    );
    options.file = Some(house.file("bad.csv", &table("many")));
    let faults = house.run(&options).await.unwrap().unwrap_err();
    assert_eq!(faults[0].field, "line 2, hours");
}

#[tokio::test]
async fn a_waldur_is_imported_again_and_again_and_only_what_differs_changes() {
    let house = House::new().await;
    let waldur = waldur(120).await;
    let options = house.reading(&waldur);
    let mut dry = options;
    dry.dry_run = true;
    let said = house.run(&dry).await.unwrap().unwrap();
    assert_eq!((house.ledger().await, house.claims().await), (0, 0));
    let options = house.reading(&waldur);
    assert_eq!(house.run(&options).await.unwrap().unwrap(), said);
    assert_eq!(
        said.changes.len(),
        122,
        "an organisation, a project, 120 allocations"
    );
    let size = house.ledger().await;
    assert_eq!(
        house.run(&options).await.unwrap().unwrap(),
        ImportReport::default()
    );
    assert_eq!(house.ledger().await, size);

    waldur.change(|it| {
        it.resources[3]["limits"]["gpu_hours"] = 7.into();
        it.resources[4]["state"] = "Terminated".into();
        it.resources[5]["state"] = "Erred".into();
        it.resources[6]["project_name"] = "Another name".into();
        it.resources.remove(7);
    });
    let report = house.run(&options).await.unwrap().unwrap();
    assert_eq!(
        report.changes,
        [
            "allocation r3: 1.5000 hours granted became 7.0000",
            "allocation r4: suspended, since it is Terminated in Waldur",
        ]
    );
    let remarks = report.remarks.concat();
    assert!(remarks.contains("r5 is Erred"), "{remarks}");
    assert!(
        remarks.contains("r7 was imported before and is not there any more"),
        "{remarks}"
    );
    assert_eq!(report.remarks.len(), 2);
}

#[tokio::test]
async fn a_waldur_that_fails_in_the_middle_changes_nothing() {
    let house = House::new().await;
    let waldur = waldur(150).await;
    let options = house.reading(&waldur);
    for failure in [Failure::Status(400), Failure::Broken] {
        waldur.fail("marketplace-resources", 2, vec![failure]);
        let error = house.run(&options).await.unwrap_err();
        assert!(format!("{error:#}").contains("page 2"), "{error:#}");
        assert_eq!((house.ledger().await, house.claims().await), (0, 0));
    }
    house.run(&options).await.unwrap().unwrap();
    assert_eq!(house.claims().await, 150);
}

#[tokio::test]
async fn one_resource_at_fault_keeps_all_of_them_out() {
    let house = House::new().await;
    let waldur = waldur(2).await;
    waldur.change(|it| {
        it.resources[0]["end_date"] = serde_json::Value::Null;
        it.resources[1]["limits"] = serde_json::json!({"cpu": 1});
    });
    let faults = house
        .run(&house.reading(&waldur))
        .await
        .unwrap()
        .unwrap_err();
    let fields: Vec<&str> = faults.iter().map(|it| it.field.as_str()).collect();
    assert_eq!(fields, ["resource r1, hours", "resource r0, valid_to"]);
    assert_eq!(house.ledger().await, 0);
}

#[tokio::test]
async fn local_accounts_come_with_the_resources() {
    let house = House::new().await;
    let waldur = waldur(1).await;
    house.run(&house.reading(&waldur)).await.unwrap().unwrap();
    let holder = house.store.claim_holder("allocation:waldur:r0").await;
    let id: AllocationId = holder.unwrap().unwrap().parse().unwrap();
    let found = broker_store::Accounts::find_allocation(&house.store, id).await;
    let accounts = found.unwrap().unwrap().local_accounts;
    assert_eq!(accounts[&"lumi".parse().unwrap()], "acct_r0");
}
