//! The command `audit-verify`: walks the audit chain of one tenant or of all, and fails when one is not what it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Serialize;
use shinkofa_db::{Scope, transaction};
use shinkofa_kernel::TenantId;
use shinkofa_runtime::{Tenant, tenants};

use crate::Auth;
use crate::audit_chain::{Chain, KnownHead, Verification};

/// `[--tenant ID|SLUG] [--heads FILE]`
#[derive(Debug, Default, PartialEq, Eq)]
struct Order {
    tenant: Option<String>,
    /// Where the heads of the last walk are kept, outside the database: compared, then replaced by today's.
    heads: Option<PathBuf>,
}

const USAGE: &str = "audit-verify [--tenant ID|SLUG] [--heads FILE]";

impl Order {
    fn read(arguments: &[String]) -> anyhow::Result<Self> {
        let mut order = Self::default();
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let value = rest.next().with_context(|| format!("{name} has no value: {USAGE}"))?;
            match name.as_str() {
                "--tenant" => order.tenant = Some(value.clone()),
                "--heads" => order.heads = Some(value.into()),
                other => bail!("{other} is unknown: {USAGE}"),
            }
        }
        Ok(order)
    }
}

/// One line of the answer.
#[derive(Serialize)]
struct Line<'a> {
    tenant: &'a str,
    #[serde(flatten)]
    verification: &'a Verification,
}

type Heads = BTreeMap<TenantId, KnownHead>;

pub async fn run(auth: &Auth, arguments: &[String]) -> anyhow::Result<()> {
    let order = Order::read(arguments)?;
    let mut heads = order.heads.as_deref().map(read_heads).transpose()?.unwrap_or_default();
    let mut broken = 0;
    for tenant in chosen(auth, order.tenant.as_deref()).await? {
        let known = heads.get(&tenant.id).cloned();
        let scope = Scope::tenant(tenant.id);
        let chain = Chain { auth, scope: &scope, tenant: tenant.id };
        let verification = chain.verify_whole(known).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        say(&serde_json::to_string(&Line { tenant: &tenant.slug, verification: &verification })?);
        match (verification.intact, verification.head) {
            (true, Some(head)) => drop(heads.insert(tenant.id, head)),
            (true, None) => {}
            (false, _) => broken += 1,
        }
    }
    if broken > 0 {
        bail!("the audit trail of {broken} tenant(s) is not what it was");
    }
    order.heads.as_deref().map_or(Ok(()), |path| write_heads(path, &heads))
}

async fn chosen(auth: &Auth, wanted: Option<&str>) -> anyhow::Result<Vec<Tenant>> {
    let all = transaction(&auth.platform.database, &Scope::infrastructure(), "list_tenants", async |tx| {
        Ok::<_, shinkofa_db::Error>(tenants(tx).await?)
    })
    .await?;
    let Some(wanted) = wanted else { return Ok(all) };
    let found: Vec<_> =
        all.into_iter().filter(|tenant| tenant.slug == wanted || tenant.id.to_string() == wanted).collect();
    if found.is_empty() {
        bail!("there is no tenant {wanted:?}");
    }
    Ok(found)
}

/// No file: nothing was seen yet.
fn read_heads(path: &Path) -> anyhow::Result<Heads> {
    match std::fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).with_context(|| format!("{} is not ours", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Heads::new()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Whole or not at all: a half-written file would be no witness.
fn write_heads(path: &Path, heads: &Heads) -> anyhow::Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, serde_json::to_vec_pretty(heads)?)
        .and_then(|()| std::fs::rename(&beside, path))
        .with_context(|| format!("{} cannot be written", path.display()))
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_are_read_and_anything_else_is_refused() {
        let read = |text: &str| Order::read(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let order = read("--tenant default --heads /tmp/h").unwrap();
        assert_eq!(order, Order { tenant: Some("default".into()), heads: Some("/tmp/h".into()) });
        assert_eq!(read("").unwrap(), Order::default());
        assert!(read("--tenant").is_err() && read("--all yes").is_err());
    }
}
