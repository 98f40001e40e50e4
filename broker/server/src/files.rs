//! Where files of evidence lie: a folder, or a bucket of an S3 service.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use broker_app::FileStore;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path as ObjectPath};

use crate::config::{FilesConfig, S3Config};

const MIB: usize = 1024 * 1024;

/// The store that the configuration names. A folder that is not there yet is made.
pub(crate) fn store(config: &FilesConfig) -> anyhow::Result<FileStore> {
    let objects: Arc<dyn ObjectStore> = match &config.s3 {
        Some(bucket) => Arc::new(s3(bucket).context("files.s3")?),
        None => Arc::new(folder(&config.dir)?),
    };
    Ok(FileStore {
        objects,
        largest_bytes: config.largest_mib as usize * MIB,
    })
}

/// Files that nobody but the broker's account reads; on disk before they are told of.
pub(crate) fn folder(dir: &Path) -> anyhow::Result<LocalFileSystem> {
    crate::compose::private_folder(dir).with_context(|| format!("files.dir: {}", dir.display()))?;
    let files = LocalFileSystem::new_with_prefix(dir)
        .with_context(|| format!("files.dir: {}", dir.display()))?;
    Ok(files.with_fsync(true))
}

fn s3(config: &S3Config) -> anyhow::Result<object_store::aws::AmazonS3> {
    let read = |file: &Path| {
        let text = std::fs::read_to_string(file);
        text.with_context(|| format!("{}", file.display()))
    };
    let mut bucket = AmazonS3Builder::new()
        .with_bucket_name(&config.bucket)
        .with_region(&config.region)
        .with_access_key_id(&config.access_key_id)
        // Files go one by one, and not every service has the request that deletes many.
        .with_config(AmazonS3ConfigKey::DisableBulkDelete, "true")
        .with_secret_access_key(read(&config.secret_access_key_file)?.trim());
    if let Some(endpoint) = &config.endpoint {
        let plain = endpoint.scheme() == "http";
        if plain
            && !endpoint
                .host_str()
                .is_some_and(crate::config::is_loopback_host)
        {
            bail!("endpoint: evidence would travel in clear to {endpoint}; use https");
        }
        bucket = bucket
            .with_endpoint(endpoint.as_str().trim_end_matches('/'))
            .with_allow_http(plain);
    }
    Ok(bucket.build()?)
}

/// Writes a file, reads it and takes it away: what the doctor tries.
pub(crate) async fn try_out(config: &FilesConfig) -> anyhow::Result<String> {
    let store = store(config)?;
    let tried = tried(&store).await;
    match &config.s3 {
        Some(bucket) => tried.with_context(|| place(bucket)),
        None => tried.with_context(|| format!("files.dir: {}", config.dir.display())),
    }
}

fn place(bucket: &S3Config) -> String {
    let endpoint = bucket.endpoint.as_ref();
    let endpoint = endpoint.map_or("Amazon", url::Url::as_str);
    format!("files.s3: bucket `{}` at {endpoint}", bucket.bucket)
}

async fn tried(store: &FileStore) -> anyhow::Result<String> {
    let path = ObjectPath::from("doctor");
    store
        .objects
        .put(&path, "a file of the doctor".into())
        .await?;
    let found = store.objects.get(&path).await?.bytes().await?;
    store.objects.delete(&path).await?;
    if found != "a file of the doctor" {
        bail!("a file came back with other bytes");
    }
    Ok("a file can be written, read and deleted".to_owned())
}

#[cfg(test)]
mod tests;
